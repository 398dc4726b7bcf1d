"""Faults of reading: policies rewritten into what a broken CNI takes them for.

Pure functions from a policy to the policy that is enforced in its place, or None for no policy at all. They never
change what they are given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from harness.cluster.local.rewriting import (
    DIRECTIONS,
    Rule,
    with_blocks,
    with_peers,
    with_ports,
    with_rules,
    with_selectors,
    with_spec,
    without,
)
from harness.cluster.local.selectors import PodIndex
from harness.cluster.local.state import Policy

Misreading = Callable[[Policy, PodIndex], Policy | None]

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_MULTIPORT = 15
_LONGEST_NAME = 48


def ignores_end_port(policy: Policy, _: PodIndex) -> Policy:
    """Take the first port of a range for the whole of it."""
    return with_ports(policy, lambda port: [{key: value for key, value in port.items() if key != "endPort"}])


def ignores_except(policy: Policy, _: PodIndex) -> Policy:
    """Take a block for all of it."""
    return with_blocks(policy, lambda block: {"cidr": block["cidr"]})


def ors_selectors(policy: Policy, _: PodIndex) -> Policy:
    """Take a peer with two selectors for two peers."""

    def split(peer: Rule) -> list[Rule]:
        keys = [key for key in ("podSelector", "namespaceSelector") if peer.get(key) is not None]
        return [{key: peer[key]} for key in keys] if len(keys) == 2 else [peer]

    return with_peers(policy, split)


def forgets(direction: str) -> Misreading:
    """Return a misreading that never isolates for `direction`."""

    def forget(policy: Policy, _: PodIndex) -> Policy | None:
        types = [item for item in policy["spec"]["policyTypes"] if item != direction]
        return with_spec(policy, policyTypes=types) if types else None

    return forget


def ingress_blocks_egress(policy: Policy, _: PodIndex) -> Policy:
    """Isolate for egress too whatever a policy isolates for ingress."""
    types = policy["spec"]["policyTypes"]
    return policy if "Egress" in types else with_spec(policy, policyTypes=["Ingress", "Egress"], egress=[])


def named_port_opens_all(policy: Policy, _: PodIndex) -> Policy:
    """Take a rule with a named port for one without ports."""
    return with_rules(policy, lambda rule, _: [without(rule, "ports") if _has_name(rule) else rule])


def named_port_ignored(policy: Policy, _: PodIndex) -> Policy:
    """Leave named ports out of rules."""
    return with_ports(policy, lambda port: [] if isinstance(port.get("port"), str) else [port])


def unresolved_name_opens_all(policy: Policy, index: PodIndex) -> Policy:
    """Take a rule whose named ports no pod has for one without ports."""

    def widen(rule: Rule, _: str) -> list[Rule]:
        ports = rule.get("ports") or ()
        known = {(port.name, port.protocol) for pod in index.pods for port in pod.ports}
        wanted = {(port.get("port"), (port.get("protocol") or "TCP").lower()) for port in ports}
        unresolved = bool(ports) and all(isinstance(name, str) for name, _ in wanted) and not wanted & known
        return [without(rule, "ports") if unresolved else rule]

    return with_rules(policy, widen)


def protocol_ignored(policy: Policy, _: PodIndex) -> Policy:
    """Take a port of one protocol for that port of each."""
    return with_ports(policy, lambda port: [{**port, "protocol": protocol} for protocol in _PROTOCOLS])


def sctp_as_tcp(policy: Policy, _: PodIndex) -> Policy:
    """Take SCTP for TCP."""
    return with_ports(policy, lambda port: [{**port, "protocol": "TCP"} if port.get("protocol") == "SCTP" else port])


def udp_unpoliced(policy: Policy, _: PodIndex) -> Policy:
    """Let all UDP pass."""
    open_udp = {"ports": [{"protocol": "UDP"}]}
    spec = policy["spec"]
    return with_spec(policy, **{key: [*(spec.get(key) or ()), open_udp] for key, _ in DIRECTIONS})


def ports_beyond_fifteen_dropped(policy: Policy, _: PodIndex) -> Policy:
    """Take the first fifteen ports of a rule for all of them."""
    return with_rules(
        policy,
        lambda rule, _: [{**rule, "ports": rule["ports"][:_MULTIPORT]} if rule.get("ports") else rule],
    )


def notin_needs_key(policy: Policy, _: PodIndex) -> Policy:
    """Let NotIn match only where the key is present."""

    def strict(selector: Rule) -> Rule:
        items = selector.get("matchExpressions") or ()
        keys = [{"key": item["key"], "operator": "Exists"} for item in items if item["operator"] == "NotIn"]
        return {**selector, "matchExpressions": [*items, *keys]} if keys else selector

    return with_selectors(policy, strict)


def ignores_match_expressions(policy: Policy, _: PodIndex) -> Policy:
    """Read matchLabels alone."""
    return with_selectors(policy, lambda selector: without(selector, "matchExpressions"))


def pod_selector_in_all_namespaces(policy: Policy, _: PodIndex) -> Policy:
    """Let a peer's podSelector look beyond the policy's namespace."""

    def widen(peer: Rule) -> list[Rule]:
        alone = peer.get("podSelector") is not None and peer.get("namespaceSelector") is None
        return [{**peer, "namespaceSelector": {}} if alone else peer]

    return with_peers(policy, widen)


def empty_namespace_selector_is_own(policy: Policy, _: PodIndex) -> Policy:
    """Take an empty namespaceSelector for the policy's own namespace."""

    def narrow(peer: Rule) -> list[Rule]:
        return [{"podSelector": peer.get("podSelector") or {}} if _is_empty(peer.get("namespaceSelector")) else peer]

    return with_peers(policy, narrow)


def empty_selector_selects_nothing(policy: Policy, _: PodIndex) -> Policy | None:
    """Put a policy for all pods of a namespace on none."""
    selector = policy["spec"].get("podSelector")
    return None if selector is None or _is_empty(selector) else policy


def empty_set_opens(policy: Policy, index: PodIndex) -> Policy:
    """Take a rule for peers that are nobody for a rule for anybody."""
    namespace = policy["metadata"]["namespace"]

    def widen(rule: Rule, key: str) -> list[Rule]:
        peers = rule.get(key) or ()
        nobody = bool(peers) and not any(peer.get("ipBlock") or index.peer(namespace, peer) for peer in peers)
        return [without(rule, key) if nobody else rule]

    return with_rules(policy, widen)


def rules_cross_product(policy: Policy, _: PodIndex) -> Policy:
    """Let the peers of any rule use the ports of every rule."""
    spec = dict(policy["spec"])
    for direction, key in DIRECTIONS:
        rules = spec.get(direction) or ()
        if len(rules) > 1:
            spec[direction] = [_joined(rules, key)]
    return {**policy, "spec": spec}


def ingress_satisfies_egress(policy: Policy, _: PodIndex) -> Policy:
    """Judge both ends of a flow between two of a policy's own pods by either list of rules."""
    spec = policy["spec"]
    if set(spec["policyTypes"]) != {"Ingress", "Egress"}:
        return policy
    own = [{"podSelector": spec.get("podSelector") or {}}]
    ingress, egress = list(spec.get("ingress") or ()), list(spec.get("egress") or ())
    return with_spec(
        policy,
        ingress=ingress + [{**without(rule, "to"), "from": own} for rule in egress],
        egress=egress + [{**without(rule, "from"), "to": own} for rule in ingress],
    )


def long_names_unenforced(policy: Policy, _: PodIndex) -> Policy | None:
    """Put no policy in force whose name is long."""
    return None if len(policy["metadata"]["name"]) > _LONGEST_NAME else policy


def protocol_only_unenforced(policy: Policy, _: PodIndex) -> Policy | None:
    """Put no policy in force that names a protocol without a port."""
    ports = [
        port for key, _ in DIRECTIONS for rule in policy["spec"].get(key) or () for port in rule.get("ports") or ()
    ]
    return None if any(port.get("port") is None for port in ports) else policy


def excepts_span_rule(policy: Policy, _: PodIndex) -> Policy:
    """Carve the exceptions of any block of a rule out of each of its blocks."""

    def spread(rule: Rule, key: str) -> list[Rule]:
        blocks = [peer["ipBlock"] for peer in rule.get(key) or () if peer.get("ipBlock")]
        holes = [text for block in blocks for text in block.get("except") or ()]
        peers = [
            {"ipBlock": {"cidr": peer["ipBlock"]["cidr"], "except": holes}} if peer.get("ipBlock") else peer
            for peer in rule.get(key) or ()
        ]
        return [{**rule, key: peers} if holes else rule]

    return with_rules(policy, spread)


def _joined(rules: Sequence[Rule], key: str) -> Rule:
    joined: dict[str, Any] = {}
    for field in (key, "ports"):
        lists = [rule.get(field) for rule in rules]
        # One rule without a list is for any, and any joined with some is any.
        if all(lists):
            joined[field] = [item for items in lists for item in items or ()]
    return joined


def _has_name(rule: Rule) -> bool:
    return any(isinstance(port.get("port"), str) for port in rule.get("ports") or ())


def _is_empty(selector: Rule | None) -> bool:
    return selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions")
