"""Where objects of each kind live in the API: by table for what we make, by discovery for what authors bring."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from harness.cluster.kubernetes.client import Client
from harness.errors import ClusterError


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API server knows it; `prefix` is /api/v1 or /apis/GROUP/VERSION."""

    prefix: str
    plural: str
    namespaced: bool = True

    def collection(self, namespace: str) -> str:
        """Return the path of all objects in a namespace ("" for cluster-scoped ones, and for every namespace)."""
        inside = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{self.prefix}{inside}/{self.plural}"

    def item(self, namespace: str, name: str) -> str:
        """Return the path of one object."""
        return f"{self.collection(namespace)}/{quote(name, safe='')}"


NAMESPACES = Resource("/api/v1", "namespaces", namespaced=False)
PODS = Resource("/api/v1", "pods")
SERVICES = Resource("/api/v1", "services")
CONFIG_MAPS = Resource("/api/v1", "configmaps")
EVENTS = Resource("/api/v1", "events")
POLICIES = Resource("/apis/networking.k8s.io/v1", "networkpolicies")

_KNOWN: Mapping[tuple[str, str], Resource] = {
    ("v1", "Namespace"): NAMESPACES,
    ("v1", "Pod"): PODS,
    ("v1", "Service"): SERVICES,
    ("v1", "ConfigMap"): CONFIG_MAPS,
    ("networking.k8s.io/v1", "NetworkPolicy"): POLICIES,
}


class Resources:
    """Finds the resource of a kind, and remembers it; may be used by many threads at once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._found = dict(_KNOWN)
        self._lock = threading.Lock()

    def of(self, manifest: Mapping[str, Any]) -> Resource:
        """Return the resource of an object. Raises `ClusterError` where the cluster has no such kind."""
        version, kind = str(manifest.get("apiVersion", "")), str(manifest.get("kind", ""))
        with self._lock:
            if (version, kind) in self._found:
                return self._found[version, kind]
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        listed = self._client.find(prefix) or {}
        return self._remembered(listed, prefix, version, kind)

    def of_kind(self, kind: str) -> Resource | None:
        """Return the resource of a kind given without its version: one seen before, else the server's preferred one."""
        with self._lock:
            for (_, known), resource in self._found.items():
                if known == kind:
                    return resource
        for group in self._client.get("/apis").get("groups") or ():
            version = str(group["preferredVersion"]["groupVersion"])
            listed = self._client.find(f"/apis/{version}") or {}
            if any(item["kind"] == kind for item in listed.get("resources") or ()):
                return self._remembered(listed, f"/apis/{version}", version, kind)
        return None

    def _remembered(self, listed: Mapping[str, Any], prefix: str, version: str, kind: str) -> Resource:
        for item in listed.get("resources") or ():
            if item["kind"] == kind and "/" not in item["name"]:
                resource = Resource(prefix, item["name"], bool(item["namespaced"]))
                with self._lock:
                    self._found[version, kind] = resource
                return resource
        raise ClusterError(f"this cluster has no kind {kind} in {version or 'no apiVersion'}", where=kind)
