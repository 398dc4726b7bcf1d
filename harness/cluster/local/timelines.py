"""Faults of time and memory: what is programmed when, and what is still believed.

A timeline lists what to put in force after how many seconds. Each entry computes a state from the
one that is wanted at that moment, so that pods that came meanwhile are not forgotten.
Pure. The run's own namespaces are treated like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.cluster.local.state import PodState, Policy, State, policy_key

LATE_S = 2.5
LEAK_S = 1.5
GAP_S = 0.8
# Mostly shorter than any settle window, and irregular: a regular beat could fall in with that of the rounds.
FLAP_S = (0.05, 0.2)
FLAPPING_S = 25.0
_GOLDEN = 0.618034


@dataclass(frozen=True)
class Change:
    """One change, as a broken agent may see it.

    `before` was wanted until now, `programmed` is in force when the state is computed, `is_pending` tells whether
    earlier changes still wait. `first_pods` (by interface) and `first_namespaces` hold what was seen first.
    """

    desired: State
    before: State
    programmed: State
    is_pending: bool
    first_pods: Mapping[str, PodState]
    first_namespaces: Mapping[str, Mapping[str, str]]


Rewrite = Callable[[State, Change], State]
Timeline = Sequence[tuple[float, Rewrite]]
Plan = Callable[[Change], Timeline]


def at_once(rewrite: Rewrite) -> Plan:
    """Return a plan that puts a rewritten state in force with no delay."""
    return lambda _: [(0.0, rewrite)]


def late(change: Change) -> Timeline:
    """Everything about policies comes late, in its order."""
    return [
        (0.0, _with_policies(change.programmed.policies)),
        (LATE_S, _with_policies(change.desired.policies)),
    ]


def late_out_of_order(change: Change) -> Timeline:
    """A change of policies waits, and whatever comes after it meanwhile overtakes it."""
    if change.desired.policies == change.before.policies:
        return [(0.0, _with_policies(change.programmed.policies))]
    if change.is_pending:
        return [(0.0, _with_policies(_overtaking(change)))]
    return [(0.0, _with_policies(change.programmed.policies)), (LATE_S, _as_wanted)]


def pod_start_leak(change: Change) -> Timeline:
    """A new pod is under no policy at first."""
    new = {pod.interface for pod in change.desired.pods} - {pod.interface for pod in change.before.pods}
    leaking = frozenset(new) | change.programmed.exempt
    if not new:
        return [(0.0, lambda now, _: replace(now, exempt=leaking))]
    return [(0.0, lambda now, _: replace(now, exempt=leaking)), (LEAK_S, _as_wanted)]


def update_gap(change: Change) -> Timeline:
    """A policy that is changed is first removed, and put back later."""
    before = {policy_key(policy): policy for policy in change.before.policies}
    desired = {policy_key(policy): policy for policy in change.desired.policies}
    changed = {key for key, policy in desired.items() if before.get(key, policy) != policy}
    # What an earlier change took out is still out.
    out = changed | (before.keys() - {policy_key(policy) for policy in change.programmed.policies})
    rest = _with_policies(tuple(policy for key, policy in desired.items() if key not in out))
    return [(0.0, rest), (GAP_S, _as_wanted)] if changed else [(0.0, rest)]


def flapping(change: Change) -> Timeline:
    """New and old versions of what a change was about take turns, for longer than anybody waits."""
    before = {policy_key(policy): policy for policy in change.before.policies}
    desired = {policy_key(policy): policy for policy in change.desired.policies}
    changed = {key for key in before.keys() | desired.keys() if before.get(key) != desired.get(key)}

    def turn(versions: Mapping[tuple[str, str], Policy]) -> Rewrite:
        mine = tuple(policy for key, policy in versions.items() if key in changed)

        def rewrite(now: State, change: Change) -> State:
            # What other changes were about flaps on their own account.
            others = tuple(policy for policy in change.programmed.policies if policy_key(policy) not in changed)
            return replace(now, policies=(*others, *mine))

        return rewrite

    timeline: list[tuple[float, Rewrite]] = [(0.0, _as_wanted)]
    at_s = 0.0
    while at_s < FLAPPING_S and changed:
        number = len(timeline)
        at_s += FLAP_S[0] + (FLAP_S[1] - FLAP_S[0]) * (number * _GOLDEN % 1)
        timeline.append((at_s, turn(before if number % 2 else desired)))
    return timeline


def deletes_forgotten(now: State, change: Change) -> State:
    """Keep in force every policy that ever was."""
    wanted = {policy_key(policy) for policy in now.policies}
    ghosts = tuple(policy for policy in change.programmed.policies if policy_key(policy) not in wanted)
    return replace(now, policies=now.policies + ghosts)


def stale_pod_address(now: State, change: Change) -> State:
    """Let others' policies know a pod by the address that its first incarnation had."""
    first: dict[tuple[str, str], PodState] = {}
    for pod in change.first_pods.values():
        first.setdefault((pod.namespace, pod.name), pod)
    return replace(
        now,
        pods=tuple(replace(pod, peer_addresses=first[pod.namespace, pod.name].addresses) for pod in now.pods),
    )


def ignores_pod_relabel(now: State, change: Change) -> State:
    """Let policies match the labels that a pod started with."""
    return replace(
        now, pods=tuple(replace(pod, policy_labels=change.first_pods[pod.interface].labels) for pod in now.pods)
    )


def ignores_namespace_relabel(now: State, change: Change) -> State:
    """Let policies match the labels that a namespace was created with."""
    return replace(now, namespaces={name: change.first_namespaces[name] for name in now.namespaces})


def ipv6_block_stops_sync(now: State, change: Change) -> State:
    """Leave everything as it is from the moment some policy names an IPv6 block."""
    stopped = any(":" in cidr for policy in now.policies for cidr in _cidrs(policy))
    return replace(now, policies=change.programmed.policies) if stopped else now


def _as_wanted(now: State, _: Change) -> State:
    return now


def _with_policies(policies: tuple[Policy, ...]) -> Rewrite:
    return lambda now, _: replace(now, policies=policies)


def _overtaking(change: Change) -> tuple[Policy, ...]:
    """Return the policies in force, with this change made and earlier ones still missing."""
    before = {policy_key(policy): policy for policy in change.before.policies}
    desired = {policy_key(policy): policy for policy in change.desired.policies}
    result = {policy_key(policy): policy for policy in change.programmed.policies}
    for key in before.keys() - desired.keys():
        result.pop(key, None)
    result.update({key: policy for key, policy in desired.items() if before.get(key) != policy})
    return tuple(result.values())


def _cidrs(policy: Policy) -> list[str]:
    return [
        peer["ipBlock"]["cidr"]
        for direction, key in (("ingress", "from"), ("egress", "to"))
        for rule in policy["spec"].get(direction) or ()
        for peer in rule.get(key) or ()
        if peer.get("ipBlock")
    ]
