"""One run that disturbs at a time: who holds the cluster, who is told so, and who takes over from the dead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.cluster.kubernetes.exclusion import PLACE, Exclusion, HeldError, holder
from harness.cluster.kubernetes.heartbeat import DURATION, Heartbeat
from harness.cluster.kubernetes.ownership import Ownership
from harness.errors import ClusterError
from harness.manifests import MANAGED_BY, OWNER_LABEL, RUN_LABEL
from tests.unit.kubernetes.server import Server, refused

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMESPACE = f"/api/v1/namespaces/{PLACE}"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{PLACE}/leases/exclusive"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{PLACE}/leases"


class Clock:
    """A clock that only sleeping moves; `meanwhile` happens during the next sleep."""

    def __init__(self, time: datetime = NOW) -> None:
        self.time = time
        self.meanwhile: Any = lambda: None

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.meanwhile()


def _exclusion(server: Server, run: str, clock: Clock | None = None) -> Exclusion:
    clock = clock or Clock()
    client = server.client()
    marks, stamps = {**MANAGED_BY, RUN_LABEL: run}, {OWNER_LABEL: f"{run}@laptop"}
    return Exclusion(client, Ownership(client, marks, stamps), clock.now, clock.sleep)


def test_the_first_one_holds_it_in_a_namespace_of_its_own() -> None:
    """The namespace has the run's marks, and so goes with the others of the run: no lock stays behind."""
    server = Server()
    _exclusion(server, "r1").acquire()

    assert server.objects[NAMESPACE]["metadata"]["labels"][RUN_LABEL] == "r1"
    assert server.objects[LEASE]["spec"]["holderIdentity"] == "r1"
    assert holder(server.client()) == "r1"


def test_the_second_one_is_told_who_holds_it() -> None:
    """The run and its owner; and nothing of theirs is written."""
    server = Server()
    _exclusion(server, "r1").acquire()
    before = dict(server.objects)
    with pytest.raises(HeldError, match="run r1 of r1@laptop has this cluster for itself"):
        _exclusion(server, "r2").acquire()

    assert server.objects == before


def test_a_holder_that_died_is_taken_over() -> None:
    """Its Lease lapsed, and is not renewed while we look; its namespace becomes ours."""
    server = Server()
    _exclusion(server, "r1").acquire()
    _exclusion(server, "r2", Clock(NOW + DURATION)).acquire()

    assert server.objects[LEASE]["spec"]["holderIdentity"] == "r2"
    assert server.objects[NAMESPACE]["metadata"]["labels"][RUN_LABEL] == "r2"


def test_a_holder_whose_clock_is_slow_is_left_alone() -> None:
    """It looks dead by the clock, but renews: that is what counts."""
    server, clock = Server(), Clock(NOW + 10 * DURATION)
    first = _exclusion(server, "r1")
    first.acquire()
    clock.meanwhile = first.renew
    with pytest.raises(HeldError, match="run r1"):
        _exclusion(server, "r2", clock).acquire()

    first.check()


def test_a_holder_that_was_taken_over_notices() -> None:
    """What it sees from then on is not its own doing alone, so it writes no more."""
    server = Server()
    first = _exclusion(server, "r1")
    first.acquire()
    _exclusion(server, "r2", Clock(NOW + DURATION)).acquire()
    first.renew()
    with pytest.raises(HeldError, match="lost the cluster to another one: r2"):
        first.check()


def test_a_guarded_run_that_lost_the_cluster_writes_nothing_more() -> None:
    """The guard stands before every namespace, known or new."""
    server = Server()
    first = _exclusion(server, "r1")
    first.acquire()
    guarded = Ownership(server.client(), {**MANAGED_BY, RUN_LABEL: "r1"}, guard=first.check)
    guarded.claim("np-r1-a")
    del server.objects[LEASE]
    first.renew()
    for write in (lambda: guarded.claim("np-r1-b"), lambda: guarded.require("np-r1-a")):
        with pytest.raises(HeldError):
            write()


def test_only_one_of_two_takes_over_from_a_dead_one() -> None:
    """The Lease is changed as it was seen; whoever comes second finds it held."""
    server, clock = Server(), Clock(NOW + DURATION)
    _exclusion(server, "r1").acquire()
    third = _exclusion(server, "r3", Clock(NOW + DURATION))
    clock.meanwhile = third.acquire
    with pytest.raises(HeldError, match="run r3"):
        _exclusion(server, "r2", clock).acquire()

    assert holder(server.client()) == "r3"


def test_one_that_is_released_is_waited_for() -> None:
    """The namespace controller takes some seconds to let go of a namespace."""
    server, clock = Server(), Clock()
    _exclusion(server, "r1").acquire()
    server.objects[NAMESPACE]["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"

    def gone() -> None:
        for path in (NAMESPACE, LEASE):
            server.objects.pop(path, None)

    clock.meanwhile = gone
    _exclusion(server, "r2", clock).acquire()

    assert holder(server.client()) == "r2"


def test_a_namespace_of_that_name_that_is_not_ours_is_never_taken() -> None:
    """Whoever made it must remove it."""
    server = Server({"metadata": {"name": PLACE, "labels": {}}})
    with pytest.raises(HeldError, match="is not ours"):
        _exclusion(server, "r1").acquire()

    assert server.writes == []


def test_a_server_that_refuses_the_namespace_is_told_of() -> None:
    """It is not taken for another run's being quicker."""
    server = Server()
    server.refusals["POST", "/api/v1/namespaces"] = refused(403, "Forbidden", "no namespaces for you")
    with pytest.raises(ClusterError, match="no namespaces for you"):
        _exclusion(server, "r1").acquire()


def test_a_run_says_that_it_lives_in_its_oldest_namespace() -> None:
    """Renewed by applying it, so that a Lease that went with its namespace is made anew elsewhere."""
    server = Server()
    client = server.client()
    ownership = Ownership(client, {**MANAGED_BY, RUN_LABEL: "r1"})
    heart = Heartbeat(client, ownership, lambda: NOW)
    silent = heart.beat()
    for name in ("np-a", "np-b"):
        ownership.claim(name)
    heart.beat()
    ownership.forget("np-a")
    heart.beat()
    written = [path for method, path in server.writes if method == "PATCH"]

    assert not silent
    assert written == [
        f"/apis/coordination.k8s.io/v1/namespaces/{name}/leases/netpol-harness-run" for name in ("np-a", "np-b")
    ]


def test_a_heart_that_may_not_beat_hurts_nobody() -> None:
    """A run without the right to Leases goes on; others only know less of it."""
    server = Server()
    client = server.client()
    ownership = Ownership(client, {**MANAGED_BY, RUN_LABEL: "r1"})
    ownership.claim("np-a")
    path = "/apis/coordination.k8s.io/v1/namespaces/np-a/leases/netpol-harness-run"
    server.refusals["PATCH", path] = refused(403, "Forbidden", "no leases")

    assert Heartbeat(client, ownership, lambda: NOW).beat()
