"""What a Pod's status says: running where, or kept from running by what."""

from __future__ import annotations

from typing import Any

import pytest

from harness.cluster.kubernetes.pod_state import is_running, obstacle, pod_addresses, service_addresses, summary
from harness.model.flow import Family

RUNNING = {
    "phase": "Running",
    "podIPs": [{"ip": "192.0.2.7"}, {"ip": "2001:db8::7"}],
    "containerStatuses": [{"name": "agent", "state": {"running": {}}}],
}


def _pod(status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "x", "name": "a", **metadata}, "spec": {"nodeName": "lab1"}, "status": status}


def _waiting(reason: str) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": "because"}}
    return _pod({"phase": "Pending", "containerStatuses": [{"name": "agent", "state": state}]})


def _text(pod: dict[str, Any]) -> str | None:
    found = obstacle(pod)
    return found.text if found else None


def test_a_pod_has_an_address_of_each_family() -> None:
    """Families are told apart by the addresses themselves, not by their order."""
    assert pod_addresses(_pod(RUNNING)) == {Family.IPV4: "192.0.2.7", Family.IPV6: "2001:db8::7"}


@pytest.mark.parametrize(("status", "expected"), [({}, {}), ({"podIP": "192.0.2.7"}, {Family.IPV4: "192.0.2.7"})])
def test_a_pod_may_have_no_list_of_addresses(status: dict[str, Any], expected: dict[Family, str]) -> None:
    """A fresh pod has none, and an old server writes only the first."""
    assert pod_addresses(_pod(status)) == expected


def test_a_headless_service_has_no_address() -> None:
    """Its clusterIP is the word None."""
    assert service_addresses({"spec": {"clusterIP": "None", "clusterIPs": ["None"]}}) == {}


def test_a_service_has_an_address_of_each_family() -> None:
    """All of clusterIPs count."""
    service = {"spec": {"clusterIP": "192.0.2.9", "clusterIPs": ["192.0.2.9", "2001:db8::9"]}}

    assert service_addresses(service) == {Family.IPV4: "192.0.2.9", Family.IPV6: "2001:db8::9"}


def test_a_running_pod_has_no_obstacle() -> None:
    """Readiness is not asked for: a pod of `ready: false` never has it."""
    pod = _pod({**RUNNING, "conditions": [{"type": "Ready", "status": "False"}]})

    assert (is_running(pod), obstacle(pod)) == (True, None)


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(_pod({}), id="fresh"),
        pytest.param(_pod({**RUNNING, "podIPs": []}), id="no address"),
        pytest.param(_pod(RUNNING, deletionTimestamp="2026-11-23T10:00:00Z"), id="on its way out"),
        pytest.param(_waiting("ContainerCreating"), id="being made"),
    ],
)
def test_a_pod_that_does_not_run_yet(pod: dict[str, Any]) -> None:
    """Phase, address and every container have to be there, and no deletion."""
    assert not is_running(pod)


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_a_pod_on_its_way_has_no_obstacle(reason: str) -> None:
    """What every pod passes through is no fault."""
    assert obstacle(_waiting(reason)) is None


@pytest.mark.parametrize(
    "reason",
    ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError"],
)
def test_an_image_or_a_configuration_that_is_missing_is_told_of_within_seconds(reason: str) -> None:
    """No waiting cures it, so patience is short, and the kubelet's own words are passed on."""
    found = obstacle(_waiting(reason))

    assert found is not None
    assert found.patience_s <= 2.0
    assert found.text == f"its container cannot start: {reason}: because"


def test_a_container_that_ended_says_how() -> None:
    """The agent never ends by itself."""
    state = {"terminated": {"exitCode": 2, "reason": "Error"}}

    assert _text(_pod({"phase": "Running", "containerStatuses": [{"state": state}]})) == (
        "its container ended with status 2: Error"
    )


def test_no_node_with_room_is_the_schedulers_words() -> None:
    """It is told of within seconds, and not at once: pods that leave make room."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}
    found = obstacle(_pod({"phase": "Pending", "conditions": [condition]}))

    assert found is not None
    assert (found.text, 0 < found.patience_s <= 5) == ("no node takes it: Unschedulable: 0/2 nodes", True)


def test_a_pod_that_a_node_refused_has_ended() -> None:
    """A kubelet that has no room fails the pod for good."""
    assert _text(_pod({"phase": "Failed", "reason": "OutOfcpu", "message": "no cpu"})) == (
        "it has ended (Failed): OutOfcpu: no cpu"
    )


def test_a_pod_that_somebody_deletes_is_not_waited_for() -> None:
    """Whatever its status says, it goes."""
    assert _text(_pod(RUNNING, deletionTimestamp="2026-11-23T10:00:00Z")) == "it is being deleted"


def test_a_summary_says_how_far_a_pod_has_come() -> None:
    """Phase, what its container does, and where."""
    assert summary(_waiting("ContainerCreating")) == "Pending, ContainerCreating on lab1"
    assert summary({"metadata": {}, "spec": {}}) == "Pending, on no node yet"
