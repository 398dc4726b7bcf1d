"""Waiting for a fresh cluster: until every node and every agent is ready, and no longer than there is hope."""

from __future__ import annotations

from typing import Any

import pytest

from harness.cluster.kind.readiness import Readiness
from harness.errors import ClusterError
from tests.kind.machine import KindApi, daemon_set


def _readiness(api: KindApi, **options: Any) -> Readiness:
    return Readiness(api.client(), "netpol-x", lambda: None, **options)


def test_nodes_and_agents_that_are_ready_are_not_waited_for() -> None:
    """The first look may be all that it takes."""
    api = KindApi()
    ready = _readiness(api, deadline_s=1.0)
    ready.await_nodes(2)
    ready.await_cni("kindnet", 2)

    assert [path for _, path, _, _ in api.asked] == ["/api/v1/nodes", "/apis/apps/v1/daemonsets"]


def test_an_image_that_cannot_be_pulled_is_said_before_the_deadline() -> None:
    """An agent whose image is nowhere is told of by its own pod, not by a timeout."""
    api = KindApi()
    api.daemon_sets = [daemon_set("kindnet", ready=0)]
    api.pods = [_agent("ImagePullBackOff", 'Back-off pulling image "example/cni:1"')]

    with pytest.raises(ClusterError, match=r"pod kube-system/agent-x: .*example/cni:1") as raised:
        _readiness(api, image_patience_s=0.0).await_cni("kindnet", 2)

    assert "--image-archive" in str(raised.value.remedy)


def test_pods_that_wait_for_the_cni_themselves_are_no_obstacle() -> None:
    """Cluster DNS cannot be scheduled before nodes are ready: that is in order."""
    api = KindApi()
    pod = _agent("ImagePullBackOff")
    pod["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet"}]
    api.pods, api.nodes[0]["status"]["conditions"][0]["status"] = [pod], "False"

    with pytest.raises(ClusterError, match=r"waited 0\.2 s for 2 nodes to be ready"):
        _readiness(api, deadline_s=0.2, image_patience_s=0.0).await_nodes(2)


def test_an_agent_that_never_gets_ready_is_said_with_what_was_seen() -> None:
    """The sentence says how far the agents came, and what their pods are at."""
    api = KindApi()
    api.daemon_sets = [daemon_set("kindnet", ready=1)]
    api.pods = [_agent("ContainerCreating")]

    with pytest.raises(ClusterError) as raised:
        _readiness(api, deadline_s=0.2).await_cni("kindnet", 2)

    assert raised.value.what == (
        "waited 0.2 s for DaemonSet kindnet to run on 2 nodes, ready on 1 of 2: "
        "pod agent-x: Pending, ContainerCreating, on no node yet"
    )


@pytest.mark.parametrize(
    "agent",
    [
        None,
        daemon_set("kindnet", ready=2, wanted=1),
        {**daemon_set("kindnet", ready=2), "metadata": {"name": "kindnet", "generation": 2}},
        daemon_set("another", ready=2),
    ],
    ids=["not made yet", "one node missing", "an older form", "another one"],
)
def test_only_the_agent_as_it_is_now_on_every_node_counts(agent: dict[str, Any] | None) -> None:
    """A DaemonSet that is not there, that lacks a node, or whose counts are of an earlier form is not ready."""
    api = KindApi()
    api.daemon_sets = [agent] if agent else []

    with pytest.raises(ClusterError, match=r"waited 0\.1 s for DaemonSet kindnet"):
        _readiness(api, deadline_s=0.1).await_cni("kindnet", 2)


def test_the_control_plane_takes_pods_too() -> None:
    """Its taint alone is removed: others may have their reasons."""
    api = KindApi()
    other = {"key": "example.org/reserved", "effect": "NoSchedule"}
    api.nodes[0]["spec"]["taints"].append(other)
    _readiness(api).open_control_plane()

    assert [node["spec"]["taints"] for node in api.nodes] == [[other], []]
    assert api.writes == [("PATCH", "/api/v1/nodes/n-control-plane")]


def _agent(reason: str, message: str = "") -> dict[str, Any]:
    """Build the pod of a DaemonSet, whose container waits for the reason given."""
    waiting = {"waiting": {"reason": reason, "message": message}}
    return {
        "metadata": {"namespace": "kube-system", "name": "agent-x", "ownerReferences": [{"kind": "DaemonSet"}]},
        "spec": {},
        "status": {"phase": "Pending", "containerStatuses": [{"state": waiting}]},
    }
