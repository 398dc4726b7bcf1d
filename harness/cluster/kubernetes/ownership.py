"""Which namespaces are this run's: nothing outside them is ever written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from harness.cluster.kubernetes.client import ApiError, Client
from harness.cluster.kubernetes.resources import NAMESPACES
from harness.errors import ClusterError
from harness.manifests import MANAGED_BY, PROCESS, RUN_LABEL

Object = dict[str, Any]


class Ownership:
    """Makes namespaces of this run, and refuses all others; may be used by many threads at once."""

    def __init__(
        self,
        client: Client,
        marks: Mapping[str, str],
        stamps: Mapping[str, str] | None = None,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        """`marks` are the labels that every namespace of this run carries, `RUN_LABEL` among them.

        `stamps` are annotations of these, and of every object that is no author's. `guard` is called before anything
        is written; what it raises keeps it from being written.
        """
        self.marks = marks
        self.stamps = stamps or {}
        self._guard = guard
        self._client = client
        self._uids: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def selector(self) -> str:
        """The label selector of this run's namespaces."""
        wanted = {**MANAGED_BY, RUN_LABEL: self.marks[RUN_LABEL]}
        return ",".join(f"{key}={value}" for key, value in wanted.items())

    def claim(self, name: str) -> str | None:
        """Make the namespace ours and return its uid; None while an earlier one of this name is being deleted.

        Raises `ClusterError` for one that exists and is not this run's.
        """
        self._guard()
        with self._lock:
            if name in self._uids:
                return self._uids[name]
        metadata = {"name": name, "labels": dict(self.marks)}
        bare = self.stamped({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        try:
            # Created and not applied: what somebody else made a moment ago must not be taken over.
            made = self._client.call("POST", NAMESPACES.collection(""), None, bare)
        except ApiError as fault:
            if fault.status != 409:
                raise
            found = self._client.find(NAMESPACES.item("", name))
            if found is None:
                return None
            made = found
            self._check(made)
            if "deletionTimestamp" in made["metadata"]:
                return None
        return self._remember(made)

    def require(self, name: str) -> str:
        """Return the uid of a namespace that exists and is this run's. Raises `ClusterError` for any other."""
        self._guard()
        with self._lock:
            if name in self._uids:
                return self._uids[name]
        found = self.find(name)
        if found is None:
            raise ClusterError("there is no such namespace", where=f"Namespace/{name}")
        return self._remember(found)

    def has(self, name: str) -> bool:
        """Tell whether there is such a namespace. Raises `ClusterError` for one that is not this run's."""
        with self._lock:
            if name in self._uids:
                return True
        return self.find(name) is not None

    def find(self, name: str) -> Object | None:
        """Return a namespace, None where there is none. Raises `ClusterError` for one that is not this run's."""
        found = self._client.find(NAMESPACES.item("", name))
        if found is not None:
            self._check(found)
        return found

    def stamped(self, manifest: Mapping[str, Any]) -> Object:
        """Return the object with the annotations that say whose it is: no selector sees them."""
        metadata = manifest["metadata"]
        annotations = {**(metadata.get("annotations") or {}), **self.stamps}
        return {**manifest, "metadata": {**metadata, "annotations": annotations}} if annotations else dict(manifest)

    def known(self) -> list[str]:
        """Return the namespaces of this run that it has made and not yet deleted, oldest first; asks nobody."""
        with self._lock:
            return list(self._uids)

    def names(self) -> list[str]:
        """Return this run's namespaces as the server knows them; where processes are stamped, those of ours alone."""
        listed = self._client.get(NAMESPACES.collection(""), {"labelSelector": self.selector})
        process = self.stamps.get(PROCESS)
        return [
            str(item["metadata"]["name"])
            for item in listed.get("items") or ()
            if process is None or (item["metadata"].get("annotations") or {}).get(PROCESS) == process
        ]

    def forget(self, name: str) -> None:
        """Trust a remembered namespace no more: it is deleted."""
        with self._lock:
            self._uids.pop(name, None)

    def _remember(self, namespace: Object) -> str:
        metadata = namespace["metadata"]
        with self._lock:
            return self._uids.setdefault(str(metadata["name"]), str(metadata["uid"]))

    def _check(self, namespace: Object) -> None:
        name, labels = namespace["metadata"]["name"], namespace["metadata"].get("labels") or {}
        if not MANAGED_BY.items() <= labels.items():
            raise ClusterError(
                "this namespace is not ours, and what is not ours is never written",
                where=f"Namespace/{name}",
                remedy="give the scenario's namespace another name, or leave --verbatim-namespaces away",
            )
        if labels.get(RUN_LABEL) != self.marks[RUN_LABEL]:
            raise ClusterError(
                f"this namespace belongs to another run, {labels.get(RUN_LABEL)}",
                where=f"Namespace/{name}",
                remedy=f"wait for that run to end, or remove what it left: netpol-harness clean --cluster kubeconfig "
                f"--run {labels.get(RUN_LABEL)}",
            )
