"""The local cluster's objects: what an API server would keep, and what it would refuse."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from harness.cluster.local.store import Store
from harness.errors import ClusterError
from harness.model.scenario import ObjectRef

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "labels": {"team": "x"}}}
REF = ObjectRef("NetworkPolicy", "x", "one")
RULE = {"ports": [{"port": 80}]}


def _policy(**spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "x", "name": "one"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _pod(**changes: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "agent", "args": ["--name", "x/a"]}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "x", "name": "a", **changes}, "spec": spec}


def _stored_types(*specs: dict[str, Any]) -> list[str]:
    """Return the policyTypes that are stored once these versions of a policy were applied in turn."""
    store = Store()
    store.apply(NAMESPACE)
    for spec in specs:
        store.apply(_policy(**spec))
    stored = store.get(REF)
    assert stored is not None
    types: list[str] = stored["spec"]["policyTypes"]
    return types


@pytest.mark.parametrize(
    ("versions", "types"),
    [
        ([{}], ["Ingress"]),
        ([{"egress": []}], ["Ingress"]),
        ([{"egress": [RULE]}], ["Ingress", "Egress"]),
        ([{"policyTypes": [], "egress": [RULE]}], ["Ingress", "Egress"]),
        ([{"policyTypes": ["Egress"], "ingress": [RULE]}], ["Egress"]),
        # Defaulted once, and nobody's since: later rules for egress are inert.
        ([{}, {"egress": [RULE]}], ["Ingress"]),
        ([{"egress": [RULE]}, {}], ["Ingress", "Egress"]),
        ([{}, {"egress": [RULE]}, {"egress": [RULE]}], ["Ingress"]),
        # Named, then given up: removed, and defaulted afresh.
        ([{"policyTypes": ["Egress"]}, {}], ["Ingress"]),
        ([{"policyTypes": ["Ingress"]}, {"egress": [RULE]}], ["Ingress", "Egress"]),
        ([{}, {"policyTypes": ["Egress"]}], ["Egress"]),
    ],
)
def test_policy_types_are_defaulted_once_and_kept(versions: list[dict[str, Any]], types: list[str]) -> None:
    """Server-side apply leaves alone what it defaulted, and defaults anew what its manager gives up."""

    assert _stored_types(*versions) == types


def test_a_policy_without_a_spec_denies_ingress_to_all() -> None:
    """`spec` may be absent: all pods of the namespace, no rules."""
    store = Store()
    store.apply(NAMESPACE)
    manifest = _policy()
    del manifest["spec"]
    store.apply(manifest)

    assert (store.get(REF) or {})["spec"] == {"policyTypes": ["Ingress"]}


def test_deleting_and_creating_defaults_afresh() -> None:
    """A new object remembers nothing of the old one of its name."""
    store = Store()
    store.apply(NAMESPACE)
    store.apply(_policy())
    store.delete([REF])
    store.apply(_policy(egress=[RULE]))

    assert (store.get(REF) or {})["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_a_namespace_always_has_its_name_as_a_label() -> None:
    """The server sets the label and lets nobody change it."""
    store = Store()
    forged = {"kubernetes.io/metadata.name": "other"}
    store.apply({**NAMESPACE, "metadata": {"name": "x", "labels": forged}})

    assert (store.get(ObjectRef("Namespace", "", "x")) or {})["metadata"]["labels"] == {
        "kubernetes.io/metadata.name": "x"
    }


def test_the_store_keeps_copies() -> None:
    """Editing a manifest after it was applied changes nothing, and applying edits no manifest."""
    store = Store()
    store.apply(NAMESPACE)
    manifest = _policy(ingress=[copy.deepcopy(RULE)])
    before = copy.deepcopy(manifest)
    store.apply(manifest)
    unchanged = manifest == before
    manifest["spec"]["ingress"].clear()

    assert unchanged
    assert (store.get(REF) or {})["spec"]["ingress"] == [RULE]


def test_labels_of_a_pod_change_and_its_spec_does_not() -> None:
    """A relabel is an apply; another spec takes another pod."""
    store = Store()
    store.apply(NAMESPACE)
    first = store.apply(_pod())
    second = store.apply(_pod(labels={"a": "b"}))
    changed = _pod()
    changed["spec"]["hostNetwork"] = True

    assert [is_new for _, is_new in (first, second)] == [True, False]
    with pytest.raises(ClusterError, match="spec cannot change"):
        store.apply(changed)


def test_a_namespace_takes_its_objects_along() -> None:
    """Deleting tells what went, and passes over what was never there."""
    store = Store()
    store.apply(NAMESPACE)
    store.apply(_policy())
    gone = store.delete([ObjectRef("Namespace", "", "x"), ObjectRef("Pod", "x", "ghost")])

    assert set(gone) == {ObjectRef("Namespace", "", "x"), REF}
    assert REF not in store
