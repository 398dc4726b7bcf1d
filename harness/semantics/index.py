"""An index of policies by label and namespace: whole columns of the matrix at once.

Pods that the same policies isolate share their rows, so what a flow costs depends
neither on how many policies there are nor on how many pods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.model.flow import Endpoint, Family, L4Protocol, Via
from harness.model.policy import Direction, IPBlock, NetworkPolicy, Peer, PolicyPort
from harness.model.topology import External, Pod, Topology
from harness.semantics.blocks import Blocks
from harness.semantics.members import LabelSets, positions
from harness.semantics.placement import Placement
from harness.semantics.ports import PortMatch, covers
from harness.semantics.reasons import IPBLOCK_VS_POD, YES
from harness.semantics.rules import anyone, beyond_rules, block_doubt, selected

# Facts that a row can hold once settled, in the order of their codes.
CODES: Final = (0, 1, 2, 4, 8, 16, 32, 64)


def _encoding(*, subject_host: bool) -> bytes:
    """Return the code of every combination of facts towards a peer that is on no host network."""
    return bytes(
        CODES.index(beyond_rules(facts, Direction.INGRESS, subject_host=subject_host, peer_host=False, share_node=None))
        for facts in range(128)
    ).ljust(256, b"\0")


_ENCODE: Final = _encoding(subject_host=False)
_ENCODE_HOST: Final = _encoding(subject_host=True)

NOT_ISOLATED: Final = 0


@dataclass(frozen=True, slots=True)
class PortKey:
    """Everything but the two ends that a row depends on; `names` are what the destination calls the port."""

    port: int
    protocol: L4Protocol
    names: frozenset[str]
    family: Family
    via: Via


@dataclass(frozen=True, slots=True)
class _Subject:
    """Pods that are alike to every rule of a direction; `nodes` says which hostNetwork pods share their node."""

    direction: Direction
    policies: tuple[int, ...]
    host_network: bool
    nodes: tuple[bool | None, ...]


@dataclass(slots=True)
class _Reach:
    """Whom rules with the same ports match: facts by position, pods that an ipBlock may cover, or everyone."""

    facts: int = 0
    doubted: int = 0
    anyone: bool = False


class Index:
    """Who is at which position, which subject each is, and the rows of a subject, computed when asked for.

    Positions count the pods and then the externals, in the topology's order.
    """

    def __init__(self, topology: Topology, policies: Sequence[NetworkPolicy]) -> None:
        pods = tuple(topology.pods.values())
        self._policies = policies
        self._ends: tuple[Pod | External, ...] = (*pods, *topology.externals.values())
        self._size = len(self._ends)
        self._pods = pods
        self._placement = Placement(pods)
        self._blocks = Blocks(topology, self._placement)
        self._labels = LabelSets([pod.labels for pod in pods], self._size)
        self._namespaces = LabelSets([topology.namespaces[pod.namespace].labels for pod in pods], self._size)
        self._residents = self._by_namespace()
        self._host_positions = [position for position, pod in enumerate(pods) if pod.host_network]
        self._hosts = self._labels.of(self._host_positions)
        self._externals = self._labels.of(range(len(pods), self._size))
        self._subjects: list[_Subject | None] = [None]
        self._reaches: dict[tuple[Direction, tuple[int, ...], Family], dict[tuple[PolicyPort, ...], _Reach]] = {}
        self.positions: dict[Endpoint, int] = {end.endpoint: position for position, end in enumerate(self._ends)}
        self.subjects: dict[Direction, list[int]] = self._group_subjects()

    def row(self, subject: int, key: PortKey) -> bytes:
        """Return what `subject` makes of every possible other end of a flow, as one code of `CODES` a position."""
        isolated = self._subjects[subject]
        if isolated is None:
            return bytes([CODES.index(YES)]) * self._size
        facts = self._facts(isolated, key).to_bytes(self._size, "little")
        row = facts.translate(_ENCODE_HOST if isolated.host_network else _ENCODE)
        if not isolated.nodes:
            return row
        changed = bytearray(row)
        for position, share_node in zip(self._host_positions, isolated.nodes, strict=True):
            final = beyond_rules(
                facts[position],
                isolated.direction,
                subject_host=isolated.host_network,
                peer_host=True,
                share_node=share_node,
            )
            changed[position] = CODES.index(final)
        return bytes(changed)

    def _facts(self, subject: _Subject, key: PortKey) -> int:
        facts = 0
        for ports, reach in self._reach(subject, key.family).items():
            match = covers(ports, key.port, key.protocol, key.names)
            if match is PortMatch.NO:
                continue
            facts |= reach.facts | reach.doubted * block_doubt(subject.direction, match, key.via)
            if reach.anyone:
                plain = (self._labels.everyone ^ self._hosts) | self._externals
                facts |= plain * anyone(subject.direction, match, host_network=False)
                facts |= self._hosts * anyone(subject.direction, match, host_network=True)
        return facts

    def _reach(self, subject: _Subject, family: Family) -> dict[tuple[PolicyPort, ...], _Reach]:
        """Return whom the subject's policies match, by the ports of their rules."""
        found = self._reaches.get((subject.direction, subject.policies, family))
        if found is None:
            found = {}
            for policy in (self._policies[place] for place in subject.policies):
                for rule in policy.rules(subject.direction):
                    reach = found.setdefault(rule.ports, _Reach())
                    reach.anyone = reach.anyone or not rule.peers
                    for peer in rule.peers:
                        self._extend(reach, peer, policy.namespace, family)
            self._reaches[subject.direction, subject.policies, family] = found
        return found

    def _extend(self, reach: _Reach, peer: Peer, namespace: str, family: Family) -> None:
        if peer.ip_block is not None:
            self._extend_by_block(reach, peer.ip_block, family)
            return
        if peer.namespace_selector is None:
            found = self._residents.get(namespace, 0)
        else:
            found = self._namespaces.select(peer.namespace_selector)
        if peer.pod_selector is not None:
            found &= self._labels.select(peer.pod_selector)
        hosts = found & self._hosts
        reach.facts |= (found ^ hosts) * selected(host_network=False) | hosts * selected(host_network=True)

    def _extend_by_block(self, reach: _Reach, block: IPBlock, family: Family) -> None:
        """Add whom an ipBlock covers; pods that it does not name are all alike to it."""
        named = {self.positions.get(cidr.endpoint, -1) for cidr in (block.cidr, *block.excepts) if cidr.endpoint}
        special = {*named, *self._host_positions, *range(len(self._pods), self._size)} - {-1}
        alike = next((position for position in range(len(self._pods)) if position not in special), None)
        if alike is not None and self._blocks.facts(block, self._ends[alike], family):
            reach.doubted |= self._labels.everyone & ~self._labels.of(special)
        for position in special:
            facts = self._blocks.facts(block, self._ends[position], family)
            if facts == IPBLOCK_VS_POD and position < len(self._pods):
                reach.doubted |= self._labels.of([position])
            else:
                reach.facts |= self._labels.of([position]) * facts

    def _by_namespace(self) -> dict[str, int]:
        residents: dict[str, list[int]] = {}
        for position, pod in enumerate(self._pods):
            residents.setdefault(pod.namespace, []).append(position)
        return {namespace: self._labels.of(members) for namespace, members in residents.items()}

    def _group_subjects(self) -> dict[Direction, list[int]]:
        """Number the distinct subjects, 0 being whoever no policy isolates."""
        isolating: dict[Direction, list[list[int]]] = {each: [[] for _ in self._ends] for each in Direction}
        for place, policy in enumerate(self._policies):
            members = self._residents.get(policy.namespace, 0) & self._labels.select(policy.pod_selector)
            for position in positions(members, self._size):
                for direction in set(policy.policy_types):
                    isolating[direction][position].append(place)
        numbers: dict[_Subject, int] = {}
        grouped: dict[Direction, list[int]] = {}
        for direction, by_position in isolating.items():
            grouped[direction] = [NOT_ISOLATED] * self._size
            for position, places in enumerate(by_position):
                if places:
                    subject = self._subject(direction, position, tuple(places))
                    if subject not in numbers:
                        numbers[subject] = len(self._subjects)
                        self._subjects.append(subject)
                    grouped[direction][position] = numbers[subject]
        return grouped

    def _subject(self, direction: Direction, position: int, policies: tuple[int, ...]) -> _Subject:
        pod = self._pods[position]
        hosts = (self._pods[host].endpoint for host in self._host_positions)
        nodes = tuple(self._placement.share_node(pod.endpoint, host) for host in hosts)
        return _Subject(direction, policies, pod.host_network, nodes)
