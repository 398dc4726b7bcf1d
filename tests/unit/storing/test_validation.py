"""Malformed objects are refused with the name of the field."""

from __future__ import annotations

from typing import Any

import pytest

from harness.cluster.local.validation import check
from harness.errors import ClusterError


def _policy(**spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "x", "name": "one"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _from(peer: Any) -> dict[str, Any]:
    return _policy(ingress=[{"from": [peer]}])


def _port(**port: Any) -> dict[str, Any]:
    return _policy(egress=[{"ports": [port]}])


def _selector(**requirement: Any) -> dict[str, Any]:
    return _policy(podSelector={"matchExpressions": [requirement]})


def _external(**spec: Any) -> dict[str, Any]:
    return {"kind": "External", "metadata": {"name": "office"}, "spec": {"args": ["--name", "office"], **spec}}


BAD = {
    "spec.podselector": _policy(podselector={}),
    "spec.policyTypes[0]": _policy(policyTypes=["ingress"]),
    "spec.policyTypes: more": _policy(policyTypes=["Ingress", "Egress", "Ingress"]),
    "spec.egress: a list": _policy(egress={}),
    "spec.ingress[0].to": _policy(ingress=[{"to": []}]),
    "spec.ingress[0].from[0]: must specify": _from({}),
    "spec.ingress[0].from[0]: ipBlock may not": _from({"ipBlock": {"cidr": "192.0.2.0/24"}, "podSelector": {}}),
    "from[0].ipBlock.cidr: missing": _from({"ipBlock": {}}),
    "from[0].ipBlock.cidr: '192.0.2.1'": _from({"ipBlock": {"cidr": "192.0.2.1"}}),
    "from[0].ipBlock.except[0]: 2001": _from({"ipBlock": {"cidr": "192.0.2.0/24", "except": ["2001:db8::/64"]}}),
    "from[0].ipBlock.except[0]: 192": _from({"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.0/24"]}}),
    "ports[0].protocol": _port(protocol="tcp"),
    "ports[0].port: 0": _port(port=0),
    "ports[0].port: True": _port(port=True),
    "ports[0].port: '80'": _port(port="80"),
    "ports[0].port: 'much-too-long-name'": _port(port="much-too-long-name"),
    "ports[0].endPort: needs": _port(port="web", endPort=90),
    "ports[0].endPort: 79": _port(port=80, endPort=79),
    "matchExpressions[0].operator": _selector(key="a", operator="in", values=["b"]),
    "matchExpressions[0].values: must": _selector(key="a", operator="In"),
    "matchExpressions[0].values: may not": _selector(key="a", operator="Exists", values=["b"]),
    "matchExpressions[0].key": _selector(key="-a", operator="Exists"),
    "spec.podSelector.matchLabels.a": _policy(podSelector={"matchLabels": {"a": "b" * 64}}),
    "metadata.name": {**_policy(), "metadata": {"namespace": "x", "name": 'a" accept'}},
    "metadata.namespace: missing": {**_policy(), "metadata": {"name": "one"}},
    "apiVersion": {**_policy(), "apiVersion": "extensions/v1beta1"},
    "keeps no ConfigMap": {"kind": "ConfigMap", "metadata": {"name": "a", "namespace": "x"}},
    "kind: missing": {"metadata": {"name": "a"}},
    "metadata: a mapping": {"kind": "Namespace", "metadata": "x"},
    "spec.addresses: at least": _external(addresses={}),
    "spec.addresses.IPv4: 2001:db8::1 is not IPv4": _external(addresses={"IPv4": "2001:db8::1"}),
    "lies in the cluster's own": _external(addresses={"IPv4": "10.244.0.9"}),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_malformed_object_is_refused_by_its_field(fault: str) -> None:
    """The error says which field is wrong, in the API's spelling."""
    with pytest.raises(ClusterError) as raised:
        check(BAD[fault])

    assert fault in str(raised.value)


@pytest.mark.parametrize(
    "manifest",
    [
        _policy(),
        {key: value for key, value in _policy().items() if key != "spec"},
        _policy(podSelector=None, ingress=None, egress=[]),
        _policy(policyTypes=["Ingress", "Ingress"]),
        _policy(ingress=[{}, {"from": None, "ports": None}]),
        _from({"podSelector": None, "namespaceSelector": {}}),
        _from({"ipBlock": {"cidr": "10.0.0.5/24", "except": ["10.0.0.0/25"]}}),
        _port(),
        _port(protocol="SCTP", port=80, endPort=80),
        _selector(key="corp.example.com/tier", operator="NotIn", values=["", "db"]),
    ],
)
def test_what_an_api_server_takes_is_taken(manifest: dict[str, Any]) -> None:
    """Nulls are absent fields; suspect is not malformed."""
    check(manifest)
