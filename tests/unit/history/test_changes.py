"""What a regression is, and what is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.flow import Flow
from harness.model.result import Verdict
from harness.reporting.history.changes import BAD, GOOD, Course, Entry, Kind, Play, courses, differing
from harness.reporting.history.records import VERDICTS, Cells, StepKey
from tests.unit.history.nights import cells, entries, night, told

LETTERS = "MLO?-K"


def last(*runs: str) -> list[str]:
    """Follow runs of one step, given by letters, and say what the last one changed."""
    found, changes = courses(entries(*(night(number, run) for number, run in enumerate(runs))), lambda _: ())
    assert len(found) == 1
    return told(changes[-1])


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("M", "L", "regression"),
        ("M", "O", "regression"),
        ("K", "L", "regression"),
        ("K", "O", "regression"),
        ("L", "M", "recovery"),
        ("O", "M", "recovery"),
        ("L", "K", "recovery"),
        ("O", "K", "recovery"),
        ("L", "O", "shift"),
        ("O", "L", "shift"),
        ("M", "K", "shift"),
        ("K", "M", "shift"),
    ],
)
def test_a_change_of_a_decided_verdict_has_one_name(before: str, after: str, kind: str) -> None:
    """Good to bad is a regression, bad to good a recovery, anything else a shift."""
    assert [text.split()[0] for text in last(before, after)] == [kind]


@pytest.mark.parametrize("undecided", ["?", "-", "??-", "-?"])
def test_what_decides_nothing_neither_makes_a_change_nor_hides_one(undecided: str) -> None:
    """INCONCLUSIVE and IGNORED are no change, and the next verdict is compared with the one before them."""
    assert [last("M", *undecided[: number + 1]) for number in range(len(undecided))] == [[]] * len(undecided)
    assert last("M", *undecided, "M") == []
    assert last("M", *undecided, "L") == ["regression a: MATCH in 0 LEAK"]


def test_a_change_names_the_latest_run_that_decided() -> None:
    """Of several good nights, the last one before the regression is told."""
    assert last("M", "M", "M", "?", "O") == ["regression a: MATCH in 2 OUTAGE"]


def test_the_first_of_comparable_runs_changes_nothing() -> None:
    """Where nothing is earlier, nothing is new, however it failed."""
    assert last("LOM?") == []


def test_flows_that_come_and_go_are_new_and_gone() -> None:
    """A flow that the step did not have is new, one that it has no more is gone, whatever their order."""
    runs = entries(night(0, {"shop": cells("ML", "ab")}), night(1, {"shop": cells("OL", "cb")}))
    _, changes = courses(runs, lambda _: ())

    assert told(changes[1]) == ["new c: OUTAGE", "gone a: MATCH in 0"]


def test_a_flow_that_moved_is_still_compared() -> None:
    """A flow keeps its past when the list of flows changes around it."""
    runs = entries(night(0, {"shop": cells("MML", "abc")}), night(1, {"shop": cells("MLM", "xcb")}))
    runs += entries(night(2, {"shop": cells("MOL", "xbc")}))
    _, changes = courses(runs, lambda _: ())

    assert [told(each) for each in changes] == [
        [],
        ["new x: MATCH", "gone a: MATCH in 0"],
        ["regression b: MATCH in 1 OUTAGE"],
    ]


def test_a_scenario_that_was_not_played_is_not_gone() -> None:
    """Half of the scenarios, run alone, say nothing of the other half, which is compared when it is run again."""
    whole = {"shop": cells("M"), "bank": cells("M")}
    runs = entries(night(0, whole), night(1, {"shop": cells("M")}), night(2, {"shop": cells("M"), "bank": cells("L")}))
    _, changes = courses(runs, lambda _: ())

    assert [told(each) for each in changes] == [[], [], ["regression a: MATCH in 0 LEAK"]]


@pytest.mark.parametrize("how", ["error", "interrupted"])
def test_what_a_run_that_broke_off_lacks_is_not_gone(how: str) -> None:
    """Only a scenario that was played to its end can lack a flow for good."""
    cut = night(
        1,
        {"shop": cells("M", "b")},
        errors={"shop": "no room"} if how == "error" else None,
        interrupted=how == "interrupted",
    )
    runs = entries(night(0, {"shop": cells("MM", "ab")}), cut, night(2, {"shop": cells("LM", "ab")}))
    _, changes = courses(runs, lambda _: ())

    assert [told(each) for each in changes] == [[], [], ["regression a: MATCH in 0 LEAK"]]


def test_a_step_that_is_no_more_is_gone_and_starts_anew() -> None:
    """All flows of the step are gone; when it comes back they are new, not recovered or regressed."""
    step = night(0, "M")
    without = replace(step, scenarios=(replace(step.scenarios[0], steps=()),))
    _, changes = courses(entries(step, without, night(2, "L")), lambda _: ())

    assert [told(each) for each in changes] == [[], ["gone a: MATCH in 0"], ["new a: LEAK"]]


def test_what_fails_is_told_with_the_run_that_began_it() -> None:
    """A flow fails since the first of the runs that found it so, past nights without proof."""
    found, _ = courses(entries(night(0, "MM"), night(1, "LM"), night(2, "?M"), night(3, "LM")), lambda _: ())
    (course,) = found.values()

    assert [(each.flow.source, each.since, each.last.run) for each in course.failing()] == [("shop/a", 1, 3)]


def test_runs_that_are_not_comparable_are_never_compared() -> None:
    """Each lane has its own past; a run without a lane has none."""
    lanes = {"000000": "x", "000001": "y", "000002": "x", "000003": None}
    runs = entries(night(0, "M"), night(1, "L"), night(2, "L"), night(3, "M"))
    _, changes = courses(runs, lambda header: lanes[header.run])

    assert [told(each) for each in changes] == [[], [], ["regression a: MATCH in 0 LEAK"], []]


@settings(max_examples=40)
@given(st.binary(max_size=200), st.sets(st.integers(0, 199), max_size=8))
def test_differing_places_are_those_that_differ(one: bytes, places: set[int]) -> None:
    """Comparing by chunks finds what comparing one by one finds."""
    other = bytes(byte ^ (place in places) for place, byte in enumerate(one))

    assert differing(one, other) == [place for place in range(len(one)) if one[place] != other[place]]


# -- against a naive reading of the definitions ---------------------------------------


@st.composite
def timelines(draw: st.DrawFn) -> list[Entry]:
    """Draw runs of two scenarios of up to two steps, over a few flows in any order, broken off or not."""
    runs = []
    for number in range(draw(st.integers(1, 6))):
        plays, played = [], set()
        for scenario in draw(st.lists(st.sampled_from(["shop", "bank"]), unique=True)):
            if draw(st.booleans()):
                played.add(scenario)
            for step in draw(st.lists(st.sampled_from(["one", "two"]), unique=True)):
                names = draw(st.permutations("abc"))[: draw(st.integers(0, 3))]
                letters = "".join(draw(st.sampled_from(LETTERS)) for _ in names)
                plays.append(Play(StepKey(scenario, step), cells(letters, "".join(names))))
        if runs and draw(st.booleans()):
            # A history gives runs that saw the same the same object.
            plays = [next((old for old in runs[-1].plays if old[:2] == play[:2]), play) for play in plays]
        runs.append(Entry(night(number, "M").header, tuple(plays), frozenset(played)))
    return runs


Place = tuple[StepKey, Flow]


def naive(runs: list[Entry]) -> list[set[tuple[object, ...]]]:
    """Read the definitions word by word: remember each flow by itself."""
    decided: dict[Place, tuple[int, Verdict]] = {}
    known: dict[StepKey, set[Flow]] = {}
    found: list[set[tuple[object, ...]]] = []
    for number, run in enumerate(runs):
        changes: set[tuple[object, ...]] = set()
        here: Mapping[StepKey, Cells] = {play.key: play.cells for play in run.plays}
        has_past = any(earlier.plays for earlier in runs[:number])
        for key, matrix in here.items():
            for index, flow in enumerate(matrix.flows):
                verdict = matrix[index].verdict
                if flow not in known.setdefault(key, set()):
                    known[key].add(flow)
                    changes |= {(Kind.NEW, key, flow, None, verdict)} if has_past else set()
                if verdict not in GOOD | BAD:
                    continue
                before = decided.get((key, flow))
                if before and before[1] is not verdict:
                    kind = Kind.SHIFT
                    if before[1] in GOOD and verdict in BAD:
                        kind = Kind.REGRESSION
                    elif before[1] in BAD and verdict in GOOD:
                        kind = Kind.RECOVERY
                    changes.add((kind, key, flow, before, verdict))
                decided[key, flow] = number, verdict
        for key in [key for key in known if key.scenario in run.played]:
            for flow in known[key] - set(here[key].flows if key in here else ()):
                known[key].discard(flow)
                decided.pop((key, flow), None)
                changes.add((Kind.GONE, key, flow))
        found.append(changes)
    return found


@settings(max_examples=40)
@given(timelines())
def test_changes_are_what_the_definitions_say(runs: list[Entry]) -> None:
    """Following whole matrices as bytes finds exactly what remembering each flow by itself finds."""
    _, changes = courses(runs, lambda _: ())
    actual = []
    for run in changes:
        told_: set[tuple[object, ...]] = set()
        for change in run:
            after = change.after.seen.verdict if change.after else None
            before = (change.before.run, change.before.seen.verdict) if change.before else None
            told_.add((change.kind, change.key, change.flow) + (() if change.kind is Kind.GONE else (before, after)))
        assert len(told_) == len(run)
        actual.append(told_)

    assert actual == naive(runs)


@settings(max_examples=40)
@given(st.lists(st.text(LETTERS, min_size=3, max_size=3), min_size=2, max_size=8))
def test_regressions_recoveries_and_shifts_part_the_changes(letters: list[str]) -> None:
    """Every flow whose decided verdict is another one than before is in exactly one of the three, and no other is."""
    _, changes = courses(entries(*(night(number, each) for number, each in enumerate(letters))), lambda _: ())
    expected = []
    for number in range(len(letters)):
        rows = [
            "".join(column).translate({ord("?"): "", ord("-"): ""})
            for column in zip(*letters[: number + 1], strict=True)
        ]
        decides = [letters[number][place] in "MLOK" for place in range(3)]
        expected.append(
            sum(decides[place] and len(rows[place]) > 1 and rows[place][-1] != rows[place][-2] for place in range(3))
        )

    assert [len(each) for each in changes] == expected
    assert [len({change.flow for change in each}) for each in changes] == expected


@settings(max_examples=40)
@given(st.lists(st.text("MLOK", min_size=2, max_size=2), min_size=1, max_size=8))
def test_what_fails_at_the_end_is_what_regressed_and_did_not_recover(letters: list[str]) -> None:
    """First verdicts, regressions and recoveries add up to what is failing."""
    course = Course()
    failing = {index for index, letter in enumerate(letters[0]) if letter in "LO"}
    for number, each in enumerate(entries(*(night(number, each) for number, each in enumerate(letters)))):
        for change in course.follow(number, each):
            index = "ab".index(change.flow.source[-1])
            failing = failing | {index} if change.kind is Kind.REGRESSION else failing
            failing = failing - {index} if change.kind is Kind.RECOVERY else failing

    assert {"ab".index(each.flow.source[-1]) for each in course.failing()} == failing


def test_every_verdict_has_a_letter() -> None:
    """Each verdict can be written into a file and read back, and none shares its letter."""
    assert [VERDICTS.decode(VERDICTS.encode(verdict)) for verdict in Verdict] == list(Verdict)
