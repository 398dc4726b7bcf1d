"""Label selectors on raw dicts, for the data plane alone.

Written apart from `harness.model.labels` on purpose: the predictor and this data plane
check each other only as long as neither borrows the other's idea of matching.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.cluster.local.state import PodState

Selector = Mapping[str, Any]


def selects(selector: Selector | None, labels: Mapping[str, str]) -> bool:
    """Tell whether a selector, as written in a manifest, selects an object with `labels`.

    An absent selector counts as empty here, and an empty one selects everything.
    """
    if not selector:
        return True
    for key, value in (selector.get("matchLabels") or {}).items():
        if key not in labels or labels[key] != value:
            return False
    return all(_meets(requirement, labels) for requirement in selector.get("matchExpressions") or ())


def _meets(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    present = requirement["key"] in labels
    operator = requirement["operator"]
    if operator == "Exists":
        return present
    if operator == "DoesNotExist":
        return not present
    listed = present and labels[requirement["key"]] in requirement["values"]
    # NotIn holds where the key is missing: the classic mistake of implementations.
    return listed if operator == "In" else not listed


def freeze(value: Any) -> Any:
    """Return a hashable twin of a JSON value, so that equal selectors are looked up once."""
    if isinstance(value, Mapping):
        return tuple(sorted((key, freeze(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    return value


class PodIndex:
    """Answers "which pods" for selectors, remembering answers: policies repeat their selectors.

    Pods are named by their position in `pods`. Pods of the host's network are left out:
    to selectors they are the node, not pods.
    """

    def __init__(self, pods: Sequence[PodState], namespaces: Mapping[str, Mapping[str, str]]) -> None:
        self.pods = pods
        self._namespaces = namespaces
        self._members: dict[str, list[int]] = {}
        for position, pod in enumerate(pods):
            if not pod.host_network:
                self._members.setdefault(pod.namespace, []).append(position)
        self._selected: dict[tuple[str, Any], frozenset[int]] = {}
        self._spaces: dict[Any, tuple[str, ...]] = {}
        self._peers: dict[Any, frozenset[int]] = {}

    def everyone(self) -> frozenset[int]:
        """Return all pods that have a network of their own."""
        return frozenset(position for members in self._members.values() for position in members)

    def in_namespace(self, namespace: str, selector: Selector | None) -> frozenset[int]:
        """Return the pods of `namespace` that `selector` selects."""
        key = (namespace, freeze(selector or {}))
        if key not in self._selected:
            self._selected[key] = frozenset(
                position
                for position in self._members.get(namespace, ())
                if selects(selector, self.pods[position].seen_labels)
            )
        return self._selected[key]

    def peer(self, namespace: str, peer: Mapping[str, Any]) -> frozenset[int]:
        """Return the pods that a selector peer of a policy in `namespace` stands for."""
        pods, spaces = peer.get("podSelector"), peer.get("namespaceSelector")
        if spaces is None:
            return self.in_namespace(namespace, pods)
        key = (freeze(spaces), freeze(pods or {}))
        if key not in self._peers:
            self._peers[key] = frozenset().union(
                *(self.in_namespace(name, pods) for name in self._namespaces_of(spaces, key[0]))
            )
        return self._peers[key]

    def _namespaces_of(self, selector: Selector, key: Any) -> tuple[str, ...]:
        if key not in self._spaces:
            self._spaces[key] = tuple(name for name, labels in self._namespaces.items() if selects(selector, labels))
        return self._spaces[key]
