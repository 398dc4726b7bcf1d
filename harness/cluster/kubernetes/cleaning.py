"""Remove what runs left on a cluster: their namespaces, known by their labels, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Self

from harness.cluster.kubernetes.apply import Applier
from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.kubeconfig import open_client
from harness.cluster.kubernetes.ownership import Ownership
from harness.cluster.kubernetes.remains import RunOnCluster, runs_on
from harness.errors import ClusterError
from harness.manifests import MANAGED_BY, RUN_LABEL
from harness.model.scenario import ObjectRef

_DEADLINE_S = 60.0
_THREADS = 24


class Cleaning:
    """What runs have on one cluster, as seen when this was made."""

    def __init__(self, client: Client, deadline_s: float = _DEADLINE_S, now: datetime | None = None) -> None:
        """Look. Raises `ClusterError`."""
        self._client = client
        self._deadline_s = deadline_s
        self._now = now or datetime.now(UTC)
        self._runs = runs_on(client)

    @classmethod
    def of_kubeconfig(cls, kubeconfig: str | None, context: str | None) -> Cleaning:
        """Look at the cluster that a kubeconfig leads to. Raises `ClusterError`."""
        client = open_client(kubeconfig, context)
        try:
            return cls(client)
        except BaseException:
            client.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def chosen(self, run: str | None) -> list[RunOnCluster]:
        """Return the run of that name, dead or alive; without a name, all that are over their time."""
        return [item for item in self._runs if (item.run == run if run else item.is_expired(self._now))]

    def living(self, chosen: Sequence[RunOnCluster]) -> list[RunOnCluster]:
        """Return those that were heard of a moment ago."""
        return [item for item in chosen if item.is_alive(self._now)]

    def others(self, chosen: Sequence[RunOnCluster]) -> list[RunOnCluster]:
        """Return the runs that are left alone."""
        return [item for item in self._runs if item not in chosen]

    def described(self, item: RunOnCluster) -> str:
        """Say whose a run is and how it stands with it."""
        return item.described(self._now)

    def remove(self, chosen: Sequence[RunOnCluster]) -> list[str]:
        """Delete the namespaces of these runs and wait until they are gone; return what is not, with what holds it."""

        def delete(run: str, name: str) -> str | None:
            # With the run's own marks: a namespace that came to be somebody else's meanwhile is refused.
            applier = Applier(self._client, Ownership(self._client, {**MANAGED_BY, RUN_LABEL: run}))
            try:
                applier.delete([ObjectRef("Namespace", "", name)], self._deadline_s)
            except ClusterError as fault:
                return f"{name}: {fault.what}"
            return None

        doomed = [(item.run, name) for item in chosen for name in item.namespaces]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="clean") as pool:
            return [fault for fault in pool.map(lambda item: delete(*item), doomed) if fault is not None]
