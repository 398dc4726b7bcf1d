"""Keep runs apart that would disturb each other: one at a time has a cluster for itself.

Ordinary runs live side by side, as their namespaces have names of their own. A run disturbs when it takes the names
that authors wrote, or when it makes objects that hold for the whole cluster. Such a run holds a namespace of a fixed
name: a namespace of its own like any other, marked and deleted with the rest, so that no lock stays behind. The
Lease in it says who holds it; a holder that renews it no more has died, and the next one takes it over.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from harness.cluster.kubernetes.client import APPLY_PATCH, ApiError, Client
from harness.cluster.kubernetes.heartbeat import DURATION, LEASES, lease
from harness.cluster.kubernetes.identity import instant
from harness.cluster.kubernetes.ownership import Ownership
from harness.cluster.kubernetes.resources import NAMESPACES
from harness.errors import ClusterError
from harness.manifests import MANAGED_BY, OWNER_LABEL, RUN_LABEL

Object = dict[str, Any]

PLACE = "netpol-harness-exclusive"
LEASE = "exclusive"
_RENEW_S = 10.0
# A holder whose clock is wrong looks dead at once: it is, if it does not renew for longer than a renewal takes.
_CONFIRM_S = 15.0
# A namespace that was just released takes as long as the namespace controller does.
_RELEASE_S = 60.0
_PAUSE_S = 0.5


class HeldError(ClusterError):
    """Another run has the cluster for itself."""


class Exclusion:
    """The right to disturb; `check` raises once it is lost."""

    def __init__(
        self,
        client: Client,
        ownership: Ownership,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`ownership` is this run's, without a guard: what is written here is what the guard is about."""
        self._client = client
        self._ownership = ownership
        self._now = now
        self._sleep = sleep
        self._path = LEASES.item(PLACE, LEASE)
        self._lost: str | None = None
        self._ended = threading.Event()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it for as long as the block lasts, renewed by a thread. Raises `HeldError` that names the holder.

        Its namespace is left to whoever deletes those of the run.
        """
        self.acquire()
        thread = threading.Thread(target=self._go_on, name="exclusion", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()

    def check(self) -> None:
        """Raise `HeldError` when another run has taken over: then nothing that is seen is this run's doing alone."""
        if self._lost is not None:
            raise HeldError(self._lost, remedy="run again, when no other run disturbs")

    def acquire(self) -> None:
        """Get hold of it, waiting for one that is just released and taking over from one that died."""
        end = time.monotonic() + _RELEASE_S
        while not self._try():
            if time.monotonic() >= end:
                raise HeldError(f"waited {_RELEASE_S:.0f} s for namespace {PLACE} to be gone, left by an earlier run")
            self._sleep(_PAUSE_S)

    def renew(self) -> None:
        """Say once that we still hold it, and notice if somebody else does."""
        held = self._client.find(self._path)
        if held is None or held["spec"].get("holderIdentity") != self._run:
            who = held["spec"].get("holderIdentity") if held else "somebody deleted it"
            self._lost = f"this run has lost the cluster to another one: {who}"
            return
        renewed = lease(self._ownership, PLACE, LEASE, self._now())
        self._client.call("PUT", self._path, None, _of_version(renewed, held))

    @property
    def _run(self) -> str:
        return self._ownership.marks[RUN_LABEL]

    def _try(self) -> bool:
        """Take it if it is free; False where that must be tried again in a moment."""
        found = self._client.find(NAMESPACES.item("", PLACE))
        if found is None:
            try:
                if self._ownership.claim(PLACE) is None:
                    return False
            except ClusterError:
                # Made by another run in this very moment, unless the server says something else.
                if self._client.find(NAMESPACES.item("", PLACE)) is None:
                    raise
                return False
            return self._enter(None)
        if "deletionTimestamp" in found["metadata"]:
            return False
        labels = found["metadata"].get("labels") or {}
        if not MANAGED_BY.items() <= labels.items():
            raise HeldError(f"namespace {PLACE} is not ours", remedy="whoever made it must remove it")
        held = self._client.find(self._path)
        self._require_dead(found, held)
        return self._enter(held) and self._mark(found)

    def _enter(self, held: Object | None) -> bool:
        """Write ourselves into the Lease; False where another run was quicker."""
        ours = lease(self._ownership, PLACE, LEASE, self._now())
        try:
            if held is None:
                self._client.call("POST", LEASES.collection(PLACE), None, ours)
            else:
                self._client.call("PUT", self._path, None, _of_version(ours, held))
        except ApiError as fault:
            if fault.status in (404, 409):
                return False
            raise
        return True

    def _require_dead(self, place: Object, held: Object | None) -> None:
        """Return if the holder has died. Raises `HeldError` that names it where it may live.

        Without a Lease the namespace was just made, or its maker died in that very moment.
        """
        heard = instant(held["spec"].get("renewTime") if held else place["metadata"].get("creationTimestamp"))
        if heard is None or self._now() - heard >= DURATION:
            self._sleep(_CONFIRM_S)
            again = self._client.find(self._path)
            if _version(again) == _version(held):
                return
            held = again or held
        run = held["spec"].get("holderIdentity") if held else (place["metadata"].get("labels") or {}).get(RUN_LABEL)
        annotations = (held or place)["metadata"].get("annotations") or {}
        raise HeldError(
            f"run {run} of {annotations.get(OWNER_LABEL, 'unknown')} has this cluster for itself",
            where=f"Lease/{PLACE}/{LEASE}",
            remedy=f"wait for it to end; one that died can be taken over from {DURATION.total_seconds():.0f} s later",
        )

    def _mark(self, place: Object) -> bool:
        """Make the namespace of a run that died one of ours."""
        metadata = {
            "name": PLACE,
            "uid": place["metadata"]["uid"],
            "labels": dict(self._ownership.marks),
        }
        marked = self._ownership.stamped({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        query = {"fieldManager": "netpol-harness", "force": "true"}
        self._client.call("PATCH", NAMESPACES.item("", PLACE), query, marked, APPLY_PATCH)
        return True

    def _go_on(self) -> None:
        while self._lost is None and not self._ended.wait(_RENEW_S):
            # A server that restarts is back before the Lease lapses; one that is not loses us the right by itself.
            with contextlib.suppress(ClusterError):
                self.renew()


def _of_version(renewed: Object, held: Object) -> Object:
    """Return the new Lease as a change of the one that was seen, so that no other change is overwritten."""
    return {**renewed, "metadata": {**renewed["metadata"], "resourceVersion": held["metadata"]["resourceVersion"]}}


def _version(found: Object | None) -> object:
    return found and found["metadata"].get("resourceVersion")


def holder(client: Client) -> str | None:
    """Return the run that has the cluster for itself, None where there is none. Raises `ClusterError`."""
    held = client.find(LEASES.item(PLACE, LEASE))
    return (held or {}).get("spec", {}).get("holderIdentity") or None
