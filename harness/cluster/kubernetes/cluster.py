"""The six verbs of a real cluster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from harness.cluster.kubernetes.agents import connect
from harness.cluster.kubernetes.apply import Applier
from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.diagnosis import describe
from harness.cluster.kubernetes.identities import Identities
from harness.cluster.kubernetes.ownership import Ownership
from harness.cluster.kubernetes.probe_pods import is_probe_pod, runnable, script
from harness.cluster.kubernetes.waiting import placed_services, running_pods
from harness.cluster.outside.outside import Outside
from harness.errors import ClusterError
from harness.manifests import EXTERNAL, MANAGED_BY
from harness.manifests import ref as manifest_ref
from harness.model.cluster import AgentChannel, Capabilities
from harness.model.flow import Family
from harness.model.scenario import ObjectRef

_THREADS = 16
_WAITS: Mapping[str, Callable[[Client, str, Sequence[str], float], Mapping[str, Mapping[Family, str]]]] = {
    "Pod": running_pods,
    "Service": placed_services,
}


class KubernetesCluster:
    """Any cluster behind a kubeconfig; may be used by many threads at once.

    Writes only into namespaces that carry `marks`, which it gives to those that it makes.
    """

    def __init__(
        self,
        client: Client,
        capabilities: Capabilities,
        marks: Mapping[str, str],
        *,
        image: str,
        agent: str,
        tolerate: bool = False,
        stamps: Mapping[str, str] | None = None,
        guard: Callable[[], None] = lambda: None,
        outside: Outside | None = None,
    ) -> None:
        """Take an open client; `agent` is the agent's source, `image` any with a Python to run it.

        `stamps` and `guard` are as in `Ownership`. `outside` is where externals live; without one there are none.
        """
        self._client = client
        self._capabilities = capabilities
        self._ownership = Ownership(client, marks, stamps, guard)
        self._applier = Applier(
            client, self._ownership, private=capabilities.private, gone_s=capabilities.timing.gone_s
        )
        self._image = image
        self._agent = agent
        self._tolerate = tolerate
        self._identities = Identities(client) if capabilities.shows_identities else None
        self._outside = outside
        self._scripts: set[str] = set()
        self._lock = threading.Lock()

    def capabilities(self) -> Capabilities:
        """Say what the server said when this cluster was opened."""
        return self._capabilities

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> None:
        """Apply the objects as they are; only probe pods get what they need to run, and namespaces this run's marks.

        What is no author's is stamped with the run's annotations.
        """
        externals = [item for item in manifests if item["kind"] == EXTERNAL]
        if externals:
            # First: who has to wait for an address takes no room for pods meanwhile.
            self._out(manifest_ref(externals[0])).apply(externals)
        pods = [item for item in manifests if is_probe_pod(item)]
        ready = [self._made_ready(item) for item in manifests if item["kind"] != EXTERNAL]
        homes = dict.fromkeys(item["metadata"]["namespace"] for item in pods)
        with self._lock:
            new = [home for home in homes if home not in self._scripts]
        changed = self._identities.note(ready) if self._identities else {}
        self._applier.apply([*(self._ownership.stamped(script(home, self._agent)) for home in new), *ready])
        with self._lock:
            self._scripts.update(new)
        if self._identities and changed:
            self._identities.wait(changed)

    @property
    def ownership(self) -> Ownership:
        """Which namespaces of this cluster are the run's."""
        return self._ownership

    def _made_ready(self, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        if is_probe_pod(manifest):
            return self._ownership.stamped(runnable(manifest, self._image, tolerate=self._tolerate))
        is_ours = MANAGED_BY.items() <= (manifest["metadata"].get("labels") or {}).items()
        return self._ownership.stamped(manifest) if is_ours else manifest

    def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Delete the objects and, with a namespace, all that is in it; returns when all of it is gone."""
        with self._lock:
            self._scripts.difference_update(ref.name for ref in refs if ref.kind == "Namespace")
        if self._identities:
            self._identities.forget(refs)
        if self._outside is not None:
            # First: others may be waiting for an address, and it takes no time.
            self._outside.delete([ref for ref in refs if ref.kind == EXTERNAL])
        self._applier.delete([ref for ref in refs if ref.kind != EXTERNAL])

    def delete_all(self) -> None:
        """Delete every namespace of this run that is left."""
        self.delete([ObjectRef("Namespace", "", name) for name in self._ownership.names()])

    def wait_ready(self, refs: Sequence[ObjectRef], deadline_s: float) -> Mapping[ObjectRef, Mapping[Family, str]]:
        """Wait until pods run and have addresses; a pod that cannot start is told of at once, with its events."""
        end = time.monotonic() + deadline_s
        groups: dict[tuple[str, str], list[str]] = {}
        externals = [ref for ref in refs if ref.kind == EXTERNAL]
        for ref in refs:
            if ref.kind == EXTERNAL:
                continue
            if ref.kind not in _WAITS:
                raise ClusterError(f"a real cluster has no {ref.kind} to wait for", where=str(ref))
            groups.setdefault((ref.kind, ref.namespace), []).append(ref.name)
        found: dict[ObjectRef, Mapping[Family, str]] = {}
        if externals:
            found.update(self._out(externals[0]).wait_ready(externals, deadline_s))

        def wait(group: tuple[str, str]) -> dict[ObjectRef, Mapping[Family, str]]:
            placed = _WAITS[group[0]](self._client, group[1], groups[group], end)
            return {ObjectRef(*group, name): addresses for name, addresses in placed.items()}

        with ThreadPoolExecutor(max(1, min(_THREADS, len(groups))), thread_name_prefix="wait") as pool:
            for part in pool.map(wait, groups):
                found.update(part)
        return {ref: found[ref] for ref in refs}

    def open_agent(self, ref: ObjectRef) -> AgentChannel:
        """Open a channel to the agent of a pod or an external, as soon as that listens on all its ports."""
        if ref.kind == EXTERNAL:
            return self._out(ref).open_agent(ref)
        return connect(self._client, ref)

    def diagnose(self, refs: Sequence[ObjectRef]) -> str:
        """Describe pods as the API server sees them, and the policies around them; never raises."""
        try:
            outside = [ref for ref in refs if ref.kind == EXTERNAL and self._outside is not None]
            lines = [line for ref in outside for line in self._out(ref).describe(ref)]
            return "\n".join([describe(self._client, [ref for ref in refs if ref not in outside]), *lines])
        except Exception as fault:  # noqa: BLE001 - a diagnosis that fails says so
            return f"no diagnosis: {fault}"

    def _out(self, ref: ObjectRef) -> Outside:
        if self._outside is None:
            raise ClusterError(
                "this cluster has no externals: nobody said where hosts outside it can live",
                where=str(ref),
                remedy="give --outside NETNS, a network namespace that the cluster's nodes route these addresses to",
            )
        return self._outside
