"""Manifests change in the names of namespaces and in nothing else."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.scenario.rename import Renaming, renamed

_NAME = "kubernetes.io/metadata.name"
_RENAMING = Renaming.build(["shop", "guest", "default"], "np")


def _policy(peer: dict[str, Any], namespace: str = "shop") -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "shop", "namespace": namespace, "labels": {"shop": "shop", _NAME: "shop"}},
        "spec": {"podSelector": {"matchLabels": {"app": "shop"}}, "ingress": [{"from": [peer]}]},
    }


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"matchLabels": {_NAME: "shop"}}, {"matchLabels": {_NAME: "np-shop"}}),
        ({"matchLabels": {"projectcalico.org/name": "guest"}}, {"matchLabels": {"projectcalico.org/name": "np-guest"}}),
        ({"matchLabels": {_NAME: "kube-system"}}, {"matchLabels": {_NAME: "kube-system"}}),
        ({"matchLabels": {"team": "shop"}}, {"matchLabels": {"team": "shop"}}),
        (
            {"matchExpressions": [{"key": _NAME, "operator": "In", "values": ["shop", "kube-system", "guest"]}]},
            {"matchExpressions": [{"key": _NAME, "operator": "In", "values": ["np-shop", "kube-system", "np-guest"]}]},
        ),
        (
            {"matchExpressions": [{"key": _NAME, "operator": "NotIn", "values": ["shop"]}]},
            {"matchExpressions": [{"key": _NAME, "operator": "NotIn", "values": ["np-shop"]}]},
        ),
        (
            {
                "matchExpressions": [
                    {"key": "team", "operator": "In", "values": ["shop"]},
                    {"key": _NAME, "operator": "Exists"},
                ]
            },
            {
                "matchExpressions": [
                    {"key": "team", "operator": "In", "values": ["shop"]},
                    {"key": _NAME, "operator": "Exists"},
                ]
            },
        ),
        ({}, {}),
        (None, None),
    ],
)
def test_a_namespace_selector_names_the_runs_namespaces(selector: Any, expected: Any) -> None:
    """By the label that the API server keeps on every namespace, or Calico's twin of it; others are the author's."""

    result = renamed(_policy({"namespaceSelector": selector}), _RENAMING)

    assert result == {
        **_policy({"namespaceSelector": expected}),
        "metadata": {**_policy({})["metadata"], "namespace": "np-shop"},
    }


def test_a_pod_selector_looks_at_pods_own_labels_which_stay_as_written() -> None:
    """A pod may carry the namespace's label key as a trap; renaming its value would change what is selected."""

    peer = {"podSelector": {"matchLabels": {_NAME: "shop"}}, "namespaceSelector": {"matchLabels": {_NAME: "shop"}}}

    result = renamed(_policy(peer), _RENAMING)["spec"]["ingress"][0]["from"][0]

    assert [result["podSelector"], result["namespaceSelector"]] == [
        {"matchLabels": {_NAME: "shop"}},
        {"matchLabels": {_NAME: "np-shop"}},
    ]


@pytest.mark.parametrize(
    ("kind", "metadata", "expected"),
    [
        ("NetworkPolicy", {"name": "x", "namespace": "shop"}, {"name": "x", "namespace": "np-shop"}),
        ("NetworkPolicy", {"name": "x", "namespace": "other"}, {"name": "x", "namespace": "other"}),
        ("NetworkPolicy", {"name": "x"}, {"name": "x", "namespace": "np-default"}),
        ("NetworkPolicy", {"name": "x", "namespace": None}, {"name": "x", "namespace": "np-default"}),
        ("NetworkPolicy", {"name": "x", "namespace": ""}, {"name": "x", "namespace": "np-default"}),
        ("SomethingNew", {"name": "x"}, {"name": "x", "namespace": "np-default"}),
        ("ClusterNetworkPolicy", {"name": "shop"}, {"name": "shop"}),
        (
            "Namespace",
            {"name": "shop", "labels": {_NAME: "shop", "a": "shop"}},
            {"name": "np-shop", "labels": {_NAME: "np-shop", "a": "shop"}},
        ),
        ("NetworkPolicy", [], []),
        ("NetworkPolicy", None, None),
        ("NetworkPolicy", {"namespace": 7}, {"namespace": 7}),
    ],
)
def test_an_object_moves_to_the_runs_namespace(kind: str, metadata: Any, expected: Any) -> None:
    """An absent namespace is `default`; what lives in no namespace gets none, and a Namespace is its own name."""

    assert renamed({"kind": kind, "metadata": metadata}, _RENAMING) == {"kind": kind, "metadata": expected}


def test_an_absent_namespace_stays_absent_where_default_keeps_its_name() -> None:
    """Nothing is written into a manifest that would say what it says already."""

    assert renamed({"kind": "Pod", "metadata": {}}, Renaming.build(["shop"], "np")) == {"kind": "Pod", "metadata": {}}


def test_policies_of_the_cluster_name_namespaces_in_selectors_too() -> None:
    """policy.networking.k8s.io calls the selector `namespaces` where a whole namespace is meant."""

    def spec(name: str) -> dict[str, Any]:
        return {
            "subject": {"namespaces": {"matchLabels": {_NAME: name}}},
            "ingress": [{"from": [{"pods": {"namespaceSelector": {"matchLabels": {_NAME: name}}, "podSelector": {}}}]}],
        }

    document = {"kind": "ClusterNetworkPolicy", "metadata": {"name": "shop"}, "spec": spec("shop")}

    assert renamed(document, _RENAMING) == {**document, "spec": spec("np-shop")}


@pytest.mark.parametrize("key", ["k8s:io.kubernetes.pod.namespace", "io.kubernetes.pod.namespace"])
def test_cilium_names_namespaces_in_every_endpoint_selector(key: str) -> None:
    """Cilium has pods' namespaces among their labels; that holds for its own kinds only."""

    def spec(name: str) -> dict[str, Any]:
        return {
            "endpointSelector": {"matchLabels": {key: name, "app": "shop"}},
            "ingress": [
                {"fromEndpoints": [{"matchExpressions": [{"key": key, "operator": "NotIn", "values": [name]}]}]}
            ],
        }

    cilium = {"kind": "CiliumNetworkPolicy", "metadata": {"namespace": "np-shop"}, "spec": spec("shop")}
    other = {**cilium, "kind": "NetworkPolicy"}

    assert [renamed(cilium, _RENAMING), renamed(other, _RENAMING)] == [{**cilium, "spec": spec("np-shop")}, other]


_SCALARS = st.none() | st.booleans() | st.integers() | st.sampled_from(["shop", "guest", "x", "", _NAME, "NotIn"])
_KEYS = st.sampled_from(
    [
        "namespaceSelector",
        "namespaces",
        "podSelector",
        "matchLabels",
        "matchExpressions",
        "key",
        "values",
        "spec",
        _NAME,
    ]
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=25
)
_DOCUMENTS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["NetworkPolicy", "CiliumNetworkPolicy", "Namespace", "Other", None, 7])},
    optional={
        "metadata": _VALUES | st.dictionaries(st.sampled_from(["name", "namespace", "labels"]), _VALUES),
        "spec": _VALUES,
    },
)


def _paths(document: Any, path: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Any]:
    """Flatten a document: path to leaf, empty containers being leaves."""
    entries = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    found = [item for key, value in entries for item in _paths(value, (*path, key)).items()]
    return dict(found) or {path: document}


def _emptied(value: Any) -> None:
    """Clear every container in `value`, innermost first."""
    if isinstance(value, dict | list):
        for inner in list(value.values() if isinstance(value, dict) else value):
            _emptied(inner)
        value.clear()


def _may_change(path: tuple[Any, ...]) -> bool:
    if path[0] == "metadata":
        return path in {("metadata", "namespace"), ("metadata", "name"), ("metadata", "labels", _NAME)}
    in_labels = path[-2:] == ("matchLabels", _NAME)
    in_values = path[-2:-1] == ("values",) and "matchExpressions" in path
    return (in_labels or in_values) and ("namespaceSelector" in path or "namespaces" in path)


@given(_DOCUMENTS)
def test_renaming_by_identity_gives_the_document_itself(document: dict[str, Any]) -> None:
    """In any shape, and in the author's order of keys."""

    result = renamed(document, Renaming.identity())

    assert (result, str(result)) == (document, str(document))


_CONTAINERS_INSIDE = {
    "matchLabels": {"a": ["b"]},
    "matchExpressions": [{"key": _NAME, "values": ["shop", ["x"]]}],
}


@given(_DOCUMENTS)
@example({"kind": "NetworkPolicy", "metadata": {"a": ["b"]}, "spec": {"namespaceSelector": _CONTAINERS_INSIDE}})
def test_the_document_given_is_left_alone(document: dict[str, Any]) -> None:
    """A scenario is read once and run many times; the copy shares nothing with it that could change."""

    before = deepcopy(document)
    result = renamed(document, _RENAMING)
    _emptied(result)

    assert document == before


@given(_DOCUMENTS)
@example({"kind": "NetworkPolicy", "spec": {"namespaceSelector": {"matchExpressions": [{"key": [], "values": []}]}}})
def test_nothing_but_names_of_namespaces_changes(document: dict[str, Any]) -> None:
    """Each changed leaf is one of the named fields, and holds the run's name of what stood there."""

    before, after = _paths(document), _paths(renamed(document, _RENAMING))
    changed = {path for path in before.keys() | after.keys() if before.get(path, ...) != after.get(path, ...)}

    assert [
        path
        for path in changed
        # `metadata: {}` gives way to the namespace that is written into it.
        if not (_may_change(path) or (path == ("metadata",) and before[path] == {}))
        or (isinstance(before.get(path), str) and before[path] and after[path] != _RENAMING.real(before[path]))
    ] == []


@given(_DOCUMENTS)
def test_renaming_back_gives_what_was_written(document: dict[str, Any]) -> None:
    """No information is lost, unless an absent namespace was written out."""

    back = Renaming({real: name for name, real in _RENAMING.names.items()})
    metadata = document.get("metadata")
    absent = isinstance(metadata, dict) and metadata.get("namespace") in (None, "")

    assert absent or renamed(renamed(document, _RENAMING), back) == document
