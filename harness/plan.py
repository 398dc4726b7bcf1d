"""Which scenarios share pods, and in what order lanes of them start.

Pure. A lane is a list of scenarios that run one after the other on the same pods;
lanes run side by side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.model.flow import Endpoint
from harness.model.scenario import Scenario
from harness.model.topology import External, Topology


@dataclass(frozen=True)
class Lane:
    """Scenarios on one topology; `number` is unique in the plan and names the lane's objects."""

    number: int
    topology: Topology
    scenarios: tuple[Scenario, ...]

    @property
    def pods(self) -> int:
        """How many pods the lane needs at its fullest, for a run's budget of pods."""
        return max(
            [len(self.topology.pods)] + [len(step.topology.pods) for item in self.scenarios for step in item.steps]
        )

    @property
    def externals(self) -> tuple[External, ...]:
        """Every external that the lane needs, in whichever step."""
        topologies = [self.topology, *(step.topology for scenario in self.scenarios for step in scenario.steps)]
        found: dict[Endpoint, External] = {}
        for topology in topologies:
            found.update(topology.externals)
        return tuple(found.values())


def are_in_each_others_way(one: Lane, other: Lane) -> bool:
    """Tell whether two lanes want one address outside, which is the same for all, for different externals."""
    return any(
        mine != theirs and not set(mine.addresses.values()).isdisjoint(theirs.addresses.values())
        for mine in one.externals
        for theirs in other.externals
    )


def has_topology_changes(scenario: Scenario) -> bool:
    """Tell whether a scenario leaves its pods other than it found them."""
    return any(step.add != Topology() or step.remove or step.restart or step.relabel for step in scenario.steps)


def has_cluster_wide_effects(scenario: Scenario) -> bool:
    """Tell whether a scenario can disturb others on the same cluster although its namespaces are its own.

    What it applies may live in no namespace, and a pod in its node's network takes ports that exist once a node.
    """
    return any(
        any(not manifest.ref.namespace for manifest in step.apply)
        or any(pod.host_network for pod in step.topology.pods.values())
        for step in scenario.steps
    )


def groups(scenarios: Iterable[Scenario]) -> tuple[tuple[Scenario, ...], ...]:
    """Put scenarios together that can use the same pods, in the order given.

    A scenario that changes its topology is a group of its own.
    """
    found: list[list[Scenario]] = []
    for scenario in scenarios:
        group = None
        if not has_topology_changes(scenario):
            group = next((each for each in found if _can_share(each[0], scenario)), None)
        if group is None:
            found.append([scenario])
        else:
            group.append(scenario)
    return tuple(tuple(group) for group in found)


def lanes(scenarios: Sequence[Scenario], parallel: int, *, pods_are_cheap: bool = True) -> tuple[Lane, ...]:
    """Group scenarios by topology into lanes, the longest first, keeping their order inside a lane.

    A group is split so that it fills at most `parallel` lanes: sharing pods must not cost parallelism. Where pods
    take seconds to come up, only a group that would outlast all others is split.
    """
    parts: list[tuple[Scenario, ...]] = []
    share_of_all = sum(_weight(scenario) for scenario in scenarios) / parallel
    for group in groups(scenarios):
        pieces = parallel if pods_are_cheap else math.ceil(sum(_weight(item) for item in group) / max(share_of_all, 1))
        share = -(-len(group) // min(parallel, pieces))
        parts += [group[start : start + share] for start in range(0, len(group), share)]
    parts.sort(key=lambda part: -sum(_weight(scenario) for scenario in part))
    return tuple(Lane(number, part[0].topology, part) for number, part in enumerate(parts, start=1))


def shard(scenarios: Sequence[Scenario], number: int, of: int) -> tuple[Scenario, ...]:
    """Return part `number`, from 1, of `of` parts that together have every scenario once, in the order given.

    The same files give the same parts on every machine. Scenarios that share pods stay together, as pods cannot be
    shared between machines; within that, all parts take about as long. A part is empty where there are too few groups.
    """
    weighed = [(sum(map(_weight, group)), group) for group in groups(scenarios)]
    loads = [0.0] * of
    chosen: set[int] = set()
    for weight, group in sorted(weighed, key=lambda pair: -pair[0]):
        lightest = loads.index(min(loads))
        loads[lightest] += weight
        if lightest == number - 1:
            chosen.update(map(id, group))
    return tuple(scenario for scenario in scenarios if id(scenario) in chosen)


def _can_share(first: Scenario, other: Scenario) -> bool:
    return not has_topology_changes(first) and first.topology == other.topology


def _weight(scenario: Scenario) -> float:
    """Estimate a scenario's length: every step settles once, waits come on top, big matrices cost more."""
    return sum(1 + step.wait_s + len(step.flows) / 2000 for step in scenario.steps)
