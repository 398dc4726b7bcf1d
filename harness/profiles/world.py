"""A world as a CNI may take it: what readings look at, and how they rewrite it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from harness.model.flow import Endpoint, Flow, Via
from harness.model.policy import Direction, NetworkPolicy, Peer, Rule
from harness.model.topology import External, Pod, Topology
from harness.semantics.backends import backends


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


def every_flow(_world: World, _flow: Flow) -> bool:
    """Tell that a reading may concern any flow: what it makes of the world says which."""
    return True


def ends(topology: Topology, flow: Flow) -> tuple[Pod | External, ...]:
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


def is_on_host(end: Pod | External | None) -> bool:
    """Tell whether an end is a pod on its node's network."""
    return isinstance(end, Pod) and end.host_network


def has_blocks(world: World) -> bool:
    """Tell whether any rule, inert or not, has an ipBlock."""
    return any(peer.ip_block is not None for peer in peers_of(world))


def peers_of(world: World) -> Iterator[Peer]:
    """Yield the peers of every rule, inert or not."""
    for policy in world.policies:
        for rule in rules_of(policy):
            yield from rule.peers


def rules_of(policy: NetworkPolicy) -> tuple[Rule, ...]:
    """Return the rules of both directions, inert or not."""
    return (*policy.ingress, *policy.egress)


def with_rules(world: World, reread: Callable[[Rule], Rule | None], *directions: Direction) -> World:
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


def without_policies(world: World) -> World:
    """Return the world in which everything is open."""
    return world._replace(policies=())
