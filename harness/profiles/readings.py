"""Readings: what a CNI takes a topology and its policies for, where that is not what is written.

A reading rewrites a world into one of which the published semantics say what this CNI does. It concerns only the
flows that it can be right about, so that everything else in a world stays judged by the published semantics alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from harness.model.flow import Endpoint, Flow, L4Protocol, Via
from harness.model.labels import LabelSelector, Operator, Requirement
from harness.model.policy import Direction, NetworkPolicy, Peer, Rule
from harness.model.topology import External, Pod, Topology
from harness.semantics.backends import backends
from harness.semantics.placement import Placement

# Conditions that an object without the key meets.
_MET_BY_ABSENCE = (Operator.NOT_IN, Operator.DOES_NOT_EXIST)


class World(NamedTuple):
    """What the predictor is asked about."""

    topology: Topology
    policies: tuple[NetworkPolicy, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """`matters` tells whether a world is taken otherwise at all, `concerns` for which flows, `reread` for what.

    `concerns` may be asked only where it matters: it is called for each flow, and most worlds hold nothing to misread.
    """

    matters: Callable[[World], bool]
    concerns: Callable[[World, Flow], bool]
    reread: Callable[[World], World]


# -- address blocks ---------------------------------------------------------------------


def blocks_without_pods() -> Reading:
    """An ipBlock is for what is outside the cluster: no pod's address matches one."""

    def concerns(world: World, flow: Flow) -> bool:
        ends = _ends(world.topology, flow)
        return bool(ends) and all(isinstance(end, Pod) and not end.host_network for end in ends)

    return Reading(_has_blocks, concerns, _without_blocks)


def blocks_without_nodes() -> Reading:
    """An ipBlock is for what is outside the cluster: no node's address matches one."""

    def concerns(world: World, flow: Flow) -> bool:
        ends = _ends(world.topology, flow)
        return all(isinstance(end, Pod) for end in ends) and any(_is_on_host(end) for end in ends)

    return Reading(_has_blocks, concerns, _without_blocks)


def _without_blocks(world: World) -> World:
    def reread(rule: Rule) -> Rule | None:
        peers = tuple(peer for peer in rule.peers if peer.ip_block is None)
        # A rule whose peers are all gone matches nobody; without any, it would match everybody.
        return None if rule.peers and not peers else replace(rule, peers=peers)

    return _with_rules(world, reread)


# -- ports ------------------------------------------------------------------------------


def ranges_without_end() -> Reading:
    """Of a range of ports only the first counts."""

    def matters(world: World) -> bool:
        return any(
            port.end_port is not None for policy in world.policies for rule in _rules(policy) for port in rule.ports
        )

    def reread(rule: Rule) -> Rule:
        return replace(rule, ports=tuple(replace(port, end_port=None) for port in rule.ports))

    return Reading(matters, _every_flow, lambda world: _with_rules(world, reread))


def named_egress_needs_one_number() -> Reading:
    """In an egress rule a port's name matches nothing where pods give it different numbers."""

    def matters(world: World) -> bool:
        ambiguous = _ambiguous_names(world.topology)
        return any(
            (port.protocol, port.port) in ambiguous
            for policy in world.policies
            for rule in policy.egress
            for port in rule.ports
        )

    def reread(world: World) -> World:
        ambiguous = _ambiguous_names(world.topology)

        def taken(rule: Rule) -> Rule | None:
            ports = tuple(port for port in rule.ports if (port.protocol, port.port) not in ambiguous)
            return None if rule.ports and not ports else replace(rule, ports=ports)

        return _with_rules(world, taken, Direction.EGRESS)

    return Reading(matters, _every_flow, reread)


def _ambiguous_names(topology: Topology) -> frozenset[tuple[L4Protocol, str | int | None]]:
    numbers: dict[tuple[L4Protocol, str | int | None], set[int]] = {}
    for pod in topology.pods.values():
        for listener in pod.listeners:
            if listener.declared and listener.name:
                numbers.setdefault((listener.protocol, listener.name), set()).add(listener.port)
    return frozenset(name for name, meant in numbers.items() if len(meant) > 1)


# -- labels -----------------------------------------------------------------------------


def labels_unseen(patterns: Sequence[str]) -> Reading:
    """No policy sees a pod's labels whose keys begin as one of `patterns` says (regular expressions)."""
    unseen = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))

    def matters(world: World) -> bool:
        return any(
            unseen.match(requirement.key) for selector in _pod_selectors(world) for requirement in selector.requirements
        )

    def reread(selector: LabelSelector) -> LabelSelector:
        return LabelSelector(
            tuple(
                replace(requirement, operator=Operator.IN, values=())  # which nothing meets
                if unseen.match(requirement.key)
                else requirement
                for requirement in selector.requirements
                if not (unseen.match(requirement.key) and requirement.operator in _MET_BY_ABSENCE)
            )
        )

    return Reading(matters, _every_flow, lambda world: _with_pod_selectors(world, reread))


def labels_free(keys: Sequence[str]) -> Reading:
    """No policy isolates a pod that carries a label with one of these keys."""

    def matters(world: World) -> bool:
        return any(key in pod.labels for pod in world.topology.pods.values() for key in keys)

    def concerns(world: World, flow: Flow) -> bool:
        return any(isinstance(end, Pod) and key in end.labels for end in _ends(world.topology, flow) for key in keys)

    def reread(world: World) -> World:
        absent = tuple(Requirement(key, Operator.DOES_NOT_EXIST) for key in keys)
        policies = tuple(
            replace(policy, pod_selector=LabelSelector((*policy.pod_selector.requirements, *absent)))
            for policy in world.policies
        )
        return world._replace(policies=policies)

    return Reading(matters, concerns, reread)


def _pod_selectors(world: World) -> Iterator[LabelSelector]:
    for policy in world.policies:
        yield policy.pod_selector
        for rule in _rules(policy):
            yield from (peer.pod_selector for peer in rule.peers if peer.pod_selector is not None)


def _with_pod_selectors(world: World, reread: Callable[[LabelSelector], LabelSelector]) -> World:
    def taken(peer: Peer) -> Peer:
        return peer if peer.pod_selector is None else replace(peer, pod_selector=reread(peer.pod_selector))

    changed = _with_rules(world, lambda rule: replace(rule, peers=tuple(map(taken, rule.peers))))
    policies = tuple(replace(policy, pod_selector=reread(policy.pod_selector)) for policy in changed.policies)
    return changed._replace(policies=policies)


# -- nodes ------------------------------------------------------------------------------


def hosts_are_nodes() -> Reading:
    """A hostNetwork pod is its node: no policy isolates it, no selector selects it, and its ports have no names.

    Not concerned where its node is unknown and would make a difference, nor where an ipBlock might cover the node.
    """

    def concerns(world: World, flow: Flow) -> bool:
        ends = _ends(world.topology, flow)
        if not any(_is_on_host(end) for end in ends):
            return False
        source, *targets = ends
        if not _is_on_host(source) or all(_is_on_host(target) for target in targets):
            return True
        return all(_share_node(world.topology, source, target) is False for target in targets)

    return Reading(_has_hosts_and_no_blocks, concerns, _hosts_outside)


def own_host_is_free() -> Reading:
    """A hostNetwork pod reaches every pod of its own node, whatever policy selects it."""

    def concerns(world: World, flow: Flow) -> bool:
        source, *targets = _ends(world.topology, flow) or (None,)
        return bool(targets) and _is_on_host(source) and _all_on_node(world, source, targets)

    return Reading(_has_hosts, concerns, _without_policies)


def own_host_is_policed() -> Reading:
    """A pod polices its own node as any other: a hostNetwork pod there is no exception."""

    def concerns(world: World, flow: Flow) -> bool:
        source, *targets = _ends(world.topology, flow) or (None,)
        pods = [target for target in targets if not _is_on_host(target)]
        return bool(pods) and pods == targets and _is_on_host(source) and _all_on_node(world, source, targets)

    return Reading(_has_hosts_and_no_blocks, concerns, _hosts_outside)


def own_node_is_reached() -> Reading:
    """A pod always reaches its own node, whatever egress rules say."""

    def concerns(world: World, flow: Flow) -> bool:
        source, *targets = _ends(world.topology, flow) or (None,)
        hosts = [target for target in targets if _is_on_host(target)]
        return bool(hosts) and hosts == targets and not _is_on_host(source) and _all_on_node(world, source, targets)

    return Reading(_has_hosts, concerns, _without_policies)


def _has_hosts(world: World) -> bool:
    return any(pod.host_network for pod in world.topology.pods.values())


def _has_hosts_and_no_blocks(world: World) -> bool:
    return _has_hosts(world) and not _has_blocks(world)


def _hosts_outside(world: World) -> World:
    """Put hostNetwork pods outside the cluster, under their own names, at addresses that no ipBlock covers."""
    hosts = {pod.endpoint: pod for pod in world.topology.pods.values() if pod.host_network}
    pods = {endpoint: pod for endpoint, pod in world.topology.pods.items() if endpoint not in hosts}
    outside = {endpoint: External(endpoint, {}, pod.listeners) for endpoint, pod in hosts.items()}
    topology = replace(world.topology, pods=pods, externals={**world.topology.externals, **outside})
    return world._replace(topology=topology)


def _all_on_node(world: World, source: Pod | External | None, targets: Iterable[Pod | External]) -> bool:
    return isinstance(source, Pod) and all(_share_node(world.topology, source, target) for target in targets)


def _share_node(topology: Topology, one: Pod | External, other: Pod | External) -> bool | None:
    return Placement(topology.pods.values()).share_node(one.endpoint, other.endpoint)


# -- Services ---------------------------------------------------------------------------


def hairpin_is_free() -> Reading:
    """No policy sees a pod that reaches itself through a Service."""
    return Reading(_has_services, _is_hairpin, _without_policies)


def hairpin_is_policed() -> Reading:
    """A pod that reaches itself through a Service is policed as it would be towards another pod like it."""

    def reread(world: World) -> World:
        twins: dict[Endpoint, Pod] = {}
        for pod in world.topology.pods.values():
            twin = replace(pod, name=f"{pod.name}(itself)", ready=pod.ready)
            twins[twin.endpoint] = twin
            twins[pod.endpoint] = replace(pod, ready=False)
        return world._replace(topology=replace(world.topology, pods=twins))

    return Reading(_has_services, _is_hairpin, reread)


def _has_services(world: World) -> bool:
    return bool(world.topology.services)


def _is_hairpin(world: World, flow: Flow) -> bool:
    """Tell whether a flow can only come back: its source is all that answers behind the Service."""
    if flow.via is not Via.SERVICE:
        return False
    source, *targets = _ends(world.topology, flow) or (None,)
    return targets == [source] and not _is_on_host(source)


def _without_policies(world: World) -> World:
    return world._replace(policies=())


# -- worlds -----------------------------------------------------------------------------


def _every_flow(_world: World, _flow: Flow) -> bool:
    return True


def _ends(topology: Topology, flow: Flow) -> tuple[Pod | External, ...]:
    """Return the source and whoever may answer: one end, or the backends of a Service; nothing where nobody does."""
    source = _end(topology, flow.source)
    if flow.via is Via.SERVICE:
        service = topology.services[flow.destination]
        targets = tuple(pod for pod, _ in backends(topology, service, flow.port, flow.protocol))
        return (source, *targets) if targets else ()
    return (source, _end(topology, flow.destination))


def _end(topology: Topology, endpoint: Endpoint) -> Pod | External:
    pod = topology.pods.get(endpoint)
    return topology.externals[endpoint] if pod is None else pod


def _is_on_host(end: Pod | External | None) -> bool:
    return isinstance(end, Pod) and end.host_network


def _has_blocks(world: World) -> bool:
    return any(peer.ip_block is not None for policy in world.policies for rule in _rules(policy) for peer in rule.peers)


def _rules(policy: NetworkPolicy) -> tuple[Rule, ...]:
    return (*policy.ingress, *policy.egress)


def _with_rules(world: World, reread: Callable[[Rule], Rule | None], *directions: Direction) -> World:
    """Return the world with every rule of `directions` (none: both) as `reread` takes it; None takes it away."""

    def taken(policy: NetworkPolicy, direction: Direction) -> tuple[Rule, ...]:
        rules = policy.rules(direction)
        if directions and direction not in directions:
            return rules
        return tuple(new for rule in rules if (new := reread(rule)) is not None)

    policies = tuple(
        replace(policy, ingress=taken(policy, Direction.INGRESS), egress=taken(policy, Direction.EGRESS))
        for policy in world.policies
    )
    return world._replace(policies=policies)


# The vocabulary of profile files. Those of `WITH_LABELS` take a list of labels, the others nothing.
PLAIN: Mapping[str, Callable[[], Reading]] = {
    "ipblock-never-pods": blocks_without_pods,
    "ipblock-never-nodes": blocks_without_nodes,
    "endport-ignored": ranges_without_end,
    "named-egress-of-one-number": named_egress_needs_one_number,
    "hostnetwork-is-node": hosts_are_nodes,
    "own-host-free": own_host_is_free,
    "own-host-policed": own_host_is_policed,
    "own-node-reached": own_node_is_reached,
    "hairpin-free": hairpin_is_free,
    "hairpin-policed": hairpin_is_policed,
}
WITH_LABELS: Mapping[str, Callable[[Sequence[str]], Reading]] = {
    "labels-unseen": labels_unseen,
    "labels-free": labels_free,
}
