"""When a fresh cluster can carry pods: every node Ready, and the CNI's agent on each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.pod_state import obstacle, summary
from harness.cluster.kubernetes.resources import PODS, Resource
from harness.cluster.kubernetes.waiting import follow
from harness.errors import ClusterError

Object = Mapping[str, Any]

NODES = Resource("/api/v1", "nodes", namespaced=False)
DAEMON_SETS = Resource("/apis/apps/v1", "daemonsets")
_MERGE_PATCH = "application/merge-patch+json"

# Measured elsewhere: 120 s proved too short for Calico on shared runners.
CNI_S = 300.0
# A failed pull may be a hiccup. An agent may fall a few times over an API that is not there yet.
_IMAGE_PATIENCE_S = 15.0
_CRASH_PATIENCE_S = 90.0
# Other objects than the watched one tell what is wrong, and somebody may ask to stop.
_LOOK_S = 1.0
_SHOWN = 3


class Readiness:
    """Waits, and gives up early on what no waiting cures; every fault says what was waited for and what was seen."""

    def __init__(
        self,
        client: Client,
        name: str,
        check: Callable[[], None],
        *,
        deadline_s: float = CNI_S,
        image_patience_s: float = _IMAGE_PATIENCE_S,
    ) -> None:
        """`check` raises when the run was told to stop; it is called at least every second."""
        self._client = client
        self._check = check
        self._where = f"kind cluster {name}"
        self._deadline_s = deadline_s
        self._image_patience_s = image_patience_s
        self._end = time.monotonic() + deadline_s
        self._since: dict[tuple[str, str], float] = {}

    def await_nodes(self, count: int) -> None:
        """Wait until `count` nodes are Ready. Raises `ClusterError`."""

        def look(nodes: Mapping[str, Object]) -> float | None:
            ready = [name for name, node in nodes.items() if _is_ready(node)]
            if len(ready) >= count:
                return None
            self._give_up_early("nodes to be ready", f"{len(ready)} of {count} are")
            return _LOOK_S

        if not follow(self._client, NODES.collection(""), look, self._end):
            raise self._late(f"{count} nodes to be ready", [])

    def await_cni(self, daemon_set: str, count: int) -> None:
        """Wait until the CNI's DaemonSet runs, as it is now, on `count` nodes. Raises `ClusterError`."""
        seen: dict[str, Object] = {}

        def look(found: Mapping[str, Object]) -> float | None:
            # An operator makes it only after a while: none is no reason to go on.
            agents = [item for name, item in found.items() if name == daemon_set]
            seen.update((str(item["metadata"]["name"]), item) for item in agents)
            if agents and all(_is_rolled_out(item, count) for item in agents):
                return None
            self._give_up_early(f"DaemonSet {daemon_set}", _progress(agents))
            return _LOOK_S

        if not follow(self._client, DAEMON_SETS.collection(""), look, self._end):
            raise self._late(f"DaemonSet {daemon_set} to run on {count} nodes", list(seen.values()))

    def open_control_plane(self) -> None:
        """Let pods go to the control plane too: it has a CNI like any other node, and makes flows across nodes."""
        for node in self._client.get(NODES.collection("")).get("items") or ():
            taints = node["spec"].get("taints") or []
            kept = [taint for taint in taints if not str(taint.get("key", "")).endswith("/control-plane")]
            if kept != taints:
                path = NODES.item("", node["metadata"]["name"])
                self._client.call("PATCH", path, None, {"spec": {"taints": kept or None}}, _MERGE_PATCH)

    def _give_up_early(self, awaited: str, progress: str) -> None:
        """Raise `ClusterError` once the pod of a DaemonSet has been stuck for longer than patience lasts, or a stop."""
        self._check()
        now = time.monotonic()
        stuck = {
            (pod["metadata"]["namespace"], pod["metadata"]["name"]): trouble
            for pod in self._daemon_pods()
            if (trouble := obstacle(pod)) is not None
        }
        self._since = {key: self._since.get(key, now) for key in stuck}
        for key, trouble in stuck.items():
            patience_s = self._image_patience_s if "Image" in trouble.text else _CRASH_PATIENCE_S
            if now - self._since[key] >= patience_s:
                raise ClusterError(
                    f"waited for {awaited}, {progress}: pod {'/'.join(key)}: {trouble.text}",
                    where=self._where,
                    remedy="an image that cannot be pulled can be given: --image-archive FILE",
                )

    def _late(self, awaited: str, agents: Sequence[Object]) -> ClusterError:
        pods = [pod for pod in self._daemon_pods() if not _is_ready(pod)]
        shown = "; ".join(f"pod {pod['metadata']['name']}: {summary(pod)}" for pod in pods[:_SHOWN])
        return ClusterError(
            f"waited {self._deadline_s:g} s for {awaited}, {_progress(agents)}"
            + (f": {shown}" if shown else ": no node got ready"),
            where=self._where,
            remedy="a slow machine or a slow pull: load the CNI's images with --image-archive; see the logs",
        )

    def _daemon_pods(self) -> list[Object]:
        """Return the pods of DaemonSets: the others wait for the CNI themselves."""
        pods: list[Object] = self._client.get(PODS.collection("")).get("items") or []
        return [
            pod
            for pod in pods
            if any(owner.get("kind") == "DaemonSet" for owner in pod["metadata"].get("ownerReferences") or ())
        ]


def _is_ready(item: Object) -> bool:
    conditions = (item.get("status") or {}).get("conditions") or ()
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions)


def _is_rolled_out(daemon_set: Object, count: int) -> bool:
    status = daemon_set.get("status") or {}
    # Else the counts may still be those of an earlier form.
    is_current = status.get("observedGeneration", 0) >= daemon_set["metadata"].get("generation", 0)
    return bool(is_current) and all(status.get(name, 0) >= count for name in ("updatedNumberScheduled", "numberReady"))


def _progress(agents: Sequence[Object]) -> str:
    if not agents:
        return "which does not exist yet"
    status = agents[0].get("status") or {}
    return f"ready on {status.get('numberReady', 0)} of {status.get('desiredNumberScheduled', 0)}"
