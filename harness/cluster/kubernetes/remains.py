"""The runs that have namespaces on a cluster: which are under way, which died, and which are over their time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.heartbeat import DURATION, LEASES
from harness.cluster.kubernetes.identity import instant
from harness.cluster.kubernetes.resources import NAMESPACES
from harness.cluster.kubernetes.waiting import holding
from harness.errors import ClusterError
from harness.manifests import EXPIRES, MANAGED_BY, OWNER_LABEL, RUN_LABEL

Object = Mapping[str, Any]

OURS = ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())


@dataclass(frozen=True, slots=True)
class RunOnCluster:
    """A run's namespaces, as the server knows them.

    `heard` is the last time that the run said that it lives, its start if it never did, and None where we may not
    know. `stuck` are those namespaces that are being deleted, each with what holds it.
    """

    run: str
    owner: str
    namespaces: tuple[str, ...]
    stuck: tuple[str, ...]
    expires: datetime | None
    heard: datetime | None

    def is_alive(self, now: datetime) -> bool | None:
        """Tell whether the run was heard of a moment ago; None where that cannot be known."""
        return None if self.heard is None else now - self.heard < DURATION

    def is_expired(self, now: datetime) -> bool:
        """Tell whether the run is over its time; one that says that it lives is not, however long it lasts."""
        return self.expires is not None and self.expires <= now and not self.is_alive(now)

    def described(self, now: datetime) -> str:
        """Say whose it is, what it has here, and how it stands with it."""
        alive = self.is_alive(now)
        if self.is_expired(now) and self.expires is not None:
            state = f"expired {_ago(now - self.expires)} ago"
        elif alive:
            state = "under way"
        else:
            until = f"{self.expires:%Y-%m-%dT%H:%M:%SZ}" if self.expires else "nobody said when"
            silent = f"not heard of for {_ago(now - self.heard)}" if self.heard else "under way or dead"
            state = f"{silent}, expires {until}"
        count = len(self.namespaces)
        text = f"run {self.run} of {self.owner}, {state}: {count} namespace{'s' * (count != 1)}"
        return text + (f"; in deletion: {'; '.join(self.stuck)}" if self.stuck else "")


def runs_on(client: Client, *, besides: str | None = None) -> list[RunOnCluster]:
    """Return the runs that have namespaces here, those that expire first in front. Raises `ClusterError`."""
    namespaces = client.get(NAMESPACES.collection(""), {"labelSelector": OURS}).get("items") or ()
    try:
        leases = client.get(LEASES.collection(""), {"labelSelector": OURS}).get("items") or ()
    except ClusterError:
        leases = None
    return sorted_runs(namespaces, leases, besides=besides)


def sorted_runs(
    namespaces: Iterable[Object], leases: Iterable[Object] | None, *, besides: str | None = None
) -> list[RunOnCluster]:
    """Group namespaces by the run that they say they are of; `leases` None where they could not be asked for."""
    by_run: dict[str, list[Object]] = {}
    for item in namespaces:
        labels = item["metadata"].get("labels") or {}
        # Without the label of a run it is none of ours, whoever is said to manage it.
        if MANAGED_BY.items() <= labels.items() and labels.get(RUN_LABEL) not in (None, besides):
            by_run.setdefault(labels[RUN_LABEL], []).append(item)
    heard = None if leases is None else _heard(leases)
    runs = [_run(run, items, heard) for run, items in by_run.items()]
    return sorted(runs, key=lambda item: (item.expires is None, item.expires or datetime.max.replace(tzinfo=UTC)))


def _run(run: str, namespaces: list[Object], heard: Mapping[str, datetime] | None) -> RunOnCluster:
    metadata = [item["metadata"] for item in namespaces]
    annotations = [item.get("annotations") or {} for item in metadata]
    owners = [item[OWNER_LABEL] for item in annotations if OWNER_LABEL in item]
    expiries = [found for item in annotations if (found := instant(item.get(EXPIRES))) is not None]
    made = [found for item in metadata if (found := instant(item.get("creationTimestamp"))) is not None]
    signs = [] if heard is None else [*made, *([heard[run]] if run in heard else [])]
    return RunOnCluster(
        run,
        owners[0] if owners else "unknown",
        tuple(sorted(str(item["name"]) for item in metadata)),
        tuple(holding(item) for item in namespaces if "deletionTimestamp" in item["metadata"]),
        max(expiries, default=None),
        max(signs, default=None),
    )


def _heard(leases: Iterable[Object]) -> dict[str, datetime]:
    """Return when each run last said that it lives."""
    heard: dict[str, datetime] = {}
    for item in leases:
        run = (item["metadata"].get("labels") or {}).get(RUN_LABEL)
        renewed = instant((item.get("spec") or {}).get("renewTime"))
        if run and renewed is not None:
            heard[run] = max(renewed, heard.get(run, renewed))
    return heard


def _ago(time: timedelta) -> str:
    seconds = max(0, int(time.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
