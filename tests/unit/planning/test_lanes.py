"""Lanes: equal topologies share pods, and sharing never costs parallelism."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SourceLocation
from harness.model.scenario import Scenario, Step
from harness.model.topology import Namespace, Pod, ProbeSettings, Topology
from harness.plan import has_topology_changes, lanes, shard

PLACE = SourceLocation("x.scenario.yaml", 1, 1)


def topology(*names: str) -> Topology:
    """Build a topology of pods in one namespace."""
    pods = [Pod("x", name) for name in names]
    return Topology({"x": Namespace("x")}, {pod.endpoint: pod for pod in pods})


def scenario(name: str, pods: Topology, *, restart: tuple[str, ...] = (), steps: int = 1) -> Scenario:
    """Build a scenario of steps that restart `restart`."""
    step = Step("s", PLACE, Topology(), (), restart, (), (), (), 0.0, pods, (), (), None)
    return Scenario(name, "about", (), f"{name}.yaml", PLACE, pods, ProbeSettings(), (step,) * steps)


def test_scenarios_with_equal_topologies_share_a_lane() -> None:
    """Pods are brought up once for scenarios that need the same ones."""
    one, two, other = scenario("one", topology("a")), scenario("two", topology("a")), scenario("other", topology("b"))
    plan = lanes([one, other, two], parallel=1)

    assert [[item.name for item in lane.scenarios] for lane in plan] == [["one", "two"], ["other"]]


def test_a_large_group_is_split_over_the_lanes_there_are() -> None:
    """Eight scenarios on the same pods keep four lanes busy."""
    plan = lanes([scenario(str(number), topology("a")) for number in range(8)], parallel=4)

    assert [len(lane.scenarios) for lane in plan] == [2, 2, 2, 2]


def test_where_pods_are_dear_only_a_group_that_would_outlast_all_others_is_split() -> None:
    """Four of eight scenarios are half of the work, so on two workers they stay together; eight of eight do not."""
    mixed = [scenario(str(number), topology("ab"[number % 2])) for number in range(8)]
    alike = [scenario(str(number), topology("a")) for number in range(8)]

    sizes = [[len(lane.scenarios) for lane in lanes(them, 2, pods_are_cheap=False)] for them in (mixed, alike)]
    assert sizes == [[4, 4], [4, 4]]


def test_a_scenario_that_changes_its_pods_shares_them_with_nobody() -> None:
    """A restarted pod has a new address: the next scenario would not find what it declared."""
    changing = scenario("changing", topology("a"), restart=("x/a",))
    plan = lanes([scenario("one", topology("a")), changing, scenario("two", topology("a"))], parallel=1)

    assert has_topology_changes(changing)
    assert sorted([item.name for item in lane.scenarios] for lane in plan) == [["changing"], ["one", "two"]]


def test_every_scenario_is_in_exactly_one_lane_and_long_lanes_come_first() -> None:
    """The longest lane bounds the run, so it starts first."""
    all_of_them = [scenario(str(number), topology(str(number)), steps=number) for number in range(1, 6)]
    plan = lanes(all_of_them, parallel=3)

    assert [lane.scenarios[0].name for lane in plan] == ["5", "4", "3", "2", "1"]
    assert len({lane.number for lane in plan}) == 5


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans(), st.integers(1, 9)), max_size=20), st.integers(1, 6))
def test_every_scenario_is_in_exactly_one_shard(drawn: list[tuple[str, bool, int]], of: int) -> None:
    """Machines that know nothing of one another leave nothing out, and do nothing twice, however they are cut."""
    everything = [
        scenario(str(number), topology(name), restart=(f"x/{name}",) if changes else (), steps=steps)
        for number, (name, changes, steps) in enumerate(drawn)
    ]
    shards = [shard(everything, number, of) for number in range(1, of + 1)]
    names = [item.name for part in shards for item in part]

    assert sorted(names, key=int) == [item.name for item in everything]
    assert all([item.name for item in part] == sorted((item.name for item in part), key=int) for part in shards)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), max_size=20), st.integers(1, 4))
def test_scenarios_that_share_pods_stay_on_one_machine(drawn: list[tuple[str, int]], of: int) -> None:
    """A topology is brought up once, not once on every machine."""
    everything = [scenario(str(number), topology(name), steps=steps) for number, (name, steps) in enumerate(drawn)]
    homes = {
        (next(iter(item.topology.pods)), number)
        for number in range(1, of + 1)
        for item in shard(everything, number, of)
    }

    assert len(homes) == len({pods for pods, _ in homes})


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 6))
def test_shards_take_about_as_long(steps: list[int], of: int) -> None:
    """No machine has more than another by more than the longest group, which cannot be cut."""
    everything = [scenario(str(number), topology(str(number)), steps=many) for number, many in enumerate(steps)]
    loads = [sum(len(item.steps) for item in shard(everything, number, of)) for number in range(1, of + 1)]

    assert max(loads) - min(loads) <= max(steps)
