"""What the data plane is asked to put in force: pods, Services and policies, and nothing else.

Records only. Policies stay the plain dicts that the store holds, so that this data plane
shares no code with the predictor's typed view of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.model.flow import Family

Policy = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A declared port; `protocol` in lower case, as nft writes it."""

    number: int
    protocol: str = "tcp"
    name: str | None = None


@dataclass(frozen=True, slots=True)
class PodState:
    """A pod with an address; `interface` is the router's end of its cable.

    `peer_addresses` is what policies of others take for its address, and `policy_labels` what
    policies take for its labels: faults alone set them.
    """

    namespace: str
    name: str
    interface: str
    addresses: Mapping[Family, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[ContainerPort, ...] = ()
    ready: bool = True
    host_network: bool = False
    peer_addresses: Mapping[Family, str] | None = None
    policy_labels: Mapping[str, str] | None = None

    @property
    def seen_labels(self) -> Mapping[str, str]:
        """The labels that policies match."""
        return self.labels if self.policy_labels is None else self.policy_labels

    @property
    def seen_at(self) -> Mapping[Family, str]:
        """The addresses by which other pods' policies know this pod."""
        return self.addresses if self.peer_addresses is None else self.peer_addresses

    def numbers(self, name: str, protocol: str) -> frozenset[int]:
        """Return the container ports called `name` with that protocol: none, one, or several."""
        return frozenset(port.number for port in self.ports if port.name == name and port.protocol == protocol)


@dataclass(frozen=True, slots=True)
class ServicePortState:
    """A port of a Service; `target` a number, or a name resolved on each backend."""

    port: int
    target: int | str
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A Service; without addresses it is headless. `selector` None or empty selects nobody."""

    namespace: str
    name: str
    addresses: Mapping[Family, str]
    selector: Mapping[str, str] | None
    ports: tuple[ServicePortState, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """How the compiler behaves: every default is right, every other value is some CNI's bug.

    `deny` is drop, reject or reset. `names_on_source` resolves named ports on the wrong end,
    `before_dnat` compares ports with what the client dialled, `excepts_deny` makes an
    exception of one block a deny for all.
    """

    deny: str = "drop"
    first_accept_ends: bool = False
    accepts_established: bool = True
    ipv6_policed: bool = True
    excepts_deny: bool = False
    names_on_source: bool = False
    before_dnat: bool = False
    last_policy_only: bool = False
    blocks_match_pods: bool = True


@dataclass(frozen=True)
class State:
    """All that `ruleset.render` needs; `namespaces` maps a name to its labels, oldest first.

    `exempt` holds the interfaces that no policy is put on; faults alone set it.
    """

    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pods: tuple[PodState, ...] = ()
    services: tuple[ServiceState, ...] = ()
    policies: tuple[Policy, ...] = ()
    options: Options = field(default_factory=Options)
    exempt: frozenset[str] = frozenset()


def policy_key(policy: Policy) -> tuple[str, str]:
    """Return the namespace and name of a policy."""
    metadata = policy["metadata"]
    return metadata["namespace"], metadata["name"]
