"""A NetworkPolicy manifest as the API server of Kubernetes 1.36 takes it: validated, then defaulted.

Sources: `pkg/apis/networking/validation` and `pkg/apis/networking/v1/defaults.go`, with strict field
validation. What is legal but suspect (inert rules, a named port that nobody has, contradictory selectors) is
no fault here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.errors import SourceLocation
from harness.model.flow import L4Protocol
from harness.model.policy import Cidr, Direction, IPBlock, NetworkPolicy, Peer, PolicyPort, Rule
from harness.scenario.metadata import decode_metadata
from harness.scenario.names import port_name_fault, shown
from harness.scenario.selectors import decode_selector
from harness.scenario.shapes import Node, Path, Report, described, numeral_remedy, suggestion
from harness.scenario.variables import CidrFault, prefix_length, read_cidr

__all__ = ["API_VERSION", "KIND", "Path", "Report", "decode_policy"]

API_VERSION = "networking.k8s.io/v1"
KIND = "NetworkPolicy"
PORT_LIMIT = 65535

_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}
_ROOT_HINTS = {
    "status": "a NetworkPolicy has no status since Kubernetes 1.28: remove it",
    **dict.fromkeys(("podSelector", "ingress", "egress", "policyTypes"), "it belongs under spec"),
    **dict.fromkeys(("name", "namespace", "labels", "annotations"), "it belongs under metadata"),
}
_SPEC_HINTS = {
    "namespaceSelector": "a policy selects pods of its own namespace; this belongs into an entry of from or to",
    "ipBlock": "it belongs into an entry of from or to",
    **dict.fromkeys(("from", "ports", "to"), "it belongs into a rule, an entry of ingress or egress"),
}
_RULE_HINTS = {
    "from": "an egress rule names its peers under to",
    "to": "an ingress rule names its peers under from",
    **dict.fromkeys(
        ("podSelector", "namespaceSelector", "ipBlock"), "a peer is an entry of from or to: '- ' before it"
    ),
    **dict.fromkeys(("port", "protocol", "endPort"), "a port is an entry of ports: '- ' before it"),
}
_PEER_HINTS = {
    "ports": "it belongs into the rule, beside from or to",
    **dict.fromkeys(("cidr", "except"), "it belongs under ipBlock"),
    **dict.fromkeys(("matchLabels", "matchExpressions"), "it belongs under podSelector or namespaceSelector"),
}
_PROTOCOL_HINTS = {
    "ANY": "leave ports out for every port of every protocol",
    "ALL": "leave ports out for every port of every protocol",
    "ICMP": "a NetworkPolicy cannot name it; known: TCP, UDP, SCTP",
}


def decode_policy(
    document: Mapping[str, Any], namespace: str, report: Report, location: SourceLocation | None
) -> NetworkPolicy | None:
    """Return the policy as the server would store it on creation, or None after at least one report.

    Every fault of the document is reported, each at its own path; never raises, whatever the document
    holds. `namespace` is the one that the policy lives in: `metadata.namespace` is checked for its form only.
    """
    faults: list[Path] = []

    def counted(path: Path, fault: str, remedy: str | None) -> None:
        faults.append(path)
        report(path, fault, remedy)

    fields = Node(document, (), counted).record("apiVersion", "kind", "metadata", "spec", hints=_ROOT_HINTS)
    _check_word(fields["apiVersion"], API_VERSION)
    _check_word(fields["kind"], KIND)
    name = decode_metadata(fields["metadata"])
    spec = fields["spec"].record("podSelector", "ingress", "egress", "policyTypes", hints=_SPEC_HINTS)
    pod_selector = decode_selector(spec["podSelector"])
    ingress = tuple(_rule(node, Direction.INGRESS) for node in spec["ingress"].entries(empty_entry=True))
    egress = tuple(_rule(node, Direction.EGRESS) for node in spec["egress"].entries(empty_entry=True))
    policy = NetworkPolicy(
        namespace=namespace,
        name=name or "",
        pod_selector=pod_selector,
        policy_types=_policy_types(spec["policyTypes"]) or _default_types(egress),
        ingress=ingress,
        egress=egress,
        location=location,
    )
    return None if faults else policy


def _check_word(node: Node, expected: str) -> None:
    if node.value is None:
        node.fault("is missing", f"write {node.path[-1]}: {expected}")
    elif (text := node.text()) is not None and text != expected:
        node.fault(f"must be {expected}, not {shown(text)}", f"write {expected}")


def _policy_types(node: Node) -> tuple[Direction, ...]:
    types = []
    for entry in node.entries():
        text = entry.text()
        if text in tuple(Direction):
            types.append(Direction(text))
        elif text is not None:
            known = tuple(str(direction) for direction in Direction)
            entry.fault(f"unknown policy type {shown(text)}", suggestion(text, known) or f"known: {', '.join(known)}")
    if isinstance(node.value, list) and len(node.value) > len(Direction):
        node.fault(f"at most two policyTypes, not {len(node.value)}")
    return tuple(types)


def _default_types(egress: tuple[Rule, ...]) -> tuple[Direction, ...]:
    # An empty list of egress rules does not isolate: defaulting tests `len(egress) != 0`.
    return (Direction.INGRESS, Direction.EGRESS) if egress else (Direction.INGRESS,)


def _rule(node: Node, direction: Direction) -> Rule:
    peers = _PEERS[direction]
    fields = node.record("ports", peers, hints=_RULE_HINTS)
    return Rule(
        peers=tuple(_peer(entry) for entry in fields[peers].entries()),
        ports=tuple(_port(entry) for entry in fields["ports"].entries(empty_entry=True)),
    )


def _peer(node: Node) -> Peer:
    fields = node.record("podSelector", "namespaceSelector", "ipBlock", hints=_PEER_HINTS)
    given = [key for key, field in fields.items() if field.value is not None]
    if not given and isinstance(node.value, Mapping) and not set(node.value) - set(fields):
        node.fault("a peer must be given", "write podSelector, namespaceSelector or ipBlock, or remove the entry")
    if "ipBlock" in given and len(given) > 1:
        node.fault("ipBlock stands alone in its entry", "start another entry with '- ' for the selectors")
    pod, namespace = fields["podSelector"], fields["namespaceSelector"]
    return Peer(
        pod_selector=decode_selector(pod) if pod.value is not None else None,
        namespace_selector=decode_selector(namespace) if namespace.value is not None else None,
        ip_block=_ip_block(fields["ipBlock"]) if "ipBlock" in given else None,
    )


def _ip_block(node: Node) -> IPBlock | None:
    fields = node.record("cidr", "except")
    cidr = _cidr(fields["cidr"])
    if fields["cidr"].value in (None, "") and isinstance(node.value, Mapping):
        fields["cidr"].fault("an ipBlock needs a cidr", "as in cidr: 192.0.2.0/24")
    excepts = []
    for entry in fields["except"].entries():
        block = _cidr(entry)
        if block is not None:
            excepts.append(block)
            if cidr is not None:
                _check_except(entry, block, cidr)
        elif entry.value == "":
            entry.fault("'' is no CIDR", "as in 192.0.2.0/24 or 2001:db8::/64")
    return IPBlock(cidr, tuple(excepts)) if cidr is not None else None


def _cidr(node: Node) -> Cidr | None:
    text = node.text()
    if not text:
        return None
    cidr = read_cidr(text)
    if isinstance(cidr, CidrFault):
        node.fault(cidr.fault, cidr.remedy)
        return None
    return cidr


def _check_except(node: Node, block: Cidr, cidr: Cidr) -> None:
    """Report an `except` that is no strict subset of `cidr`, as far as that is known before pods run."""
    if block.family is not cidr.family:
        node.fault(
            f"{block} is {block.family} and its cidr {cidr} is {cidr.family}", "a peer of its own for each family"
        )
    elif block.network is not None and cidr.network is not None and not block.network.overlaps(cidr.network):
        node.fault(f"{block} lies outside its cidr {cidr}", "remove it: except only carves out of its own cidr")
    elif prefix_length(block) <= prefix_length(cidr):
        node.fault(f"{block} leaves nothing of its cidr {cidr}", "an except must be a strict part of its cidr")


def _port(node: Node) -> PolicyPort:
    fields = node.record("protocol", "port", "endPort")
    port = _port_number_or_name(fields["port"])
    return PolicyPort(_protocol(fields["protocol"]), port, _end_port(fields["endPort"], fields["port"]))


def _protocol(node: Node) -> L4Protocol:
    text = node.text()
    if text in tuple(L4Protocol):
        return L4Protocol(text)
    if text is not None:
        known = tuple(str(protocol) for protocol in L4Protocol)
        remedy = _PROTOCOL_HINTS.get(text.upper()) or suggestion(text, known) or f"known: {', '.join(known)}"
        node.fault(f"unknown protocol {shown(text)}", remedy)
    return L4Protocol.TCP


def _port_number_or_name(node: Node) -> int | str | None:
    if isinstance(node.value, str):
        if fault := port_name_fault(node.value):
            node.fault(f"no valid name of a port: {fault}", numeral_remedy(node.value))
        return node.value
    if isinstance(node.value, bool | float | list | Mapping):
        node.fault(f"must be a number or the name of a port, not {described(node.value)}", numeral_remedy(node.value))
        return None
    port = node.whole_number()
    _check_port_number(node, port)
    return port


def _end_port(node: Node, port: Node) -> int | None:
    end_port = node.whole_number()
    if end_port is None:
        return None
    _check_port_number(node, end_port)
    match port.value:
        case None:
            node.fault("endPort needs a port", "write port: with the first of the range")
        case str() if numeral_remedy(port.value) is None:
            node.fault(f"endPort goes with a number, and port is the name {shown(port.value)}")
        case int() if not isinstance(port.value, bool) and end_port < port.value:
            node.fault("endPort is below port", "a range goes from port up to endPort, both included")
    return end_port


def _check_port_number(node: Node, port: int | None) -> None:
    if port is not None and not 1 <= port <= PORT_LIMIT:
        node.fault(f"a port is a number from 1 to {PORT_LIMIT}, not {described(port).removeprefix('the number ')}")
