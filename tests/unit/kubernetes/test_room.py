"""How many probe pods still fit: what nodes allow, less what pods request."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from harness import manifests
from harness.cluster.kubernetes.preflight.room import POD_CPU, POD_MEMORY, Room, quantity, rooms
from harness.model.topology import Pod


def _node(**allocatable: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "n"},
        "status": {"allocatable": {"pods": "10", "cpu": "1", "memory": "1Gi"} | allocatable},
    }


def _pod(phase: str = "Running", node: str = "n", **requests: str) -> dict[str, Any]:
    containers = [{"resources": {"requests": requests}}]
    return {"spec": {"nodeName": node, "containers": containers}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100m", Fraction(1, 10)),
        ("2", 2),
        ("1.5", Fraction(3, 2)),
        ("1Ki", 1024),
        ("16331752Ki", 16331752 * 1024),
        ("1k", 1000),
        ("1e3", 1000),
        ("2E", 2 * 10**18),
        ("2Ei", 2 * 2**60),
        ("250u", Fraction(1, 4000)),
        ("", 0),
        ("many", 0),
        ("1x", 0),
    ],
)
def test_a_quantity_is_read_as_kubernetes_writes_it(text: str, expected: Fraction) -> None:
    """Binary and decimal suffixes, and exponents; what is none counts as nothing."""
    assert quantity(text) == expected


def test_a_probe_pod_is_counted_by_what_it_requests() -> None:
    """The numbers here are those that `harness.manifests` writes."""
    requests = manifests.pod(Pod("a", "b"), "a")["spec"]["containers"][0]["resources"]["requests"]

    assert (quantity(requests["cpu"]), quantity(requests["memory"])) == (POD_CPU, POD_MEMORY)


@pytest.mark.parametrize(
    ("allocatable", "pods", "expected"),
    [
        ({}, [], Room("n", 10, "pods")),
        ({}, [_pod(), _pod(), _pod(node="other"), _pod("Succeeded")], Room("n", 8, "pods")),
        ({"cpu": "100m"}, [_pod(cpu="90m")], Room("n", 2, "cpu")),
        ({"memory": "100Mi"}, [_pod(memory="50Mi")], Room("n", 2, "memory")),
        ({"cpu": "100m"}, [_pod(cpu="3")], Room("n", 0, "cpu")),
    ],
)
def test_what_runs_out_first_is_the_room(
    allocatable: dict[str, str], pods: list[dict[str, Any]], expected: Room
) -> None:
    """Pods, cpu or memory, whichever allows the fewest; pods that ended and those elsewhere take none."""
    assert rooms([_node(**allocatable)], pods) == [expected]


def test_init_containers_and_overhead_count_as_the_scheduler_counts_them() -> None:
    """The greatest init container, where it asks for more than the others together, and the overhead on top."""
    pod = _pod(cpu="10m")
    pod["spec"]["initContainers"] = [{"resources": {"requests": {"cpu": "70m"}}}]
    pod["spec"]["overhead"] = {"cpu": "10m"}

    assert rooms([_node(cpu="100m")], [pod]) == [Room("n", 4, "cpu")]
