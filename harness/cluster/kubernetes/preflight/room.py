"""How many probe pods a cluster still takes: what its nodes allow, less what runs on them.

Pure. The scheduler counts requests, not use, and so does this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Object = Mapping[str, Any]

# What `harness.manifests` asks for a probe pod.
POD_CPU = Fraction(5, 1000)
POD_MEMORY = Fraction(24 * 2**20)

_SUFFIXES: Mapping[str, Fraction] = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    **{letter: Fraction(1000**power) for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", start=1)},
}


@dataclass(frozen=True, slots=True)
class Room:
    """Probe pods that a node still takes, and what runs out first: pods, cpu or memory."""

    node: str
    pods: int
    scarce: str


def rooms(nodes: Iterable[Object], pods: Iterable[Object]) -> list[Room]:
    """Return the room on each of `nodes`, in their order; pods that have ended take none."""
    by_node: dict[str, list[Object]] = {}
    for pod in pods:
        if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            by_node.setdefault(str((pod.get("spec") or {}).get("nodeName") or ""), []).append(pod)
    return [_room(node, by_node.get(str(node["metadata"]["name"]), [])) for node in nodes]


def quantity(text: object) -> Fraction:
    """Return a Kubernetes quantity as a number; 0 for what is none."""
    written = str(text)
    # 1e3 is a quantity too, and ends in a digit.
    number = written.rstrip("".join(_SUFFIXES))
    try:
        return Fraction(number) * _SUFFIXES[written[len(number) :]]
    except (ValueError, KeyError):
        return Fraction(0)


def _room(node: Object, pods: list[Object]) -> Room:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    left = {
        "pods": quantity(allocatable.get("pods", "0")) - len(pods),
        "cpu": (quantity(allocatable.get("cpu", "0")) - sum(_requested(pod, "cpu") for pod in pods)) / POD_CPU,
        "memory": (quantity(allocatable.get("memory", "0")) - sum(_requested(pod, "memory") for pod in pods))
        / POD_MEMORY,
    }
    scarce = min(left, key=lambda name: left[name])
    return Room(str(node["metadata"]["name"]), max(0, int(left[scarce])), scarce)


def _requested(pod: Object, resource: str) -> Fraction:
    """Return what a pod asks for: its containers together, or its greatest init container, and its overhead."""
    spec = pod.get("spec") or {}

    def of(container: Object) -> Fraction:
        return quantity(((container.get("resources") or {}).get("requests") or {}).get(resource, "0"))

    together = sum((of(item) for item in spec.get("containers") or ()), Fraction(0))
    first = max((of(item) for item in spec.get("initContainers") or ()), default=Fraction(0))
    return max(together, first) + quantity((spec.get("overhead") or {}).get(resource, "0"))
