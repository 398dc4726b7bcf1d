"""Waiting on a real cluster: content as soon as it may be, hopeless as soon as it is, and never silent."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from harness.cluster.kubernetes.waiting import events_of, running_pods, until_gone
from harness.errors import ClusterError
from harness.model.flow import Family
from tests.unit.kubernetes.server import Answer, Server, refused

PODS = "/api/v1/namespaces/x/pods"


def _pod(name: str, *, reason: str | None = None) -> dict[str, Any]:
    state = {"waiting": {"reason": reason}} if reason else {"running": {}}
    status = {"phase": "Pending" if reason else "Running", "containerStatuses": [{"state": state}]}
    metadata = {"namespace": "x", "name": name, "uid": f"uid-{name}", "resourceVersion": "5"}
    return {"metadata": metadata, "spec": {}, "status": {**status, "podIPs": [{"ip": "192.0.2.7"}]}}


def _listed(*items: dict[str, Any]) -> Answer:
    return Answer(200, {"metadata": {"resourceVersion": "4"}, "items": list(items)})


def _events(*events: tuple[str, dict[str, Any]]) -> Answer:
    return Answer(200, b"".join(json.dumps({"type": kind, "object": item}).encode() + b"\n" for kind, item in events))


def _soon() -> float:
    return time.monotonic() + 5


def test_pods_that_run_are_not_waited_for() -> None:
    """The first list may be all there is to see."""
    server = Server()
    server.script = [_listed(_pod("a"))]

    assert running_pods(server.client(), "x", ["a"], _soon()) == {"a": {Family.IPV4: "192.0.2.7"}}
    assert len(server.asked) == 1


def test_a_change_is_seen_from_the_listed_version_on() -> None:
    """The watch begins where the list ended, so that nothing falls between the two."""
    server = Server()
    server.script = [_listed(_pod("a", reason="ContainerCreating")), _events(("MODIFIED", _pod("a")))]
    running_pods(server.client(), "x", ["a"], _soon())

    assert [(path, query.get("resourceVersion")) for _, path, query, _ in server.asked] == [(PODS, None), (PODS, ["4"])]


def test_a_watch_that_fell_behind_lists_again() -> None:
    """After a 410 the truth is in a new list."""
    server = Server()
    server.script = [_listed(_pod("a", reason="ContainerCreating")), refused(410, "Expired", "old"), _listed(_pod("a"))]

    assert list(running_pods(server.client(), "x", ["a"], _soon())) == ["a"]


def test_a_pod_that_cannot_start_is_told_of_at_once_with_its_events() -> None:
    """Not after the deadline, and with what the kubelet wrote."""
    server = Server()
    event = {"type": "Warning", "reason": "Failed", "message": "no such image", "lastTimestamp": "2026"}
    server.script = [_listed(_pod("a", reason="ErrImageNeverPull")), _listed(event), Answer(200, b"")]
    with pytest.raises(ClusterError, match=r"(?s)Pod/x/a: .*ErrImageNeverPull.*event Failed: no such image"):
        running_pods(server.client(), "x", ["a"], _soon())


@pytest.mark.parametrize(("reason", "watched_s"), [("ContainerCreating", 10), ("ErrImagePull", 2)])
def test_a_watch_stays_open_until_a_look_is_due(reason: str, watched_s: int) -> None:
    """An obstacle that may pass is looked at again though nothing changes; everything else is told by the watch."""
    server = Server()
    server.script = [_listed(_pod("a", reason=reason)), _events(("MODIFIED", _pod("a")))]
    running_pods(server.client(), "x", ["a"], time.monotonic() + 60)

    # The server is asked for more, so that the deadline of our own comes first.
    assert server.asked[1][2]["timeoutSeconds"] == [str(watched_s + 5)]


def test_a_pod_that_is_absent_is_named() -> None:
    """Waiting for what was never applied would only take time."""
    server = Server()
    with pytest.raises(ClusterError, match="x/ghost: it was never applied"):
        running_pods(server.client(), "x", ["ghost"], _soon())


def test_a_pod_that_goes_meanwhile_is_named() -> None:
    """Somebody deleted it: it will not run."""
    server = Server()
    waiting = _pod("a", reason="ContainerCreating")
    server.script = [_listed(waiting), _events(("DELETED", waiting))]
    with pytest.raises(ClusterError, match="x/a: it was never applied, or is deleted"):
        running_pods(server.client(), "x", ["a"], _soon())


def test_a_deadline_says_what_was_waited_for() -> None:
    """Each late pod, and how far it has come."""
    server = Server()
    server.script = [_listed(_pod("a"), _pod("b", reason="ContainerCreating"))]
    with pytest.raises(ClusterError, match=r"1 of 2 pods to run: b \(Pending, ContainerCreating, on no node yet\)"):
        running_pods(server.client(), "x", ["a", "b"], time.monotonic())


def test_a_new_object_of_the_same_name_is_not_the_old_one() -> None:
    """What is waited for is known by its uid."""
    server = Server()
    server.script = [_listed(_pod("a"))]
    until_gone(server.client(), PODS, {"uid-of-the-old-a"}, _soon(), {})

    assert len(server.asked) == 1


def test_what_does_not_go_is_named_with_its_finalizers() -> None:
    """And with what the namespace controller says of the rest."""
    server = Server()
    held = _pod("a")
    held["metadata"]["finalizers"] = ["example.org/hold"]
    conditions = [{"type": "NamespaceContentRemaining", "status": "True", "message": "pods: 1"}]
    held["status"] = {"conditions": conditions}
    server.script = [_listed(held)]
    with pytest.raises(ClusterError, match=r"still there: x/a \(finalizer example.org/hold; pods: 1\)"):
        until_gone(server.client(), PODS, {"uid-a"}, time.monotonic(), {})


def test_warnings_go_before_all_other_events() -> None:
    """Oldest first; and where events may not be read, there are none."""
    server = Server()
    listed = [
        {"type": "Normal", "reason": "Scheduled", "message": "to lab1", "lastTimestamp": "1"},
        {"type": "Warning", "reason": "Failed", "message": "two", "lastTimestamp": "3"},
        {"type": "Warning", "reason": "Failed", "message": "one", "lastTimestamp": "2"},
    ]
    server.script = [_listed(*listed), refused(403, "Forbidden", "not for you")]
    client = server.client()

    assert events_of(client, "x", "Pod", "a") == ["Failed: one", "Failed: two"]
    assert events_of(client, "x", "Pod", "a") == []
