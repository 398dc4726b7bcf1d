"""Merging: the results of several machines as the result of one run."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ExitCode
from harness.model.result import ClusterFacts, RunResult, Shard
from harness.reporting.merging import Part, merge
from harness.reporting.outcome import exit_code
from tests.golden import results


def _shards(of: int, whole: RunResult | None = None) -> list[Part]:
    """Cut a run into parts that have a scenario each, or none."""
    whole = whole or _whole(of)
    return [
        Part(
            f"{number}.json",
            replace(
                whole,
                run=f"run{number}",
                scenarios=whole.scenarios[number - 1 : number],
                shard=Shard(number, of),
                started=f"2026-11-23T10:00:{number:02}Z",
                duration_s=10.0,
            ),
        )
        for number in range(1, of + 1)
    ]


def _whole(scenarios: int) -> RunResult:
    one = results.match().scenarios[0]
    return replace(
        results.match(),
        scenarios=tuple(replace(one, name=f"s{number}", file=f"s{number}.yaml") for number in range(scenarios)),
    )


@given(st.permutations(range(4)))
def test_parts_in_any_order_make_the_same_whole(order: list[int]) -> None:
    """The files of a folder come in any order; the whole has every scenario, from the first start to the last end."""
    parts = _shards(4)
    whole, faults = merge([parts[number] for number in order])

    assert (whole.scenarios, faults, exit_code(whole)) == (_whole(4).scenarios, (), ExitCode.MATCH)
    assert (whole.run, whole.started, whole.duration_s, whole.shard) == (
        "run1+run2+run3+run4",
        "2026-11-23T10:00:01Z",
        13.0,
        None,
    )


def test_a_missing_shard_is_no_proof() -> None:
    """However green the others are, the whole is inconclusive and says what was not judged."""
    parts = _shards(5)
    whole, faults = merge([parts[0], parts[4]])

    assert (faults, exit_code(whole)) == ((), ExitCode.INCONCLUSIVE)
    assert whole.error == "of 5 shards, 2-4 are missing: their scenarios were not judged"


def test_one_shard_alone_is_not_the_whole() -> None:
    """Merging a single file must not hide that there are others."""
    whole, _ = merge(_shards(2)[:1])

    assert whole.error == "of 2 shards, 2 is missing: their scenarios were not judged"


def test_a_shard_without_scenarios_is_well() -> None:
    """More machines than topologies is a waste, and no fault."""
    whole, faults = merge(_shards(3, _whole(2)))

    assert (len(whole.scenarios), faults, exit_code(whole)) == (2, (), ExitCode.MATCH)


def test_the_same_scenario_twice_is_told() -> None:
    """Two results of one scenario are not one result: which of them would count?"""
    one, two, three = _shards(3)
    again = Part("again.json", replace(two.result, shard=Shard(3, 3)))
    _, faults = merge([one, two, again])
    _, twins = merge([one, two, three, Part("copy.json", replace(three.result, scenarios=()))])

    assert faults == ("2.json and again.json both tell of 1 scenario: s1 (s1.yaml)",)
    assert twins == ("3.json and copy.json are both shard 3/3",)


def test_parts_of_different_runs_are_told() -> None:
    """Two clusters, two revisions or two ways to cut are no one run; all of it at once."""
    one, two = _shards(2)
    other = replace(
        two.result, cluster=ClusterFacts("kind", emulated=False, cni="calico"), commit="b2", shard=Shard(2, 3)
    )
    _, faults = merge([Part("1.json", replace(one.result, commit="a1")), Part("2.json", other)])

    assert faults == (
        "the parts differ in their cluster: local in 1.json; kind calico in 2.json",
        "the parts differ in their commit: a1 in 1.json; b2 in 2.json",
        "the parts differ in their number of shards: 2 in 1.json; 3 in 2.json",
    )


def test_what_stopped_a_part_stops_the_whole() -> None:
    """Errors and interruptions of a part are those of the whole, with the part's name."""
    one, two = _shards(2)
    stopped = Part("2.json", replace(two.result, error="not enforced", interrupted=True, scenarios=(), cluster=None))
    whole, faults = merge([one, stopped])

    assert (faults, whole.error, whole.interrupted) == ((), "2.json: not enforced", True)
    assert whole.cluster == one.result.cluster
