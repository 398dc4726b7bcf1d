"""What is shown of a history: which runs, which flakes, how fast."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reporting.history import latency
from harness.reporting.history.lanes import Across
from harness.reporting.history.overview import Overview, Selection, build, measure
from harness.reporting.history.wording import sparkline
from tests.unit.history.nights import cells, entries, night, told, upgraded


def shown(overview: Overview) -> list[tuple[int, int]]:
    """Return for each lane how many runs are shown and how many are earlier."""
    return [(len(lane.runs), lane.earlier) for lane in overview.lanes]


def flakes(*runs: str, **options: str) -> list[tuple[str, list[str]]]:
    """Return the flakes of runs under the same conditions: each flow and its verdicts."""
    found = build("x", entries(*(night(at, run, **options) for at, run in enumerate(runs))), Selection())  # type: ignore[arg-type]
    return [
        (flake.flow.source[-1], [str(verdict) for verdict in flake.verdicts])
        for lane in found.lanes
        for flake in lane.flakes
    ]


def test_only_the_last_runs_are_shown_and_all_are_followed() -> None:
    """A regression against a run that is not shown is a regression."""
    overview = build("x", entries(night(0, "M"), night(1, "?"), night(2, "L")), Selection(last=1))

    assert (shown(overview), told(list(overview.lanes[0].changes))) == ([(1, 2)], ["regression a: MATCH in 0 LEAK"])


def test_a_lane_of_which_no_run_is_among_the_last_is_not_shown() -> None:
    """A version that is tried no more stops being red."""
    runs = entries(night(0, "M"), night(1, "L"), night(2, "M", facts=upgraded(kubernetes="v1.35.0")))

    assert [build("x", runs, Selection(last=last)).has_regressed for last in (1, 2)] == [False, True]


def test_a_selection_leaves_out_other_cnis_and_scenarios() -> None:
    """What is not selected is neither shown nor compared with."""
    runs = entries(
        night(0, {"shop": cells("M"), "bank": cells("M")}),
        night(1, {"shop": cells("L"), "bank": cells("M")}, facts=upgraded(cni="cilium")),
        night(2, {"shop": cells("M"), "bank": cells("L")}),
    )
    overview = build("x", runs, Selection(cni="calico", scenario="b*"))

    assert (shown(overview), sum(overview.lanes[0].latest.tally.values())) == ([(2, 0)], 1)
    assert told(list(overview.lanes[0].changes)) == ["regression a: MATCH in 0 LEAK"]
    assert build("x", runs, Selection(cni="cilium")).has_regressed is False


def test_other_versions_are_compared_where_that_is_asked_for() -> None:
    """An upgrade's regressions show across versions."""
    runs = entries(night(0, "M"), night(1, "L", facts=upgraded(cni_version="v3.31.0")))

    assert [build("x", runs, Selection(across=across)).has_regressed for across in Across] == [False, True, True]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (("M", "L"), [("a", ["MATCH", "LEAK"])]),
        (("M", "L", "M"), [("a", ["MATCH", "LEAK", "MATCH"])]),
        (("L", "O"), [("a", ["LEAK", "OUTAGE"])]),
        (("M", "?", "M"), []),
        (("M", "?", "L"), [("a", ["MATCH", "LEAK"])]),
        (("M", "M"), []),
        (("L",), []),
    ],
)
def test_a_flake_is_a_decided_verdict_that_changed_under_the_same_conditions(
    runs: tuple[str, ...], expected: list[tuple[str, list[str]]]
) -> None:
    """A flow without proof in between is no flake, and one that always fails is none."""
    assert flakes(*runs) == expected


def test_another_declaration_is_no_flake() -> None:
    """Where another thing is declared, another question was asked, whatever the commit says."""
    runs = entries(night(0, {"shop": cells("M", declared="a")}), night(1, {"shop": cells("L", declared="d")}))
    (lane,) = build("x", runs, Selection()).lanes

    assert (len(lane.changes), lane.flakes) == (1, ())


def test_other_commits_are_no_flake() -> None:
    """What changed with a commit has a reason."""
    runs = entries(night(0, "M", commit="a" * 40), night(1, "L", commit="b" * 40), night(2, "M", commit=None))
    (lane,) = build("x", runs, Selection()).lanes

    assert lane.flakes == ()


@given(st.lists(st.none() | st.integers(0, 10_000_000), min_size=1))
def test_latency_is_of_the_steps_whose_time_is_known(times: list[int | None]) -> None:
    """Median, 95th percentile and longest are in order, and are times that were measured, or between two of them."""
    found, known = measure(times), sorted(time / 1000 for time in times if time is not None)

    assert (found is None) == (not known)
    assert found is None or known[0] <= found.median_s <= found.p95_s <= found.longest_s == known[-1] or len(known) < 3
    assert found is None or sum(time <= found.p95_s for time in known) >= 0.95 * len(known)


@given(st.floats(1e-5, 20))
def test_a_probe_latency_comes_back_within_three_percent(seconds: float) -> None:
    """One byte is enough for what people compare."""
    found = latency.decode(latency.encode(seconds))

    assert found is not None
    assert found == pytest.approx(seconds, rel=0.03)


@pytest.mark.parametrize("unknown", [None, float("nan"), float("inf"), -1.0])
def test_a_latency_that_is_none_is_unknown(unknown: float | None) -> None:
    """What was not measured comes back as not known, never as a time."""
    assert latency.decode(latency.encode(unknown)) is None


def test_a_sparkline_is_drawn_from_nothing_to_the_highest() -> None:
    """Twice as long is twice as high, and what is not known is a dot."""
    assert sparkline([1.0, 0.5, None, 0.0, 0.25]) == "█▅.▁▃"
