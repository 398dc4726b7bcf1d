"""Externals on a real cluster: what goes outside, what goes to the server, and what a cluster without them says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from harness.cluster.kubernetes.cluster import KubernetesCluster
from harness.errors import ClusterError
from harness.manifests import MANAGED_BY, RUN_LABEL, external, ref
from harness.model.cluster import Capabilities
from harness.model.flow import Family
from harness.model.scenario import ObjectRef
from harness.model.topology import External
from tests.unit.kubernetes.server import Server

OFFICE = external(External("office", {Family.IPV4: "203.0.113.10"}), "np-1-office")
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "np-1-shop"}}
MARKS = {**MANAGED_BY, RUN_LABEL: "r1"}


class Recorder:
    """An outside that writes down what it is asked; `server` shows what had been written there by then."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.asked: list[tuple[str, list[str], int]] = []

    def _note(self, verb: str, names: Sequence[str]) -> None:
        self.asked.append((verb, list(names), len(self.server.writes)))

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> None:
        """Write it down."""
        self._note("apply", [item["metadata"]["name"] for item in manifests])

    def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Write it down."""
        self._note("delete", [item.name for item in refs])

    def wait_ready(self, refs: Sequence[ObjectRef], _: float) -> dict[ObjectRef, dict[Family, str]]:
        """Everything is ready."""
        return {item: {Family.IPV4: "203.0.113.10"} for item in refs}

    def describe(self, item: ObjectRef) -> list[str]:
        """Say one line."""
        return [f"{item}: outside"]


def _cluster(server: Server, outside: Recorder | None) -> KubernetesCluster:
    known = Capabilities("kubeconfig", emulated=False, externals=outside is not None)
    return KubernetesCluster(server.client(), known, MARKS, image="i", agent="", outside=outside)  # type: ignore[arg-type]


def test_externals_come_first_and_never_reach_the_server() -> None:
    """Who has to wait for an address has made nothing yet that takes room on nodes."""
    server = Server()
    outside = Recorder(server)
    _cluster(server, outside).apply([NAMESPACE, OFFICE])

    assert outside.asked == [("apply", ["np-1-office"], 0)]
    assert {path for _, path in server.writes} == {"/api/v1/namespaces", "/api/v1/namespaces/np-1-shop"}


def test_externals_go_first_too() -> None:
    """Others wait for their addresses, while pods take seconds to end."""
    server = Server()
    outside = Recorder(server)
    cluster = _cluster(server, outside)
    cluster.apply([NAMESPACE])
    before = len(server.writes)
    cluster.delete([ref(NAMESPACE), ref(OFFICE)])

    assert outside.asked == [("delete", ["np-1-office"], before)]
    assert server.objects == {}


def test_externals_alone_are_ready_without_asking_the_server() -> None:
    """Their addresses are their own."""
    server = Server()

    assert _cluster(server, Recorder(server)).wait_ready([ref(OFFICE)], 1) == {
        ref(OFFICE): {Family.IPV4: "203.0.113.10"}
    }
    assert server.asked == []


def test_a_cluster_without_an_outside_says_so_before_it_writes_anything() -> None:
    """One sentence with the option that helps; nothing is left half made."""
    server = Server()
    with pytest.raises(ClusterError) as refused:
        _cluster(server, None).apply([NAMESPACE, OFFICE])

    assert str(refused.value).startswith("External/np-1-office: this cluster has no externals")
    assert "give --outside NETNS" in str(refused.value)
    assert server.writes == []


def test_deleting_an_external_where_there_are_none_is_fine() -> None:
    """What is absent is deleted already."""
    server = Server()
    _cluster(server, None).delete([ref(OFFICE)])

    assert server.asked == []


def test_a_diagnosis_covers_externals() -> None:
    """Their lines stand beside those of pods."""
    server = Server()

    assert "External/np-1-office: outside" in _cluster(server, Recorder(server)).diagnose([ref(OFFICE)])
