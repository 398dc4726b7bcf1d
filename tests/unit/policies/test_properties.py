"""Laws of decoding that hold for every document."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.labels import LabelSelector
from harness.model.policy import Direction, NetworkPolicy, Peer, PolicyPort, Rule

_FIELDS = [
    *("apiVersion", "kind", "metadata", "name", "namespace", "labels", "annotations", "generateName", "finalizers"),
    *("spec", "podSelector", "namespaceSelector", "ipBlock", "ingress", "egress", "policyTypes", "from", "to", "ports"),
    *("port", "endPort", "protocol", "cidr", "except", "matchLabels", "matchExpressions", "key", "operator", "values"),
]
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**3000)
    | st.floats()
    | st.text()
    | st.sampled_from(["In", "NotIn", "Exists", "Ingress", "Egress", "TCP", "10.0.0.0/8", "${address:a/b}/32", "80"])
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS) | st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)

_KEYS = st.sampled_from(["app", "tier", "example.org/zone", "kubernetes.io/metadata.name"])
_VALUES = st.sampled_from(["", "web", "db", "v1.2_3-x"])
_REQUIREMENTS = st.fixed_dictionaries(
    {"key": _KEYS, "operator": st.sampled_from(["In", "NotIn"]), "values": st.lists(_VALUES, min_size=1, max_size=3)}
) | st.fixed_dictionaries({"key": _KEYS, "operator": st.sampled_from(["Exists", "DoesNotExist"])})
_SELECTORS = st.fixed_dictionaries(
    {},
    optional={
        "matchLabels": st.none() | st.dictionaries(_KEYS, _VALUES, max_size=2),
        "matchExpressions": st.none() | st.lists(_REQUIREMENTS, max_size=2),
    },
)
_BLOCKS = st.sampled_from(
    [
        {"cidr": "0.0.0.0/0", "except": ["192.0.2.0/24", "${address:shop/db}/32"]},
        {"cidr": "2001:db8::/32", "except": None},
        {"cidr": "${network:shop/db/24}", "except": ["${network:shop/db/28}"]},
    ]
)
_PEERS = (
    st.fixed_dictionaries({"podSelector": _SELECTORS}, optional={"namespaceSelector": st.none() | _SELECTORS})
    | st.fixed_dictionaries({"namespaceSelector": _SELECTORS})
    | st.fixed_dictionaries({"ipBlock": _BLOCKS})
)
_PORTS = st.fixed_dictionaries(
    {},
    optional={"protocol": st.sampled_from([None, "TCP", "UDP", "SCTP"]), "port": st.sampled_from([None, 1, 80, "pg"])},
) | st.integers(1, 65535).flatmap(
    lambda port: st.fixed_dictionaries({"port": st.just(port), "endPort": st.integers(port, 65535)})
)


def _rules(peers: str) -> Any:
    rule = {peers: st.none() | st.lists(_PEERS, max_size=2), "ports": st.none() | st.lists(_PORTS, max_size=2)}
    return st.none() | st.lists(st.fixed_dictionaries({}, optional=rule), max_size=2)


_POLICIES = st.fixed_dictionaries(
    {
        "apiVersion": st.just("networking.k8s.io/v1"),
        "kind": st.just("NetworkPolicy"),
        "metadata": st.just({"name": "rules", "namespace": "shop"}),
        "spec": st.fixed_dictionaries(
            {},
            optional={
                "podSelector": st.none() | _SELECTORS,
                "policyTypes": st.none() | st.lists(st.sampled_from(["Ingress", "Egress"]), max_size=2),
                "ingress": _rules("from"),
                "egress": _rules("to"),
            },
        ),
    }
)


def _selector(selector: LabelSelector) -> dict[str, Any]:
    return {
        "matchExpressions": [
            {"key": item.key, "operator": str(item.operator), "values": list(item.values)}
            for item in selector.requirements
        ]
    }


def _peer(peer: Peer) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if peer.pod_selector is not None:
        written["podSelector"] = _selector(peer.pod_selector)
    if peer.namespace_selector is not None:
        written["namespaceSelector"] = _selector(peer.namespace_selector)
    if peer.ip_block is not None:
        written["ipBlock"] = {
            "cidr": peer.ip_block.cidr.text,
            "except": [block.text for block in peer.ip_block.excepts],
        }
    return written


def _port(port: PolicyPort) -> dict[str, Any]:
    return {"protocol": str(port.protocol), "port": port.port, "endPort": port.end_port}


def _rule(rule: Rule, peers: str) -> dict[str, Any]:
    return {peers: [_peer(peer) for peer in rule.peers], "ports": [_port(port) for port in rule.ports]}


def _encoded(policy: NetworkPolicy) -> dict[str, Any]:
    """Write the policy as the server would return it: every default spelt out."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": policy.name, "namespace": policy.namespace},
        "spec": {
            "podSelector": _selector(policy.pod_selector),
            "policyTypes": [str(direction) for direction in policy.policy_types],
            "ingress": [_rule(rule, "from") for rule in policy.ingress],
            "egress": [_rule(rule, "to") for rule in policy.egress],
        },
    }


@given(_JSON)
def test_any_document_is_a_policy_or_faults_and_never_an_exception(read: Callable, document: Any) -> None:
    """A file is hostile until proven otherwise; None comes back exactly when something was reported."""

    policy, faults = read(document if isinstance(document, dict) else {"spec": document})

    assert (policy is None) == bool(faults)


@given(_JSON, _POLICIES, st.data())
def test_a_policy_with_anything_put_anywhere_never_raises(
    read: Callable, junk: Any, document: dict[str, Any], data: st.DataObject
) -> None:
    """Random documents hardly ever get past the first field; damaged valid ones go all the way in."""

    whole = json.loads(json.dumps(document))
    place: Any = whole
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            place[key] = junk
            break
        place = place[key]
    policy, faults = read(whole)

    assert (policy is None) == bool(faults)


@given(_JSON)
def test_faults_are_told_on_one_line_at_a_path_of_text_and_numbers(read: Callable, spec: Any) -> None:
    """They end up behind `file:line:column`, in a terminal."""

    _, faults = read({"spec": spec})

    assert [
        fault
        for path, *texts in faults
        for fault in (path, *texts)
        if not (
            all(isinstance(step, str | int) for step in fault)
            if isinstance(fault, tuple)
            else fault is None or (fault and fault.isprintable() and len(fault) < 500)
        )
    ] == []


@pytest.mark.parametrize("place", ["port", "endPort", "protocol"])
def test_a_number_of_five_thousand_digits_is_a_fault_like_any_other(read: Callable, place: str) -> None:
    """Python refuses to turn it into text (over 4300 digits), so no message may try."""

    _, faults = read({"spec": {"ingress": [{"ports": [{"port": 1, place: 10**5000}]}]}})

    assert ("spec", "ingress", 0, "ports", 0, place) in [path for path, _, _ in faults]


@pytest.mark.parametrize(("length", "fits"), [(256 * 1024 - 1, True), (256 * 1024, False)])
def test_annotations_have_a_limit_in_all(read: Callable, length: int, fits: bool) -> None:
    """Keys and values together: 256 KiB, as kubectl's last-applied annotation finds out."""

    metadata = {"name": "rules", "annotations": {"a": "x" * length}}
    policy, _ = read({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata})

    assert (policy is not None) == fits


@given(_POLICIES)
def test_a_valid_policy_has_no_faults(read: Callable, document: dict[str, Any]) -> None:
    """Whatever the API server takes is taken, nulls and suspicious combinations included."""

    assert read(document)[1] == []


@given(_POLICIES)
def test_decoding_what_the_server_would_return_gives_the_same_policy(read: Callable, document: dict[str, Any]) -> None:
    """Defaulting is idempotent: a policy that is read back and applied again stays what it is."""

    policy, _ = read(document)

    assert read(_encoded(policy)) == (policy, [])


@given(_POLICIES)
def test_types_are_never_empty_and_egress_needs_a_rule_or_its_name(read: Callable, document: dict[str, Any]) -> None:
    """Defaulting of an absent or empty policyTypes: Ingress, and Egress where there is an egress rule."""

    policy, _ = read(document)
    named = document["spec"].get("policyTypes")
    expected = named or ["Ingress", "Egress"][: 2 if document["spec"].get("egress") else 1]

    assert list(policy.policy_types) == [Direction(word) for word in expected]
