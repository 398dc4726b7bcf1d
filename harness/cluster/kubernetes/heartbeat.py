"""A run says that it lives: a Lease in one of its own namespaces, renewed until the run is over.

Nobody waits for it. It is how others tell a run that is under way from one that was killed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from harness.cluster.kubernetes.client import APPLY_PATCH, Client
from harness.cluster.kubernetes.ownership import Ownership
from harness.cluster.kubernetes.resources import Resource
from harness.errors import ClusterError
from harness.manifests import RUN_LABEL

LEASES = Resource("/apis/coordination.k8s.io/v1", "leases")
NAME = "netpol-harness-run"
# A run that was not heard of for so long is dead, or cannot reach its server.
DURATION = timedelta(seconds=60)
_PERIOD_S = 15.0
_UNTIL_FIRST_S = 0.5


class Heartbeat:
    """Beats in a thread of its own, as long as the `with` block lasts and the run has a namespace."""

    def __init__(
        self, client: Client, ownership: Ownership, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._client = client
        self._ownership = ownership
        self._now = now
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Not joined: it may wait for a server that is gone, and writes only into namespaces that are this run's.
        self._ended.set()

    def beat(self) -> bool:
        """Say once that the run lives, in its oldest namespace that takes it; False while it has none."""
        places = self._ownership.known()
        for place in places:
            try:
                self._client.call(
                    "PATCH",
                    LEASES.item(place, NAME),
                    {"fieldManager": "netpol-harness"},
                    self._lease(place),
                    APPLY_PATCH,
                )
            except ClusterError:
                # It is being deleted, or we may not: a run is none the worse for it.
                continue
            break
        return bool(places)

    def _lease(self, namespace: str) -> dict[str, Any]:
        return lease(self._ownership, namespace, NAME, self._now())

    def _go_on(self) -> None:
        while not self._ended.wait(_PERIOD_S if self.beat() else _UNTIL_FIRST_S):
            pass


def lease(ownership: Ownership, namespace: str, name: str, now: datetime) -> dict[str, Any]:
    """Build a Lease of this run, renewed now."""
    metadata = {"namespace": namespace, "name": name, "labels": dict(ownership.marks)}
    return ownership.stamped(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": ownership.marks[RUN_LABEL],
                "leaseDurationSeconds": int(DURATION.total_seconds()),
                "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            },
        }
    )
