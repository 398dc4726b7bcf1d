"""A typed, defaulted view of networking.k8s.io/v1 NetworkPolicy.

What the API server would store, not what the author wrote: `policyTypes` and
`protocol` are filled in. In `peers` and `ports` an empty tuple means "any", as an
absent list does in the API.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from harness.errors import SourceLocation
from harness.model.flow import Endpoint, Family, L4Protocol
from harness.model.labels import LabelSelector


class Direction(StrEnum):
    """Values of `spec.policyTypes`."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


@dataclass(frozen=True, slots=True)
class Cidr:
    """A block of addresses, known now, or named after a pod that has no address yet.

    Either `network` is set, or `endpoint` and `prefix` are: the block of `prefix`
    bits around that endpoint's own address in `family` (`${address:a/b}/32` and
    `${network:a/b/24}`).
    """

    text: str
    family: Family
    network: IPv4Network | IPv6Network | None = None
    endpoint: Endpoint | None = None
    prefix: int | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class IPBlock:
    """`cidr` without the blocks in `excepts`; it carves out of itself only and never denies."""

    cidr: Cidr
    excepts: tuple[Cidr, ...] = ()


@dataclass(frozen=True, slots=True)
class Peer:
    """One entry of `from` or `to`: an IP block, or selectors, which must both hold.

    `pod_selector` alone means the policy's own namespace; `namespace_selector`
    alone means all pods of the namespaces it selects.
    """

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


@dataclass(frozen=True, slots=True)
class PolicyPort:
    """One entry of `ports`.

    `port` None is every port of `protocol`; a string is a container port's name,
    resolved on the destination pod. `end_port` goes with a number only.
    """

    protocol: L4Protocol = L4Protocol.TCP
    port: int | str | None = None
    end_port: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `ingress` or `egress`: any of `peers` on any of `ports`; an empty tuple is any."""

    peers: tuple[Peer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """A policy as stored. Rules of a direction that `policy_types` lacks are inert."""

    namespace: str
    name: str
    pod_selector: LabelSelector
    policy_types: tuple[Direction, ...]
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    location: SourceLocation | None = None

    def rules(self, direction: Direction) -> tuple[Rule, ...]:
        """Return the rules written for `direction`, inert or not."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    def __str__(self) -> str:
        return f"NetworkPolicy/{self.namespace}/{self.name}"
