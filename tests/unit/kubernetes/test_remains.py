"""Which runs have namespaces on a cluster, and how it stands with each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.cluster.kubernetes.remains import RunOnCluster, runs_on, sorted_runs
from harness.manifests import EXPIRES, MANAGED_BY, OWNER_LABEL, RUN_LABEL
from tests.unit.kubernetes.server import Server, refused

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEASES = "/apis/coordination.k8s.io/v1/leases"


def _at(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _namespace(name: str, run: str, minutes_left: float = 60, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "labels": {**MANAGED_BY, RUN_LABEL: run},
            "annotations": {OWNER_LABEL: "alice@laptop", EXPIRES: _at(NOW + timedelta(minutes=minutes_left))},
            "creationTimestamp": _at(NOW - timedelta(minutes=30)),
            **metadata,
        }
    }


def _lease(run: str, seconds_ago: float) -> dict[str, Any]:
    return {
        "metadata": {"labels": {**MANAGED_BY, RUN_LABEL: run}},
        "spec": {"renewTime": _at(NOW - timedelta(seconds=seconds_ago))},
    }


def _only(namespaces: list[dict[str, Any]], leases: list[dict[str, Any]] | None) -> RunOnCluster:
    (found,) = sorted_runs(namespaces, leases)
    return found


def test_namespaces_are_grouped_by_their_run() -> None:
    """The one that expires first comes first, and our own run is left out."""
    listed = [_namespace("b", "r2", 90), _namespace("a", "r1"), _namespace("c", "r1"), _namespace("d", "mine")]
    found = sorted_runs(listed, [], besides="mine")

    assert [(item.run, item.namespaces) for item in found] == [("r1", ("a", "c")), ("r2", ("b",))]


@pytest.mark.parametrize("labels", [{}, dict(MANAGED_BY), {RUN_LABEL: "r1"}, {"team": "shop"}])
def test_what_is_not_marked_as_ours_is_no_run(labels: dict[str, str]) -> None:
    """Both labels must be there: whatever else somebody made is none of our business."""
    assert sorted_runs([_namespace("a", "r1", labels=labels)], []) == []


@pytest.mark.parametrize(
    ("leases", "minutes_left", "is_alive", "is_expired"),
    [
        ([_lease("r1", 5)], 60, True, False),
        ([_lease("r1", 5)], -60, True, False),
        ([_lease("r1", 300)], 60, False, False),
        ([_lease("r1", 300)], -60, False, True),
        ([_lease("other", 5)], 60, False, False),
        ([], -1, False, True),
        (None, 60, None, False),
        (None, -60, None, True),
    ],
)
def test_a_run_is_known_by_its_signs_of_life(
    leases: list[dict[str, Any]] | None, minutes_left: float, is_alive: bool | None, is_expired: bool
) -> None:
    """One that lives is never expired, however long it lasts; one that is silent is dead, and expired in due time."""
    found = _only([_namespace("a", "r1", minutes_left)], leases)

    assert (found.is_alive(NOW), found.is_expired(NOW)) == (is_alive, is_expired)


def test_a_run_that_has_just_begun_lives() -> None:
    """Its first namespace is its first sign of life."""
    young = _namespace("a", "r1", creationTimestamp=_at(NOW - timedelta(seconds=3)))

    assert _only([young], []).is_alive(NOW)


@pytest.mark.parametrize(
    ("leases", "minutes_left", "expected"),
    [
        ([_lease("r1", 5)], 60, "run r1 of alice@laptop, under way: 1 namespace"),
        (
            [_lease("r1", 300)],
            60,
            "run r1 of alice@laptop, not heard of for 5 min, expires 2026-11-23T13:00:00Z: 1 namespace",
        ),
        ([], -180, "run r1 of alice@laptop, expired 3 h ago: 1 namespace"),
        (None, 60, "run r1 of alice@laptop, under way or dead, expires 2026-11-23T13:00:00Z: 1 namespace"),
    ],
)
def test_a_run_is_described_by_its_owner_and_state(
    leases: list[dict[str, Any]] | None, minutes_left: float, expected: str
) -> None:
    """Enough to know whom to ask."""
    assert _only([_namespace("a", "r1", minutes_left)], leases).described(NOW) == expected


def test_a_namespace_that_is_stuck_is_named_with_what_holds_it() -> None:
    """The namespace controller says which finalizer, and how many objects have it."""
    message = "Some content in the namespace has finalizers remaining: example.org/hold in 1 resource instances"
    stuck = _namespace("a", "r1", deletionTimestamp=_at(NOW))
    stuck["status"] = {
        "conditions": [{"type": "NamespaceFinalizersRemaining", "status": "True", "message": message}],
    }

    assert "in deletion: a (Some content" in _only([stuck], []).described(NOW)
    assert "example.org/hold" in _only([stuck], []).described(NOW)


def test_a_namespace_without_marks_of_time_never_expires() -> None:
    """Nobody said when: it is removed by name alone."""
    found = _only([_namespace("a", "r1", annotations={})], [])

    assert (found.owner, found.expires, found.is_expired(NOW)) == ("unknown", None, False)


def test_leases_that_may_not_be_read_leave_it_open_who_lives() -> None:
    """The namespaces are told all the same."""
    server = Server(_namespace("a", "r1"))
    server.documents[LEASES] = refused(403, "Forbidden", "not yours")
    (found,) = runs_on(server.client())

    assert found.is_alive(NOW) is None
