"""What the rules mean beyond their letter: facts of one rule, and of an isolated pod's direction.

The index and the explainer share these few functions, so that they differ only in how
they find rules and peers.
"""

from __future__ import annotations

from harness.model.flow import Via
from harness.model.policy import Direction
from harness.semantics.ports import PortMatch
from harness.semantics.reasons import (
    EGRESS_OWN_NODE,
    HOSTNET,
    IPBLOCK_VS_POD,
    NAMED_PORT_VS_IPBLOCK,
    NAT_ORDER,
    YES,
    settled,
)


def block_doubt(direction: Direction, ports: PortMatch, via: Via) -> int:
    """Return the reason that stands for an ipBlock which may cover a pod, given how the port came to match.

    Towards a pod that only an ipBlock covers, even the name of a port is in
    doubt, and behind a Service the address compared may be the Service's.
    """
    if direction is Direction.EGRESS:
        if ports is PortMatch.BY_NAME:
            return NAMED_PORT_VS_IPBLOCK
        if via is Via.SERVICE:
            return NAT_ORDER
    return IPBLOCK_VS_POD


def anyone(direction: Direction, ports: PortMatch, *, host_network: bool) -> int:
    """Return the facts of a rule without peers towards one peer.

    It matches everyone; but a named port is resolved on pods only, and a
    hostNetwork pod may not count as one.
    """
    if direction is Direction.EGRESS and ports is PortMatch.BY_NAME and host_network:
        return HOSTNET
    return YES


def selected(*, host_network: bool) -> int:
    """Return the facts of a pod whose labels a peer's selectors match."""
    return HOSTNET if host_network else YES


def beyond_rules(
    facts: int, direction: Direction, *, subject_host: bool, peer_host: bool, share_node: bool | None
) -> int:
    """Return the facts of an isolated pod's direction, given those of its rules: what nodes and hostNetwork change.

    A hostNetwork peer is node traffic: its own node always reaches a pod, and
    whether a pod always reaches its own node is open. A hostNetwork subject may
    be policed or not, so only what its rules certainly allow is certain.
    """
    if facts & YES:
        return YES
    if peer_host and share_node is None:
        facts = HOSTNET
    elif peer_host and share_node:
        facts = YES if direction is Direction.INGRESS else EGRESS_OWN_NODE
    if facts & YES:
        return YES
    return HOSTNET if subject_host else settled(facts)
