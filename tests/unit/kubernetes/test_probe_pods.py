"""Probe pods on a real cluster: what is added to the Pod that `harness.manifests` builds, and what is left alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from harness import manifests
from harness.cluster.kubernetes.probe_pods import SCRIPT, agent_name, is_probe_pod, runnable, script
from harness.model.topology import Listener, NodeChoice, Pod
from tests import builders

LOW_PORTS = {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}
# https://kubernetes.io/docs/concepts/security/pod-security-standards/
SAFE_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start"}
RESTRICTED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "projected", "secret"}


def _made(node: NodeChoice | None = None, **changes: Any) -> dict[str, Any]:
    return manifests.pod(builders.pod(**changes), "np-x-shop", node)


def _agent(pod: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = pod["spec"]["containers"][0]
    return container


def test_a_probe_pod_gets_an_image_that_is_pulled_once() -> None:
    """The image is the one asked for, and one that a node has already is not pulled."""
    agent = _agent(runnable(_made(), "example:1"))

    assert (agent["image"], agent["imagePullPolicy"]) == ("example:1", "IfNotPresent")


def test_the_script_is_mounted_where_the_command_looks_for_it() -> None:
    """The ConfigMap's one file is the path that the container starts."""
    pod = runnable(_made(), "example:1")
    mount = _agent(pod)["volumeMounts"][0]
    file = next(iter(script("np-x-shop", "pass")["data"]))

    assert f"{mount['mountPath']}/{file}" == _agent(pod)["command"][-2]
    assert pod["spec"]["volumes"] == [{"name": mount["name"], "configMap": {"name": SCRIPT}}]


def test_the_restricted_level_is_kept() -> None:
    """Non-root, no escalation, no capability, seccomp, and only volumes and sysctls that the level allows."""
    spec = runnable(_made(), "example:1")["spec"]
    security = _agent({"spec": spec})["securityContext"]

    assert (spec["securityContext"]["runAsNonRoot"], spec["securityContext"]["seccompProfile"]["type"]) == (
        True,
        "RuntimeDefault",
    )
    assert (security["allowPrivilegeEscalation"], security["capabilities"]) == (False, {"drop": ["ALL"]})
    assert security["readOnlyRootFilesystem"] is True
    assert {key for volume in spec["volumes"] for key in volume if key != "name"} <= RESTRICTED_VOLUMES
    assert {item["name"] for item in spec["securityContext"]["sysctls"]} <= SAFE_SYSCTLS
    assert spec["automountServiceAccountToken"] is False


def test_low_ports_need_no_root() -> None:
    """Port 53 is open to the agent by a sysctl of the pod's own network."""
    assert LOW_PORTS in runnable(_made(listen=(53,)), "example:1")["spec"]["securityContext"]["sysctls"]


def test_the_sysctl_of_a_node_stays_as_it_is() -> None:
    """A pod on the host's network may set none: the API server would refuse it."""
    assert "sysctls" not in runnable(_made(host_network=True), "example:1")["spec"]["securityContext"]


def test_a_pod_without_a_node_is_spread_over_all() -> None:
    """The constraint counts every pod of the namespace: an empty selector would count none."""
    constraint = runnable(_made(), "example:1")["spec"]["topologySpreadConstraints"][0]

    assert (constraint["topologyKey"], constraint["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert [item["operator"] for item in constraint["labelSelector"]["matchExpressions"]] == ["DoesNotExist"]


@pytest.mark.parametrize(("required", "expected"), [(True, "required"), (False, "preferred")])
def test_a_pod_with_a_node_goes_there(required: bool, expected: str) -> None:
    """The scheduler is told of the node, so that room and taints still count, and is not told to spread as well."""
    spec = runnable(_made(NodeChoice("lab2", required=required)), "example:1")["spec"]

    (key,) = spec["affinity"]["nodeAffinity"]
    assert (key, "topologySpreadConstraints" in spec) == (f"{expected}DuringSchedulingIgnoredDuringExecution", False)


@pytest.mark.parametrize(("tolerate", "expected"), [(False, None), (True, [{"operator": "Exists"}])])
def test_taints_are_tolerated_on_request_only(tolerate: bool, expected: object) -> None:
    """A taint keeps pods away for a reason, unless somebody says otherwise."""
    assert runnable(_made(), "example:1", tolerate=tolerate)["spec"].get("tolerations") == expected


def test_no_label_is_added() -> None:
    """Policies select by labels: one of ours would change what the author's select."""
    assert runnable(_made(labels={"a": "b"}), "example:1")["metadata"]["labels"] == {"a": "b"}


def test_the_same_pod_gives_the_same_answer() -> None:
    """Most of a pod's spec is immutable: applied again with other labels, it must not differ."""
    first, second = (runnable(_made(labels=labels), "example:1")["spec"] for labels in ({"a": "b"}, {"c": "d"}))

    assert first == second


def test_what_was_given_is_not_changed() -> None:
    """Manifests belong to the caller, who applies them again."""
    given = _made()
    before = copy.deepcopy(given)
    runnable(given, "example:1", tolerate=True)

    assert given == before


def test_only_pods_with_our_agent_and_without_an_image_are_ours() -> None:
    """A pod that an author brings is applied as it is written."""
    theirs = {"kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "app", "image": "example:2"}]}}
    policy = {"kind": "NetworkPolicy", "metadata": {"name": "x"}, "spec": {}}

    assert [is_probe_pod(item) for item in (_made(), theirs, policy)] == [True, False, False]


def test_an_agent_is_known_by_the_name_it_serves() -> None:
    """The name is read from the pod's own arguments; a pod without an agent has none."""
    pod = manifests.pod(Pod("shop", "web", {}, (Listener(80),)), "np-x-shop")

    assert agent_name(pod) == "np-x-shop/web"
    assert agent_name({"spec": {"containers": [{"name": "app", "args": ["--name", "x"]}]}}) is None
    assert agent_name({}) is None
