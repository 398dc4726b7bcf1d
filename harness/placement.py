"""Which pod goes to which node, so that a topology has flows inside a node and between nodes.

Pure. The scheduler is told, not replaced: what an author's `node:` asks for is required of it, the rest preferred.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from harness.errors import HarnessError
from harness.model.flow import Endpoint
from harness.model.topology import NodeChoice, Pod


def place(
    pods: Iterable[Pod], nodes: Sequence[str], placed: Mapping[Endpoint, NodeChoice] | None = None
) -> dict[Endpoint, NodeChoice]:
    """Return a node for each of `pods`: those that belong together on one, all others spread evenly in their order.

    `placed` are pods that are up already and stay where they are. Empty without `nodes`: then nothing is known
    to choose from. Raises `HarnessError` where `node:` asks for more nodes than there are.
    """
    pods, placed = tuple(pods), placed or {}
    if not nodes:
        return {}
    groups = _Groups(pods, placed)
    load = Counter(choice.name for choice in placed.values())
    # Only those that must be kept apart can run into a dead end; they go first, and may go back.
    chosen = _kept_apart(groups, [group for group in groups.members if group in groups.apart], nodes, {}, load)
    if chosen is None:
        raise HarnessError(
            f"`node:` cannot be honoured on {len(nodes)} {'node' if len(nodes) == 1 else 'nodes'}",
            where=next(pod.endpoint for pod in pods if pod.node is not None),
            remedy="take a cluster with more nodes, or leave the scenario out here",
        )
    for group, members in groups.members.items():
        if group in chosen:
            load[chosen[group]] += len(members)
    for group, members in groups.members.items():
        if group not in chosen:
            chosen[group] = groups.fixed.get(group) or min(nodes, key=lambda node: load[node])
            load[chosen[group]] += len(members)
    return {
        pod.endpoint: NodeChoice(chosen[groups.of(pod.endpoint)], required=pod.endpoint in groups.constrained)
        for pod in pods
    }


class _Groups:
    """Pods that must share a node, and which groups must not."""

    def __init__(self, pods: Sequence[Pod], placed: Mapping[Endpoint, NodeChoice]) -> None:
        self._parents: dict[Endpoint, Endpoint] = {}
        self.constrained: set[Endpoint] = set()
        for pod in pods:
            if pod.node is not None:
                self.constrained |= {pod.endpoint, pod.node.other}
                if pod.node.same:
                    self._parents[self.of(pod.endpoint)] = self.of(pod.node.other)
        self.members: dict[Endpoint, list[Endpoint]] = {}
        for pod in pods:
            self.members.setdefault(self.of(pod.endpoint), []).append(pod.endpoint)
        self.fixed = {self.of(endpoint): choice.name for endpoint, choice in placed.items()}
        self.apart: dict[Endpoint, set[Endpoint]] = {}
        for pod in pods:
            if pod.node is not None and not pod.node.same:
                one, other = self.of(pod.endpoint), self.of(pod.node.other)
                self.apart.setdefault(one, set()).add(other)
                self.apart.setdefault(other, set()).add(one)

    def of(self, endpoint: Endpoint) -> Endpoint:
        """Return the pod that stands for the group of `endpoint`."""
        while (parent := self._parents.get(endpoint, endpoint)) != endpoint:
            endpoint = parent
        return endpoint


def _kept_apart(
    groups: _Groups, left: Sequence[Endpoint], nodes: Sequence[str], chosen: dict[Endpoint, str], load: Counter[str]
) -> dict[Endpoint, str] | None:
    """Choose a node for each group, the emptiest first; goes back where that turns out to be impossible."""
    if not left:
        return chosen
    group, *rest = left
    here = groups.fixed.get(group)
    taken = {here if other == group else chosen.get(other, groups.fixed.get(other)) for other in groups.apart[group]}
    for node in [here] if here is not None else sorted(nodes, key=lambda node: load[node]):
        if node not in taken and group not in groups.apart[group]:
            more = Counter({node: len(groups.members[group])})
            found = _kept_apart(groups, rest, nodes, {**chosen, group: node}, load + more)
            if found is not None:
                return found
    return None
