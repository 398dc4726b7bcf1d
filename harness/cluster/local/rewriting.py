"""Copies of policies with something changed: what misreadings are made of.

Pure; the original is never touched, and what is not changed is shared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.cluster.local.state import Policy

Rule = Mapping[str, Any]

# The list of rules of each direction, and the key of the peers in such a rule.
DIRECTIONS = (("ingress", "from"), ("egress", "to"))


def with_spec(policy: Policy, **fields: Any) -> Policy:
    """Return the policy with fields of its spec replaced."""
    return {**policy, "spec": {**policy["spec"], **fields}}


def with_rules(policy: Policy, change: Callable[[Rule, str], Iterable[Rule]]) -> Policy:
    """Return the policy with each rule replaced by what `change` makes of it; it also gets the key of the peers."""
    spec = policy["spec"]
    changed = {
        direction: [new for rule in spec[direction] for new in change(rule, key)]
        for direction, key in DIRECTIONS
        if spec.get(direction)
    }
    return with_spec(policy, **changed)


def _with_items(rule: Rule, key: str, change: Callable[[Rule], Iterable[Rule]]) -> list[Rule]:
    if not rule.get(key):
        return [rule]
    items = [new for item in rule[key] for new in change(item)]
    # A list with nothing left in it is a rule that matches nothing, and not one for any.
    return [{**rule, key: items}] if items else []


def with_ports(policy: Policy, change: Callable[[Rule], Iterable[Rule]]) -> Policy:
    """Return the policy with each entry of `ports` replaced; a list with nothing left in it takes its rule along."""
    return with_rules(policy, lambda rule, _: _with_items(rule, "ports", change))


def with_peers(policy: Policy, change: Callable[[Rule], Iterable[Rule]]) -> Policy:
    """Return the policy with each peer replaced; a list with nothing left in it takes its rule along."""
    return with_rules(policy, lambda rule, key: _with_items(rule, key, change))


def with_blocks(policy: Policy, change: Callable[[Rule], Rule]) -> Policy:
    """Return the policy with each ipBlock replaced."""
    return with_peers(
        policy, lambda peer: [{**peer, "ipBlock": change(peer["ipBlock"])} if peer.get("ipBlock") else peer]
    )


def with_selectors(policy: Policy, change: Callable[[Rule], Rule]) -> Policy:
    """Return the policy with each selector that is not empty replaced: its own and those of its peers."""

    def in_peer(peer: Rule) -> list[Rule]:
        keys = ("podSelector", "namespaceSelector")
        return [{key: change(value) if key in keys and value else value for key, value in peer.items()}]

    changed = with_peers(policy, in_peer)
    selector = policy["spec"].get("podSelector")
    return with_spec(changed, podSelector=change(selector)) if selector else changed


def without(mapping: Rule, key: str) -> Rule:
    """Return a mapping without `key`."""
    return {name: value for name, value in mapping.items() if name != key}
