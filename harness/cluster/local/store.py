"""The objects of the embedded cluster, in memory, with the API server's habits.

NetworkPolicies are taken as by server-side apply with one field manager; what was defaulted once
stays until a later apply names it or gives it up.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.cluster.local.validation import check
from harness.errors import ClusterError
from harness.model.scenario import ObjectRef

METADATA_NAME = "kubernetes.io/metadata.name"
CLUSTER_SCOPED = ("Namespace", "External")

Object = dict[str, Any]


def reference(manifest: Mapping[str, Any]) -> ObjectRef:
    """Return the name of a checked object."""
    kind, metadata = manifest["kind"], manifest["metadata"]
    return ObjectRef(kind, "" if kind in CLUSTER_SCOPED else metadata["namespace"], metadata["name"])


class Store:
    """Objects by reference, in order of creation; holds copies, so that a caller's later edits change nothing."""

    def __init__(self) -> None:
        self._objects: dict[ObjectRef, Object] = {}
        self._types_named: set[ObjectRef] = set()

    def __contains__(self, ref: ObjectRef) -> bool:
        return ref in self._objects

    def get(self, ref: ObjectRef) -> Object | None:
        """Return the object as stored, or None."""
        return self._objects.get(ref)

    def of_kind(self, kind: str) -> Iterator[tuple[ObjectRef, Object]]:
        """Yield the objects of a kind, oldest first."""
        return ((ref, stored) for ref, stored in self._objects.items() if ref.kind == kind)

    def apply(self, manifest: Mapping[str, Any]) -> tuple[ObjectRef, bool]:
        """Create an object or make the existing one equal to it; return its reference and whether it is new.

        Raises `ClusterError` for a malformed object, one whose namespace does not exist, and a
        change of what cannot change while it runs.
        """
        check(manifest)
        ref = reference(manifest)
        if ref.namespace and ObjectRef("Namespace", "", ref.namespace) not in self._objects:
            raise ClusterError(f"namespace {ref.namespace!r} does not exist", where=str(ref))
        applied = copy.deepcopy(dict(manifest))
        before = self._objects.get(ref)
        if ref.kind == "NetworkPolicy":
            self._apply_policy(ref, applied, before)
        elif ref.kind == "Namespace":
            labels = applied["metadata"].get("labels") or {}
            # Set by the API server, which lets nobody give it another value.
            applied["metadata"]["labels"] = {**labels, METADATA_NAME: ref.name}
        elif ref.kind in ("Pod", "External") and before is not None and before["spec"] != applied["spec"]:
            raise ClusterError(
                "spec cannot change while it runs",
                where=str(ref),
                remedy=f"delete {ref} first; labels can change at any time",
            )
        self._objects[ref] = applied
        return ref, before is None

    def delete(self, refs: Iterable[ObjectRef]) -> list[ObjectRef]:
        """Remove objects and, with a namespace, all that is in it; return what was there."""
        doomed: dict[ObjectRef, None] = {}
        for ref in refs:
            if ref in self._objects:
                doomed[ref] = None
            if ref.kind == "Namespace":
                doomed.update((inner, None) for inner in self._objects if inner.namespace == ref.name)
        for ref in doomed:
            del self._objects[ref]
            self._types_named.discard(ref)
        return list(doomed)

    def _apply_policy(self, ref: ObjectRef, applied: Object, before: Object | None) -> None:
        spec = applied.get("spec") or {}
        applied["spec"] = spec
        named = spec.get("policyTypes") is not None
        if not named and before is not None and ref not in self._types_named:
            # Defaulted at creation, owned by nobody, hence left alone by this apply (semantics 1.3).
            spec["policyTypes"] = list(before["spec"]["policyTypes"])
        elif not spec.get("policyTypes"):
            spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
        if named:
            self._types_named.add(ref)
        else:
            self._types_named.discard(ref)
