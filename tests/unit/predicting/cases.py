"""Reads the predictor's cases: a small world, policies in Kubernetes' spelling, and drawn matrices.

The reader is the tests' own, so that a case does not depend on the scenario decoder. In a matrix, the first
cell is `PORT/PROTOCOL`, `PORT/PROTOCOL@service` or `...@IPv6`; rows are sources; marks are `.` allow, `X` deny, or a
reason code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.labels import LabelSelector, Operator, Requirement
from harness.model.policy import Cidr, Direction, IPBlock, NetworkPolicy, Peer, PolicyPort, Rule
from harness.model.topology import External, Listener, NodePlacement, Pod, Service, ServicePort, Topology
from tests import builders as build

FOLDER = Path(__file__).resolve().parents[2] / "cases" / "semantics"
MARKS = {".": "allow", "X": "deny"}
AROUND = re.compile(r"\$\{(address|network)(6?):([^}]+?)\}(?:/(\d+))?")


@dataclass(frozen=True)
class Case:
    """One file."""

    about: str
    topology: Topology
    policies: tuple[NetworkPolicy, ...]
    expected: Mapping[Flow, str]


def load(path: Path) -> Case:
    """Read one case; a file without a single expected flow is an error."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    expected = dict(_matrix(data["expect"]))
    if not expected:
        raise ValueError(f"{path}: expects nothing")
    policies = tuple(_policy(place, each) for place, each in enumerate(data.get("policies") or ()))
    return Case(data["about"], _topology(data), policies, expected)


def _topology(data: Mapping[str, Any]) -> Topology:
    namespaces = [build.namespace(name=name, labels=labels) for name, labels in (data.get("namespaces") or {}).items()]
    return build.topology(
        namespaces=namespaces,
        pods=[_pod(name, each or {}) for name, each in data["pods"].items()],
        services=[_service(name, each) for name, each in (data.get("services") or {}).items()],
        externals=[
            External(name, {Family.IPV6 if ":" in each else Family.IPV4: each for each in addresses})
            for name, addresses in (data.get("externals") or {}).items()
        ],
    )


def _pod(name: str, data: Mapping[str, Any]) -> Pod:
    namespace, _, own = name.partition("/")
    listeners = tuple(
        Listener(
            each["port"], L4Protocol(each.get("protocol", "TCP")), each.get("name"), declared=each.get("declared", True)
        )
        for each in data.get("listen", ())
    )
    node = None
    if "node" in data:
        word, _, other = data["node"].partition(" ")
        node = NodePlacement(word == "same-as", Endpoint(other))
    return Pod(
        namespace,
        own,
        data.get("labels", {}),
        listeners,
        node,
        host_network=data.get("hostNetwork", False),
        ready=data.get("ready", True),
    )


def _service(name: str, data: Mapping[str, Any]) -> Service:
    namespace, _, own = name.partition("/")
    ports = (
        ServicePort(each["port"], each.get("targetPort", each["port"]), L4Protocol(each.get("protocol", "TCP")))
        for each in data["ports"]
    )
    return Service(namespace, own, data["selector"], tuple(ports))


def _policy(place: int, data: Mapping[str, Any]) -> NetworkPolicy:
    types = data.get("policyTypes") or (["Ingress", "Egress"] if data.get("egress") else ["Ingress"])
    return NetworkPolicy(
        namespace=data["namespace"],
        name=data.get("name", f"policy-{place}"),
        pod_selector=_selector(data.get("podSelector")) or LabelSelector(),
        policy_types=tuple(Direction(each) for each in types),
        ingress=tuple(_rule(each, "from") for each in data.get("ingress") or ()),
        egress=tuple(_rule(each, "to") for each in data.get("egress") or ()),
    )


def _rule(data: Mapping[str, Any], side: str) -> Rule:
    unknown = data.keys() - {side, "ports"}
    if unknown:
        raise ValueError(f"a rule has no {unknown}")
    ports = (
        PolicyPort(L4Protocol(each.get("protocol", "TCP")), each.get("port"), each.get("endPort"))
        for each in data.get("ports") or ()
    )
    return Rule(tuple(_peer(each) for each in data.get(side) or ()), tuple(ports))


def _peer(data: Mapping[str, Any]) -> Peer:
    if "ipBlock" in data:
        block = data["ipBlock"]
        return Peer(ip_block=IPBlock(_cidr(block["cidr"]), tuple(_cidr(each) for each in block.get("except", ()))))
    return Peer(_selector(data.get("podSelector")), _selector(data.get("namespaceSelector")))


def _selector(data: Mapping[str, Any] | None) -> LabelSelector | None:
    if data is None:
        return None
    expressions = (
        Requirement(each["key"], Operator(each["operator"]), tuple(each.get("values", ())))
        for each in data.get("matchExpressions") or ()
    )
    return build.selector(*expressions, match=data.get("matchLabels"))


def _cidr(text: str) -> Cidr:
    around = AROUND.fullmatch(text)
    if around is None:
        return build.cidr(text=text)
    kind, six, inside, suffix = around.groups()
    endpoint, bits = (inside, suffix) if kind == "address" else inside.rsplit("/", 1)
    return build.cidr(around=endpoint, prefix=int(bits), family=Family.IPV6 if six else Family.IPV4)


def _matrix(text: str) -> Iterator[tuple[Flow, str]]:
    for table in re.split(r"\n\s*\n", text.strip()):
        (corner, *columns), *rows = (line.split() for line in table.splitlines())
        ports, *ways = corner.split("@")
        number, _, protocol = ports.partition("/")
        via = Via.SERVICE if "service" in ways else Via.POD
        family = Family.IPV6 if "IPv6" in ways else Family.IPV4
        for source, *marks in rows:
            for destination, mark in zip(columns, marks, strict=True):
                ends = Endpoint(source), Endpoint(destination)
                yield Flow(*ends, int(number), L4Protocol(protocol), via, family), MARKS.get(mark, mark)
