"""Cilium's own word on which labels a pod is known by.

A pod that is relabelled keeps its old identity for a grace period, and other nodes learn of the new one from its
CiliumEndpoint alone (`pkg/endpoint`, `pkg/k8s/watchers`): half a minute was seen, which no settling can see through.
So a changed label is waited for here. That is a hint that it is worth to look, never a proof of what is in force.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.resources import Resource
from harness.cluster.kubernetes.waiting import follow
from harness.errors import ClusterError
from harness.model.scenario import ObjectRef

Object = Mapping[str, Any]
# By namespace and name: the labels, as an identity spells them, that must not be there any more.
Changed = dict[tuple[str, str], set[str]]

ENDPOINTS = Resource("/apis/cilium.io/v2", "ciliumendpoints")
SHOWN_S = 90.0
_NAMESPACE_LABEL = "io.cilium.k8s.namespace.labels."
# Cilium's default filter leaves such keys out of identities (`pkg/labelsfilter`): no waiting would show them.
_FILTERED = "kubernetes.io"


class Identities:
    """Remembers the labels of what was applied, and waits for those that change; may be used by many threads."""

    def __init__(self, client: Client, shown_s: float = SHOWN_S) -> None:
        self._client = client
        self._shown_s = shown_s
        self._lock = threading.Lock()
        self._pods: dict[tuple[str, str], Mapping[str, str]] = {}
        self._namespaces: dict[str, Mapping[str, str]] = {}

    def note(self, manifests: Iterable[Object]) -> Changed:
        """Take in what is applied, and return the pods whose identity that changes, with the labels that must go."""
        changed: Changed = {}
        with self._lock:
            for item in manifests:
                metadata = item["metadata"]
                labels, name, home = dict(metadata.get("labels") or {}), metadata["name"], metadata.get("namespace", "")
                if item["kind"] == "Pod":
                    gone = _spelled(self._pods.get((home, name), labels)) - _spelled(labels)
                    if labels != self._pods.get((home, name), labels):
                        changed.setdefault((home, name), set()).update(gone)
                    self._pods[home, name] = labels
                elif item["kind"] == "Namespace":
                    before = self._namespaces.get(name, labels)
                    for there, pod in self._pods if labels != before else ():
                        if there == name:
                            gone = _spelled(before, _NAMESPACE_LABEL) - _spelled(labels, _NAMESPACE_LABEL)
                            changed.setdefault((there, pod), set()).update(gone)
                    self._namespaces[name] = labels
        return changed

    def forget(self, refs: Iterable[ObjectRef]) -> None:
        """Forget what is deleted, with a namespace all that is in it: what comes under the same name is another."""
        with self._lock:
            for ref in refs:
                if ref.kind == "Pod":
                    self._pods.pop((ref.namespace, ref.name), None)
                elif ref.kind == "Namespace":
                    self._namespaces.pop(ref.name, None)
                    for key in [key for key in self._pods if key[0] == ref.name]:
                        del self._pods[key]

    def wait(self, changed: Changed) -> None:
        """Wait until the pods are known by their new labels. Raises `ClusterError` that names those that are not."""
        end = time.monotonic() + self._shown_s
        for home in dict.fromkeys(home for home, _ in changed):
            late: list[str] = []

            def look(objects: Mapping[str, Object], home: str = home, late: list[str] = late) -> float | None:
                late[:] = [
                    pod
                    for there, pod in changed
                    if there == home and not self._is_known(home, pod, changed[home, pod], objects.get(pod))
                ]
                return math.inf if late else None

            if not follow(self._client, ENDPOINTS.collection(home), look, end):
                raise ClusterError(
                    f"Cilium still knows {', '.join(sorted(late))} by other labels than these pods have, "
                    f"{self._shown_s:g} s after they changed",
                    where=f"CiliumEndpoint/{home}",
                    remedy="a step that relabels cannot be judged as long as that is so: see the agent's log",
                )

    def _is_known(self, home: str, pod: str, gone: set[str], endpoint: Object | None) -> bool:
        status = (endpoint or {}).get("status") or {}
        shown = set((status.get("identity") or {}).get("labels") or ())
        with self._lock:
            wanted = _spelled(self._pods[home, pod]) | _spelled(self._namespaces.get(home, {}), _NAMESPACE_LABEL)
        return wanted <= shown and not gone & shown


def _spelled(labels: Mapping[str, str], prefix: str = "") -> set[str]:
    """Return labels as an identity spells them."""
    return {f"k8s:{prefix}{key}={value}" for key, value in labels.items() if _FILTERED not in key}
