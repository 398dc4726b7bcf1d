"""Random worlds for the property that predictor and data plane agree, and how to show one to a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml
from hypothesis import strategies as st

from harness.model.flow import Endpoint, Family, L4Protocol
from harness.model.topology import (
    METADATA_NAME,
    External,
    Listener,
    Namespace,
    Pod,
    Service,
    ServicePort,
    Topology,
)

Object = dict[str, Any]

_KEYS, _VALUES = ("app", "tier"), ("a", "b")
_PORT_NAMES = ("http", "admin")
_PORTS = (80, 81, 443)
_PROTOCOLS = (L4Protocol.TCP, L4Protocol.UDP)
# Documentation ranges: externals live there, pods never do, so the published semantics are certain about them.
_CIDRS = (
    ("203.0.113.0/24", ("203.0.113.0/25", "203.0.113.10/32")),
    ("203.0.113.8/29", ("203.0.113.10/31",)),
    ("203.0.113.10/32", ()),
    ("198.51.100.0/24", ("198.51.100.128/25",)),
    ("2001:db8::/32", ("2001:db8::/64", "2001:db8::10/128")),
    ("0.0.0.0/0", ("203.0.113.0/24",)),
)
# An exception of one block that another block of the same rule takes back: easily got wrong, seldom drawn.
_UNION = [
    {"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.8/29"]}},
    {"ipBlock": {"cidr": "203.0.113.10/32"}},
]
_EXTERNALS = (("office", "203.0.113.10", "2001:db8::10"), ("cafe", "198.51.100.7", "2001:db8:1::7"))


@dataclass(frozen=True)
class World:
    """A topology and the policies, as documents, that are in force in it."""

    topology: Topology
    policies: tuple[Object, ...]


labels = st.dictionaries(st.sampled_from(_KEYS), st.sampled_from(_VALUES), max_size=2)
names = st.sampled_from(_PORT_NAMES)


@st.composite
def listeners(draw: st.DrawFn) -> tuple[Listener, ...]:
    """Draw ports to listen on; a name is used once a protocol in a pod."""
    chosen = draw(
        st.lists(st.tuples(st.sampled_from(_PORTS), st.sampled_from(_PROTOCOLS)), min_size=1, max_size=3, unique=True)
    )
    named: set[str] = set()
    result = []
    for port, protocol in chosen:
        name = draw(st.none() | names)
        if name in named:
            name = None
        if name is not None:
            named.add(name)
        result.append(Listener(port, protocol, name, declared=name is not None or draw(st.booleans())))
    return tuple(result)


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Draw one or two namespaces with two or three pods each, a Service or none in each, and an external or two."""
    namespaces, pods, services = {}, {}, {}
    for space in ("x", "y")[: draw(st.integers(1, 2))]:
        namespaces[space] = Namespace(space, {**draw(labels), METADATA_NAME: space})
        for name in ("a", "b", "c")[: draw(st.integers(2, 3))]:
            pod = Pod(space, name, draw(labels), draw(listeners()))
            pods[pod.endpoint] = pod
        selector = draw(st.none() | st.dictionaries(st.sampled_from(_KEYS), st.sampled_from(_VALUES), min_size=1))
        if selector:
            port = ServicePort(draw(st.sampled_from((80, 8080))), draw(st.sampled_from((80, 81, "http"))))
            service = Service(space, "svc", selector, (port,))
            services[service.endpoint] = service
    externals = {
        Endpoint(name): External(
            name, {Family.IPV4: four, Family.IPV6: six}, (Listener(80), Listener(80, L4Protocol.UDP))
        )
        for name, four, six in draw(st.lists(st.sampled_from(_EXTERNALS), min_size=1, max_size=2, unique=True))
    }
    return Topology(namespaces, pods, services, externals)


@st.composite
def selectors(draw: st.DrawFn) -> Object:
    """Draw a LabelSelector with every operator; the empty one is likely."""
    if draw(st.integers(0, 2)) == 0:
        return {}
    selector: Object = {}
    if draw(st.booleans()):
        selector["matchLabels"] = draw(labels)
    expressions = []
    for key in draw(st.lists(st.sampled_from(_KEYS), max_size=2)):
        operator = draw(st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist")))
        expression: Object = {"key": key, "operator": operator}
        if operator in ("In", "NotIn"):
            expression["values"] = draw(st.lists(st.sampled_from(_VALUES), min_size=1, max_size=2, unique=True))
        expressions.append(expression)
    if expressions:
        selector["matchExpressions"] = expressions
    return selector


@st.composite
def peers(draw: st.DrawFn) -> Object:
    """Draw one peer of any kind."""
    kind = draw(st.sampled_from(("pod", "namespace", "both", "block", "block")))
    if kind == "block":
        cidr, excepts = draw(st.sampled_from(_CIDRS))
        carved = draw(st.lists(st.sampled_from(excepts), unique=True)) if excepts else []
        return {"ipBlock": {"cidr": cidr, **({"except": carved} if carved else {})}}
    by_name = {"matchLabels": {METADATA_NAME: draw(st.sampled_from(("x", "y")))}}
    peer: Object = {}
    if kind in ("pod", "both"):
        peer["podSelector"] = draw(selectors())
    if kind in ("namespace", "both"):
        peer["namespaceSelector"] = draw(selectors() | st.just(by_name))
    return peer


@st.composite
def policy_ports(draw: st.DrawFn) -> Object:
    """Draw one entry of `ports`: a number, a range, a name, a protocol alone, or nothing at all."""
    entry: Object = {}
    if draw(st.booleans()):
        entry["protocol"] = draw(st.sampled_from(("TCP", "UDP", "SCTP")))
    kind = draw(st.sampled_from(("number", "range", "range", "name", "any")))
    if kind == "name":
        entry["port"] = draw(names)
    elif kind != "any":
        entry["port"] = draw(st.sampled_from(_PORTS))
    if kind == "range":
        entry["endPort"] = entry["port"] + draw(st.sampled_from((0, 1, 400)))
    return entry


@st.composite
def policies(draw: st.DrawFn, space: str, number: int) -> Object:
    """Draw one policy; absent, empty and explicit lists are all likely."""
    spec: Object = {"podSelector": draw(selectors())}
    for direction, far in (("ingress", "from"), ("egress", "to")):
        if draw(st.booleans()):
            rules = []
            for _ in range(draw(st.integers(0, 2))):
                rule: Object = {}
                if draw(st.booleans()):
                    rule[far] = draw(st.lists(peers(), max_size=3) | st.just(_UNION))
                if draw(st.booleans()):
                    rule["ports"] = draw(
                        st.lists(policy_ports(), min_size=draw(st.sampled_from((0, 1, 1))), max_size=2)
                    )
                rules.append(rule)
            spec[direction] = rules
    if draw(st.booleans()):
        spec["policyTypes"] = draw(
            st.lists(st.sampled_from(("Ingress", "Egress")), min_size=1, max_size=2, unique=True)
        )
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": space, "name": f"policy-{number}"},
        "spec": spec,
    }


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a topology with one to four policies."""
    topology = draw(topologies())
    spaces = st.sampled_from(sorted(topology.namespaces))
    return World(topology, tuple(draw(policies(draw(spaces), number)) for number in range(draw(st.integers(1, 4)))))


def as_scenario(world: World) -> str:
    """Write a world as a scenario file and its manifests, for the person who has to find out who is wrong."""

    def listen(item: Listener) -> Object:
        entry: Object = {"port": item.port, "protocol": str(item.protocol)}
        if item.name:
            entry["name"] = item.name
        return entry if item.declared else {**entry, "declared": False}

    topology: Object = {
        "namespaces": {
            name: {"labels": {key: value for key, value in item.labels.items() if key != METADATA_NAME}}
            for name, item in world.topology.namespaces.items()
        },
        "pods": {
            str(name): {"labels": dict(pod.labels), "listen": [listen(item) for item in pod.listeners]}
            for name, pod in world.topology.pods.items()
        },
        "services": {
            str(name): {
                "selector": dict(item.selector),
                "ports": [{"port": port.port, "targetPort": port.target_port} for port in item.ports],
            }
            for name, item in world.topology.services.items()
        },
        "externals": {
            str(name): {
                "addresses": list(item.addresses.values()),
                "listen": [listen(listener) for listener in item.listeners],
            }
            for name, item in world.topology.externals.items()
        },
    }
    scenario = {
        "scenario": "found-by-chance",
        "about": "The predictor and the data plane disagree here.",
        "topology": topology,
        "probe": {"via": ["pod", "service"], "families": ["IPv4", "IPv6"]},
        "steps": [{"name": "random", "apply": ["policies.yaml"], "expect": "predicted"}],
    }
    manifests = yaml.safe_dump_all(world.policies, sort_keys=False)
    return f"{yaml.safe_dump(scenario, sort_keys=False)}# policies.yaml:\n{manifests}"
