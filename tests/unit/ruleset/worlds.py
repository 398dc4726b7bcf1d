"""Small worlds for the compiler, and a second opinion on them: slow, literal, and sharing no code with it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import strategies as st

from harness.cluster.local.state import ContainerPort, PodState, State
from harness.model.flow import Family
from tests.unit.ruleset.interpreter import Packet

V4, V6 = Family.IPV4, Family.IPV6
Flow = tuple[PodState | None, PodState | None, int, str, Family]
EXTERNAL = {V4: "203.0.113.10", V6: "2001:db8::10"}


def pod(number: int, namespace: str = "x", *, ports: tuple[ContainerPort, ...] = (), **labels: str) -> PodState:
    """Build the pod with that number."""
    return PodState(
        namespace=namespace,
        name=f"pod-{number}",
        interface=f"p{number}",
        addresses={V4: f"10.244.0.{number + 1}", V6: f"fd00:10:244::{number + 1:x}"},
        labels=labels,
        ports=ports,
    )


def policy(
    name: str = "one", namespace: str = "x", types: tuple[str, ...] = ("Ingress",), **spec: Any
) -> dict[str, Any]:
    """Build a policy as the store holds it."""
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"policyTypes": list(types), **spec}}


def packet(
    source: PodState | None, destination: PodState | None, port: int, protocol: str = "tcp", family: Family = V4
) -> Packet:
    """Build the first packet of a flow; None is the external."""
    return Packet(
        source=source.addresses[family] if source else EXTERNAL[family],
        destination=destination.addresses[family] if destination else EXTERNAL[family],
        port=port,
        protocol=protocol,
        came_by=source.interface if source else "x1",
        leaves_by=destination.interface if destination else "x1",
    )


def allows(state: State, flow: Flow) -> bool:
    """Decide a flow by the words of the API documentation, one sentence at a time."""
    source, destination, port, protocol, family = flow
    if source is not None and source is destination:
        return True
    ends = {
        "Egress": (source, destination, EXTERNAL if destination is None else destination.addresses),
        "Ingress": (destination, source, EXTERNAL if source is None else source.addresses),
    }
    for direction, (subject, far, addresses) in ends.items():
        if subject is None:
            continue
        isolating = [item for item in state.policies if _isolates(item, subject, direction)]
        if isolating and not any(
            (not rule.get("ports") or any(_port_allows(entry, destination, port, protocol) for entry in rule["ports"]))
            and _peers_allow(state, item, rule.get("from" if direction == "Ingress" else "to"), far, addresses[family])
            for item in isolating
            for rule in item["spec"].get(direction.lower()) or []
        ):
            return False
    return True


def _isolates(item: Mapping[str, Any], subject: PodState, direction: str) -> bool:
    spec = item["spec"]
    in_namespace = item["metadata"]["namespace"] == subject.namespace
    return in_namespace and direction in spec["policyTypes"] and _matches(spec.get("podSelector"), subject.labels)


def _peers_allow(
    state: State, item: Mapping[str, Any], peers: list[Any] | None, far: PodState | None, address: str
) -> bool:
    return not peers or any(_peer_allows(state, item, peer, far, address) for peer in peers)


def _port_allows(entry: Mapping[str, Any], destination: PodState | None, port: int, protocol: str) -> bool:
    if entry.get("protocol", "TCP").lower() != protocol:
        return False
    wanted = entry.get("port")
    if isinstance(wanted, str):
        declared = destination.ports if destination else ()
        return any(item.name == wanted and item.protocol == protocol and item.number == port for item in declared)
    return wanted is None or wanted <= port <= entry.get("endPort", wanted)


def _peer_allows(
    state: State, item: Mapping[str, Any], peer: Mapping[str, Any], far: PodState | None, address: str
) -> bool:
    block = peer.get("ipBlock")
    if block:
        inside = [_inside(address, text) for text in (block["cidr"], *block.get("except", []))]
        return inside[0] and not any(inside[1:])
    if far is None:
        return False
    if "namespaceSelector" in peer:
        if not _matches(peer["namespaceSelector"], state.namespaces[far.namespace]):
            return False
    elif far.namespace != item["metadata"]["namespace"]:
        return False
    return _matches(peer.get("podSelector"), far.labels)


@lru_cache(maxsize=4096)
def _inside(address: str, cidr: str) -> bool:
    return ip_address(address) in ip_network(cidr)


def _matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    selector = selector or {}
    wanted: bool = selector.get("matchLabels", {}).items() <= labels.items()
    for item in selector.get("matchExpressions", []):
        value = labels.get(item["key"])
        wanted = (
            wanted
            and {
                "In": value in item.get("values", []),
                "NotIn": value is None or value not in item.get("values", []),
                "Exists": value is not None,
                "DoesNotExist": value is None,
            }[item["operator"]]
        )
    return wanted


# -- random worlds -----------------------------------------------------------------

_KEYS, _VALUES, _NUMBERS = ("app", "tier"), ("", "a", "b"), (80, 81, 443)
_labels = st.dictionaries(st.sampled_from(_KEYS), st.sampled_from(_VALUES), max_size=2)
_expressions = st.one_of(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(_KEYS),
            "operator": st.sampled_from(["In", "NotIn"]),
            "values": st.lists(st.sampled_from(_VALUES), min_size=1, max_size=2),
        }
    ),
    st.fixed_dictionaries({"key": st.sampled_from(_KEYS), "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)
selectors = st.fixed_dictionaries(
    {}, optional={"matchLabels": _labels, "matchExpressions": st.lists(_expressions, max_size=2)}
)
_blocks = st.sampled_from(
    [
        {"cidr": "10.244.0.0/30"},
        {"cidr": "10.244.0.0/29", "except": ["10.244.0.2/32"]},
        {"cidr": "0.0.0.0/0"},
        {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16", "203.0.113.0/28"]},
        {"cidr": "203.0.113.0/24"},
        {"cidr": "::/0"},
        {"cidr": "fd00:10:244::/125", "except": ["fd00:10:244::2/127"]},
        {"cidr": "2001:db8::/32", "except": ["2001:db8::10/128"]},
    ]
)
_peers = st.one_of(
    st.fixed_dictionaries({"podSelector": selectors}),
    st.fixed_dictionaries({"namespaceSelector": selectors}),
    st.fixed_dictionaries({"podSelector": selectors, "namespaceSelector": selectors}),
    st.fixed_dictionaries({"ipBlock": _blocks}),
)
_protocol = {"protocol": st.sampled_from(["TCP", "UDP"])}
_ports = st.one_of(
    st.fixed_dictionaries({}, optional=_protocol),
    st.fixed_dictionaries({"port": st.sampled_from(_NUMBERS)}, optional=_protocol),
    st.fixed_dictionaries({"port": st.sampled_from(["web", "none"])}, optional=_protocol),
    st.fixed_dictionaries({"port": st.just(80), "endPort": st.sampled_from([80, 81, 500])}, optional=_protocol),
)


def _rules(key: str) -> st.SearchStrategy[Any]:
    return st.lists(
        st.fixed_dictionaries({}, optional={key: st.lists(_peers, max_size=2), "ports": st.lists(_ports, max_size=2)}),
        max_size=2,
    )


@st.composite
def policies(draw: st.DrawFn, number: int = 0) -> dict[str, Any]:
    """Draw a policy as the store would hold it."""
    return policy(
        f"policy-{number}",
        draw(st.sampled_from(["x", "y"])),
        draw(st.sampled_from([("Ingress",), ("Egress",), ("Ingress", "Egress")])),
        podSelector=draw(selectors),
        ingress=draw(_rules("from")),
        egress=draw(_rules("to")),
    )


@st.composite
def states(draw: st.DrawFn) -> State:
    """Draw two namespaces with up to five pods and up to three policies."""
    pods = [
        pod(
            number,
            draw(st.sampled_from(["x", "y"])),
            ports=(ContainerPort(draw(st.sampled_from(_NUMBERS)), draw(st.sampled_from(["tcp", "udp"])), "web"),),
            **draw(_labels),
        )
        for number in range(1, draw(st.integers(2, 5)) + 1)
    ]
    return State(
        namespaces={"x": draw(_labels), "y": draw(_labels)},
        pods=tuple(pods),
        policies=tuple(draw(policies(number)) for number in range(draw(st.integers(0, 3)))),
    )


def flows(state: State) -> list[Flow]:
    """Return every flow of a state: all pods and one external, on the ports that policies speak of."""
    ends: list[PodState | None] = [*state.pods, None]
    return [
        (source, destination, port, protocol, family)
        for source in ends
        for destination in ends
        if source is not destination
        for port in (*_NUMBERS, 9)
        for protocol in ("tcp", "udp")
        for family in (V4, V6)
    ]
