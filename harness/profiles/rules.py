"""Readings of rules and selectors: address blocks, ports and labels that a CNI takes otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from harness.model.flow import Flow, L4Protocol
from harness.model.labels import LabelSelector, Operator, Requirement
from harness.model.policy import Direction, NetworkPolicy, Peer, Rule
from harness.model.topology import Pod, Topology
from harness.profiles.world import (
    Reading,
    World,
    ends,
    every_flow,
    has_blocks,
    is_on_host,
    peers_of,
    rules_of,
    with_rules,
)

# Conditions that an object without the key meets.
_MET_BY_ABSENCE = (Operator.NOT_IN, Operator.DOES_NOT_EXIST)


def blocks_without_pods() -> Reading:
    """An ipBlock is for what is outside the cluster: no pod's address matches one."""

    def concerns(world: World, flow: Flow) -> bool:
        met = ends(world.topology, flow)
        return bool(met) and all(isinstance(end, Pod) and not end.host_network for end in met)

    return Reading(has_blocks, concerns, _without_blocks)


def blocks_without_nodes() -> Reading:
    """An ipBlock is for what is outside the cluster: no node's address matches one."""

    def concerns(world: World, flow: Flow) -> bool:
        met = ends(world.topology, flow)
        return all(isinstance(end, Pod) for end in met) and any(is_on_host(end) for end in met)

    return Reading(has_blocks, concerns, _without_blocks)


def _without_blocks(world: World) -> World:
    def reread(rule: Rule) -> Rule | None:
        peers = tuple(peer for peer in rule.peers if peer.ip_block is None)
        # A rule whose peers are all gone matches nobody; without any, it would match everybody.
        return None if rule.peers and not peers else replace(rule, peers=peers)

    return with_rules(world, reread)


def ranges_without_end() -> Reading:
    """Of a range of ports only the first counts."""

    def matters(world: World) -> bool:
        return any(
            port.end_port is not None for policy in world.policies for rule in rules_of(policy) for port in rule.ports
        )

    def reread(rule: Rule) -> Rule:
        return replace(rule, ports=tuple(replace(port, end_port=None) for port in rule.ports))

    return Reading(matters, every_flow, lambda world: with_rules(world, reread))


def rules_count_without_their_type() -> Reading:
    """A direction that has rules is isolated, whether or not policyTypes names it."""

    def matters(world: World) -> bool:
        return any(policy.policy_types != _typed(policy) for policy in world.policies)

    def reread(world: World) -> World:
        policies = tuple(replace(policy, policy_types=_typed(policy)) for policy in world.policies)
        return world._replace(policies=policies)

    return Reading(matters, every_flow, reread)


def _typed(policy: NetworkPolicy) -> tuple[Direction, ...]:
    missing = (way for way in Direction if policy.rules(way) and way not in policy.policy_types)
    return (*policy.policy_types, *missing)


def negative_namespaces_are_everywhere() -> Reading:
    """A peer that only says which namespaces, and which of their pods, it does not mean is everyone, outside or inside.

    No such peer: an empty namespaceSelector or a podSelector alone, which stand for being in some namespace.
    """

    def matters(world: World) -> bool:
        return any(map(_is_negative, peers_of(world)))

    def reread(rule: Rule) -> Rule:
        return replace(rule, peers=()) if any(map(_is_negative, rule.peers)) else rule

    return Reading(matters, every_flow, lambda world: with_rules(world, reread))


def _is_negative(peer: Peer) -> bool:
    if peer.namespace_selector is None or not peer.namespace_selector.requirements:
        return False
    asked = (*peer.namespace_selector.requirements, *(peer.pod_selector or LabelSelector()).requirements)
    return all(requirement.operator in _MET_BY_ABSENCE for requirement in asked)


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

        return with_rules(world, taken, Direction.EGRESS)

    return Reading(matters, every_flow, reread)


def _ambiguous_names(topology: Topology) -> frozenset[tuple[L4Protocol, str | int | None]]:
    numbers: dict[tuple[L4Protocol, str | int | None], set[int]] = {}
    for pod in topology.pods.values():
        for listener in pod.listeners:
            if listener.declared and listener.name:
                numbers.setdefault((listener.protocol, listener.name), set()).add(listener.port)
    return frozenset(name for name, meant in numbers.items() if len(meant) > 1)


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

    return Reading(matters, every_flow, lambda world: _with_pod_selectors(world, reread))


def labels_free(keys: Sequence[str]) -> Reading:
    """No policy isolates a pod that carries a label with one of these keys."""

    def reread(world: World) -> World:
        absent = tuple(Requirement(key, Operator.DOES_NOT_EXIST) for key in keys)
        policies = tuple(
            replace(policy, pod_selector=LabelSelector((*policy.pod_selector.requirements, *absent)))
            for policy in world.policies
        )
        return world._replace(policies=policies)

    return _of_labelled_pods(keys, reread)


def labels_cut(keys: Sequence[str]) -> Reading:
    """A pod that carries a label with one of these keys is isolated both ways by that alone."""

    def reread(world: World) -> World:
        namespaces = dict.fromkeys(pod.namespace for pod in world.topology.pods.values() if _has_label(pod, keys))
        isolating = tuple(
            NetworkPolicy(
                namespace, f"label {key}", LabelSelector((Requirement(key, Operator.EXISTS),)), tuple(Direction)
            )
            for namespace in namespaces
            for key in keys
        )
        return world._replace(policies=(*world.policies, *isolating))

    return _of_labelled_pods(keys, reread)


def _of_labelled_pods(keys: Sequence[str], reread: Callable[[World], World]) -> Reading:
    """Return a reading that concerns the flows of pods with a label of one of these keys."""

    def matters(world: World) -> bool:
        return any(_has_label(pod, keys) for pod in world.topology.pods.values())

    def concerns(world: World, flow: Flow) -> bool:
        return any(isinstance(end, Pod) and _has_label(end, keys) for end in ends(world.topology, flow))

    return Reading(matters, concerns, reread)


def _has_label(pod: Pod, keys: Sequence[str]) -> bool:
    return any(key in pod.labels for key in keys)


def _pod_selectors(world: World) -> Iterator[LabelSelector]:
    for policy in world.policies:
        yield policy.pod_selector
    yield from (peer.pod_selector for peer in peers_of(world) if peer.pod_selector is not None)


def _with_pod_selectors(world: World, reread: Callable[[LabelSelector], LabelSelector]) -> World:
    def taken(peer: Peer) -> Peer:
        return peer if peer.pod_selector is None else replace(peer, pod_selector=reread(peer.pod_selector))

    changed = with_rules(world, lambda rule: replace(rule, peers=tuple(map(taken, rule.peers))))
    policies = tuple(replace(policy, pod_selector=reread(policy.pod_selector)) for policy in changed.policies)
    return changed._replace(policies=policies)
