"""Create, change and delete objects: server-side apply of what the author wrote, and deletion that is complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any, TypeVar

from harness.cluster.kubernetes.client import APPLY_PATCH, ApiError, Client
from harness.cluster.kubernetes.ownership import Ownership
from harness.cluster.kubernetes.resources import NAMESPACES, PODS, Resource, Resources
from harness.cluster.kubernetes.waiting import until_gone
from harness.errors import ClusterError
from harness.model.cluster import Timing
from harness.model.scenario import ObjectRef

Object = dict[str, Any]
Item = TypeVar("Item")

FIELD_MANAGER = "netpol-harness"
_QUERY = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
# A kind that is not here comes last: whatever it is, it may need the pods.
_ORDER = {"Namespace": 0, "ConfigMap": 1, "Pod": 2, "Service": 2}
_THREADS = 16
# An agent ends at once when told to; only one that hangs is killed, after this second.
_GRACE_S = 1
DELETE_S = Timing().gone_s


class Applier:
    """Writes into this run's namespaces and nowhere else; may be used by many threads at once."""

    def __init__(
        self, client: Client, ownership: Ownership, *, private: bool = False, gone_s: float = DELETE_S
    ) -> None:
        """Wait `gone_s` seconds for what is deleted.

        `private` says that the whole cluster is this run's: then cluster-wide objects are taken too.
        """
        self._client = client
        self._ownership = ownership
        self._private = private
        self._gone_s = gone_s
        self._resources = Resources(client)

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> None:
        """Apply all objects, kind after kind, those of a kind at once. Raises the first failure, when all were tried.

        Namespaces get this run's marks; everything else arrives as it is.
        """
        ranked = sorted(manifests, key=_rank)
        for _, group in groupby(ranked, key=_rank):
            _all(self._apply_one, list(group))

    def delete(self, refs: Sequence[ObjectRef], deadline_s: float | None = None) -> None:
        """Delete the objects and wait until they are gone; absent ones are."""
        end = time.monotonic() + (self._gone_s if deadline_s is None else deadline_s)
        namespaces = [ref for ref in refs if ref.kind == "Namespace"]
        inside = [ref for ref in refs if ref.kind not in ("Namespace", "External")]
        waiting: dict[tuple[Resource, str], set[str]] = {}
        for deleted in _all(self._delete_one, inside):
            if deleted is not None:
                resource, namespace, uid = deleted
                waiting.setdefault((resource, namespace), set()).add(uid)
        _all(lambda item: until_gone(self._client, item[0].collection(item[1]), waiting[item], end, {}), list(waiting))
        _all(lambda ref: self._delete_namespace(ref.name, end), namespaces)

    # -- one object ----------------------------------------------------------------

    def _apply_one(self, manifest: Mapping[str, Any]) -> None:
        kind, metadata = manifest["kind"], manifest["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        where = str(ObjectRef(kind, namespace, name))
        if kind == "Namespace":
            self._apply_namespace(manifest)
            return
        resource = self._resources.of(manifest)
        if resource.namespaced:
            self._ownership.require(namespace)
        elif not self._private:
            raise ClusterError(
                "it would hold for the whole cluster, which is not this run's alone",
                where=where,
                remedy="play this scenario on a cluster of its own, made by --cluster kind",
            )
        try:
            applied = self._patch(resource.item(namespace, name), manifest)
        except ApiError as fault:
            old = self._leaving(resource, namespace, name) if fault.status == 422 else None
            if old is None:
                raise _explained(fault, where) from fault
            applied = old
        if resource == PODS and "deletionTimestamp" in applied["metadata"]:
            # Applied to a pod on its way out, it would go with it.
            uid, selection = applied["metadata"]["uid"], {"fieldSelector": f"metadata.name={name}"}
            until_gone(self._client, PODS.collection(namespace), {uid}, time.monotonic() + self._gone_s, selection)
            try:
                self._patch(resource.item(namespace, name), manifest)
            except ApiError as fault:
                raise _explained(fault, where) from fault

    def _apply_namespace(self, manifest: Mapping[str, Any]) -> None:
        name, end = manifest["metadata"]["name"], time.monotonic() + self._gone_s
        uid = self._ownership.claim(name)
        while uid is None:
            self._await_namespace(name, end)
            uid = self._ownership.claim(name)
        labels = {**(manifest["metadata"].get("labels") or {}), **self._ownership.marks}
        # With its uid, so that one made anew by somebody else is not written.
        marked = self._ownership.stamped(
            {**manifest, "metadata": {**manifest["metadata"], "labels": labels, "uid": uid}}
        )
        try:
            self._patch(NAMESPACES.item("", name), marked)
        except ApiError as fault:
            self._ownership.forget(name)
            raise _explained(fault, f"Namespace/{name}") from fault

    def _patch(self, path: str, manifest: Mapping[str, Any]) -> Object:
        # JSON is YAML: the object goes out as it is, with fields that no client has heard of.
        return self._client.call("PATCH", path, _QUERY, manifest, APPLY_PATCH)

    def _leaving(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return the object if it is being deleted: then a refused change is no fault of the manifest."""
        found = self._client.find(resource.item(namespace, name)) if resource == PODS else None
        return found if found is not None and "deletionTimestamp" in found["metadata"] else None

    # -- deletion ------------------------------------------------------------------

    def _delete_one(self, ref: ObjectRef) -> tuple[Resource, str, str] | None:
        """Delete an object; return what to wait for, None if it is gone already."""
        resource = self._resources.of_kind(ref.kind)
        if resource is None:
            return None
        if resource.namespaced:
            if not self._ownership.has(ref.namespace):
                return None
        elif not self._private:
            raise ClusterError("it belongs to the whole cluster, which is not this run's alone", where=str(ref))
        answer = self._delete_path(resource.item(ref.namespace, ref.name), resource)
        # The object itself is the answer while something holds it; a Status says that it is gone.
        if answer is None or answer.get("kind") == "Status":
            return None
        return resource, ref.namespace, str(answer["metadata"]["uid"])

    def _delete_path(self, path: str, resource: Resource, preconditions: Object | None = None) -> Object | None:
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if resource == PODS:
            options["gracePeriodSeconds"] = _GRACE_S
        if preconditions:
            options["preconditions"] = preconditions
        try:
            return self._client.call("DELETE", path, None, options)
        except ApiError as fault:
            if fault.status == 404:
                return None
            raise

    def _delete_namespace(self, name: str, end: float) -> None:
        found = self._ownership.find(name)
        if found is None:
            return
        self._ownership.forget(name)
        self._delete_path(NAMESPACES.item("", name), NAMESPACES, {"uid": found["metadata"]["uid"]})
        # The namespace controller starts only 5 s later (its own constant); pods that are gone by then cost no more.
        self._delete_path(PODS.collection(name), PODS)
        self._await_namespace(name, end)

    def _await_namespace(self, name: str, end: float) -> None:
        """Wait until a namespace that is being deleted is gone."""
        found = self._client.find(NAMESPACES.item("", name))
        if found is not None and "deletionTimestamp" in found["metadata"]:
            selection = {"fieldSelector": f"metadata.name={name}"}
            until_gone(self._client, NAMESPACES.collection(""), {found["metadata"]["uid"]}, end, selection)


def _rank(manifest: Mapping[str, Any]) -> int:
    return _ORDER.get(manifest["kind"], 3)


def _all(action: Callable[[Item], Any], items: Sequence[Item]) -> list[Any]:
    """Do it for all items at once and return the results in order; raise the first failure when all have ended."""
    if len(items) <= 1:
        return [action(item) for item in items]
    with ThreadPoolExecutor(min(_THREADS, len(items)), thread_name_prefix="api") as pool:
        futures = [pool.submit(action, item) for item in items]
    return [future.result() for future in futures]


def _explained(fault: ApiError, where: str) -> ClusterError:
    """Return the server's words with the object's name in front, and what to do about a conflict."""
    causes: Iterable[Mapping[str, Any]] = (fault.body.get("details") or {}).get("causes") or ()
    conflicts = [item for item in causes if item.get("reason") == "FieldManagerConflict"]
    if not conflicts:
        return ClusterError(fault.what, where=where)
    who = "; ".join(f"{item.get('field')}: {item.get('message')}" for item in conflicts)
    return ClusterError(
        f"somebody else manages what this manifest sets: {who}",
        where=where,
        remedy="no second tool may write the objects of a run",
    )
