"""What a cluster is: its CNI, families and nodes, read from what its server lists."""

from __future__ import annotations

from typing import Any

import pytest

from harness.cluster.kubernetes.detection import families, name_cni, takes_pods
from harness.model.flow import Family

DUAL = frozenset({Family.IPV4, Family.IPV6})


def _daemon_set(name: str, image: str = "registry.example/cni:v1.2.3@sha256:00") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": [{"image": image}]}}}}


def _pod(*addresses: str, **spec: Any) -> dict[str, Any]:
    return {"spec": spec, "status": {"podIPs": [{"ip": address} for address in addresses]}}


def _node(ready: str = "True", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "n"},
        "spec": spec,
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["cilium-envoy", "cilium"], "cilium"),
        (["calico-node", "kube-proxy"], "calico"),
        (["kindnet"], "kindnet"),
        (["kindnet", "calico-node"], "calico"),
        (["kube-flannel-ds", "kube-router"], "kube-router"),
    ],
)
def test_a_cni_is_known_by_its_daemon_set(names: list[str], expected: str) -> None:
    """What enforces policies goes before what only routes."""
    assert name_cni([_daemon_set(name) for name in names], []) == (expected, "v1.2.3")


def test_a_cni_without_a_daemon_set_is_known_by_its_api_groups() -> None:
    """Its version does not show then."""
    assert name_cni([_daemon_set("kube-proxy")], ["apps", "cilium.io"]) == ("cilium", None)


def test_an_unknown_cni_stays_unknown() -> None:
    """No guess: the canary decides whether it enforces."""
    assert name_cni([_daemon_set("own-cni")], ["apps"]) == (None, None)


def test_an_image_without_a_tag_has_no_version() -> None:
    """A port in the registry's address is no version either."""
    assert name_cni([_daemon_set("cilium", "registry.example:5000/cilium")], []) == ("cilium", None)


def test_pods_that_run_show_the_families() -> None:
    """What pods have counts more than what nodes were promised."""
    nodes = [_node(podCIDRs=["192.0.2.0/24", "2001:db8::/64"])]

    assert families([_pod("192.0.2.7")], nodes, None) == {Family.IPV4}


def test_pods_on_the_hosts_network_show_nothing() -> None:
    """Their addresses are the node's."""
    nodes = [_node(podCIDRs=["192.0.2.0/24", "2001:db8::/64"])]

    assert families([_pod("192.0.2.1", hostNetwork=True)], nodes, None) == DUAL


def test_the_servers_own_service_is_the_last_word() -> None:
    """Without pods and ranges, the family of Services is that of pods."""
    assert families([], [_node()], {"spec": {"clusterIPs": ["2001:db8::1"]}}) == {Family.IPV6}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (_node(), True),
        (_node("False"), False),
        (_node(unschedulable=True), False),
        (_node(taints=[{"key": "control-plane", "effect": "NoSchedule"}]), False),
        (_node(taints=[{"key": "busy", "effect": "PreferNoSchedule"}]), True),
    ],
)
def test_a_node_takes_pods_unless_it_says_otherwise(node: dict[str, Any], expected: bool) -> None:
    """Not ready, cordoned and tainted nodes get none."""
    assert takes_pods(node) is expected


def test_a_pod_that_tolerates_all_goes_to_tainted_nodes() -> None:
    """A taint is no obstacle on request; a cordon still is."""
    assert takes_pods(_node(taints=[{"key": "a", "effect": "NoSchedule"}]), tolerate=True)
    assert not takes_pods(_node(unschedulable=True), tolerate=True)
