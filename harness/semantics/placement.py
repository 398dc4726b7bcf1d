"""What a topology says about who shares a node with whom."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model.flow import Endpoint
from harness.model.topology import Pod


class Placement:
    """Nodes as far as `same-as` and `other-than` tell: which pods share one, and which cannot.

    Nothing is inferred from a number of nodes, which is the cluster's own affair.
    """

    def __init__(self, pods: Iterable[Pod]) -> None:
        self._parents: dict[Endpoint, Endpoint] = {}
        apart: list[tuple[Endpoint, Endpoint]] = []
        for pod in pods:
            if pod.node is None:
                continue
            if pod.node.same:
                self._parents[self._node(pod.endpoint)] = self._node(pod.node.other)
            else:
                apart.append((pod.endpoint, pod.node.other))
        self._apart = {frozenset((self._node(one), self._node(other))) for one, other in apart}

    def share_node(self, one: Endpoint, other: Endpoint) -> bool | None:
        """Tell whether two pods are on one node; None where the topology leaves it open."""
        here, there = self._node(one), self._node(other)
        if here == there:
            return True
        return False if frozenset((here, there)) in self._apart else None

    def _node(self, pod: Endpoint) -> Endpoint:
        """Return the pod that stands for the node of `pod`."""
        while (parent := self._parents.get(pod, pod)) != pod:
            pod = parent
        return pod
