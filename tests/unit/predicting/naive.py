"""The semantics once more, slow and straight from the table: no index, no memory, nothing shared with the predictor.

Every question is answered with a set of answers: True, False, or reason codes for "who knows".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from harness.model.flow import Endpoint, Family, Flow, Via
from harness.model.policy import Cidr, Direction, IPBlock, NetworkPolicy, Peer, Rule
from harness.model.result import Decision, Prediction
from harness.model.topology import External, Pod, Topology

# Where several doubts hold at once, the first is named.
REASONS = (
    "hostnet",
    "egress-own-node",
    "ipblock-vs-node",
    "nat-order",
    "ipblock-vs-pod",
    "named-port-vs-ipblock",
    "hairpin",
    "mixed-backends",
    "no-endpoints",
)
DOCUMENTATION = tuple(
    ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)
Answer = bool | str


def naive(topology: Topology, policies: Sequence[NetworkPolicy], flow: Flow) -> Prediction:
    """Predict one flow the slow way."""
    source = _end(topology, flow.source)
    if flow.via is Via.POD:
        if flow.source == flow.destination:
            return Prediction(Decision.ALLOW)
        destination = _end(topology, flow.destination)
        return _prediction(_new_connection(Connection(topology, policies, flow, source, destination, flow.port)))
    answers = set()
    service = topology.services[flow.destination]
    for entry in service.ports:
        if entry.port != flow.port or entry.protocol != flow.protocol:
            continue
        for pod in topology.pods.values():
            labels_fit = all(pod.labels.get(key) == value for key, value in service.selector.items())
            if not pod.ready or pod.namespace != service.namespace or not labels_fit:
                continue
            numbers: list[int] = [entry.target_port] if isinstance(entry.target_port, int) else []
            numbers += [
                listener.port
                for listener in pod.listeners
                if listener.declared and listener.name == entry.target_port and listener.protocol == entry.protocol
            ]
            if not numbers:
                continue
            if pod is source:
                policed = any(_selects(policy, pod) for policy in policies)
                answers.add("hairpin" if policed else True)
            else:
                answers.add(_new_connection(Connection(topology, policies, flow, source, pod, numbers[0])))
    if not answers:
        return _prediction("no-endpoints")
    if {True, False} <= answers:
        return _prediction("mixed-backends")
    doubts = [answer for answer in answers if isinstance(answer, str)]
    return _prediction(min(doubts, key=REASONS.index) if doubts else answers.pop())


def _prediction(answer: Answer) -> Prediction:
    if isinstance(answer, str):
        return Prediction(Decision.UNSPECIFIED, answer)
    return Prediction(Decision.ALLOW if answer else Decision.DENY)


def _end(topology: Topology, endpoint: Endpoint) -> Pod | External:
    return topology.pods[endpoint] if endpoint in topology.pods else topology.externals[endpoint]


@dataclass(frozen=True)
class Connection:
    """A flow after Service translation."""

    topology: Topology
    policies: Sequence[NetworkPolicy]
    flow: Flow
    source: Pod | External
    destination: Pod | External
    port: int


def _new_connection(connection: Connection) -> Answer:
    """Steps 2 to 5 of the decision procedure."""
    sides = [_side(connection, Direction.EGRESS), _side(connection, Direction.INGRESS)]
    if False in sides:
        return False
    doubts = [side for side in sides if isinstance(side, str)]
    return min(doubts, key=REASONS.index) if doubts else True


def _selects(policy: NetworkPolicy, pod: Pod) -> bool:
    return policy.namespace == pod.namespace and policy.pod_selector.matches(pod.labels) and bool(policy.policy_types)


def _side(connection: Connection, direction: Direction) -> Answer:
    subject, other = connection.source, connection.destination
    if direction is Direction.INGRESS:
        subject, other = other, subject
    if isinstance(subject, External):
        return True
    isolated = False
    answers: set[Answer] = set()
    for policy in connection.policies:
        if direction not in policy.policy_types or not _selects(policy, subject):
            continue
        isolated = True
        for rule in policy.ingress if direction is Direction.INGRESS else policy.egress:
            answers.add(_rule(connection, policy, rule, other, direction))
    if not isolated or True in answers:
        return True
    if isinstance(other, Pod) and other.host_network:
        together = _together(connection.topology, subject.endpoint, other.endpoint)
        if together is True and direction is Direction.INGRESS:
            return True
        if together is not False:
            answers = {"egress-own-node" if together else "hostnet"}
    if subject.host_network:
        return "hostnet"
    doubts = [answer for answer in answers if isinstance(answer, str)]
    return min(doubts, key=REASONS.index) if doubts else False


def _rule(
    connection: Connection, policy: NetworkPolicy, rule: Rule, other: Pod | External, direction: Direction
) -> Answer:
    flow, destination, port = connection.flow, connection.destination, connection.port
    by_number = not rule.ports
    by_name = False
    for entry in rule.ports:
        if entry.protocol != flow.protocol:
            continue
        if entry.port is None:
            by_number = True
        elif isinstance(entry.port, int):
            last = entry.port if entry.end_port is None else entry.end_port
            by_number = by_number or port in range(entry.port, last + 1)
        elif isinstance(destination, Pod):
            for listener in destination.listeners:
                if (listener.declared, listener.name, listener.protocol) == (True, entry.port, flow.protocol):
                    by_name = by_name or listener.port == port
    if not by_number and not by_name:
        return False
    only_by_name = not by_number and direction is Direction.EGRESS
    is_by_service = flow.via is Via.SERVICE
    if not rule.peers:
        return "hostnet" if only_by_name and isinstance(other, Pod) and other.host_network else True
    answers = {_peer(connection.topology, policy, peer, other, flow.family) for peer in rule.peers}
    if True in answers:
        return True
    named_or_translated = direction is Direction.EGRESS and isinstance(other, Pod) and (only_by_name or is_by_service)
    if named_or_translated and "ipblock-vs-pod" in answers:
        answers.remove("ipblock-vs-pod")
        answers.add("named-port-vs-ipblock" if only_by_name else "nat-order")
    doubts = [answer for answer in answers if isinstance(answer, str)]
    return min(doubts, key=REASONS.index) if doubts else False


def _peer(topology: Topology, policy: NetworkPolicy, peer: Peer, other: Pod | External, family: Family) -> Answer:
    if peer.ip_block is not None:
        return _block(topology, peer.ip_block, other, family)
    if isinstance(other, External):
        return False
    if peer.namespace_selector is None:
        if other.namespace != policy.namespace:
            return False
    elif not peer.namespace_selector.matches(topology.namespaces[other.namespace].labels):
        return False
    if peer.pod_selector is not None and not peer.pod_selector.matches(other.labels):
        return False
    return "hostnet" if other.host_network else True


def _block(topology: Topology, block: IPBlock, other: Pod | External, family: Family) -> Answer:
    if block.cidr.family != family:
        return False
    inside = _inside(topology, block.cidr, other)
    carved = [_inside(topology, each, other) for each in block.excepts]
    if inside is False or True in carved:
        return False
    if isinstance(other, Pod):
        return "ipblock-vs-node" if other.host_network else "ipblock-vs-pod"
    return "ipblock-vs-pod" if inside is None or None in carved else True


def _inside(topology: Topology, cidr: Cidr, end: Pod | External) -> bool | None:
    whole = 32 if cidr.family is Family.IPV4 else 128
    network = cidr.network
    if cidr.endpoint is not None and cidr.endpoint in topology.externals:
        text = topology.externals[cidr.endpoint].addresses.get(cidr.family)
        if text is None:
            return False
        network = ip_network(f"{text}/{cidr.prefix}", strict=False)
    if isinstance(end, External):
        if cidr.family not in end.addresses:
            return False
        if network is not None:
            return ip_address(end.addresses[cidr.family]) in network
        # Externals of these tests all have documentation addresses, and pods have none.
        return False if (cidr.prefix or 0) >= (24 if cidr.family is Family.IPV4 else 32) else None
    if network is not None:
        documented = (each for each in DOCUMENTATION if each.version == network.version)
        if any(network[0] in each and network[-1] in each for each in documented):
            return False
        return None
    if cidr.endpoint == end.endpoint:
        return True
    if cidr.prefix != whole:
        return None
    named = topology.pods.get(cidr.endpoint) if cidr.endpoint is not None else None
    if named is not None and named.host_network and end.host_network:
        return _together(topology, named.endpoint, end.endpoint)
    return False


def _together(topology: Topology, one: Endpoint, other: Endpoint) -> bool | None:
    """Colour the pods by node: spread what `same-as` says until nothing changes."""
    nodes = {endpoint: {endpoint} for endpoint in topology.pods}
    for _ in topology.pods:
        for pod in topology.pods.values():
            if pod.node is not None and pod.node.same:
                joined = nodes[pod.endpoint] | nodes[pod.node.other]
                for member in joined:
                    nodes[member] = nodes[member] | joined
    if other in nodes[one]:
        return True
    for pod in topology.pods.values():
        if pod.node is not None and not pod.node.same:
            here, there = nodes[pod.endpoint], nodes[pod.node.other]
            if (one in here and other in there) or (one in there and other in here):
                return False
    return None
