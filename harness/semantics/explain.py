"""Which policy, rule and peer decide a flow, as data.

Works straight from the records, without the index; a property test holds its predictions
to those of `evaluate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from harness.model.flow import Endpoint, Flow, Via
from harness.model.policy import Direction, NetworkPolicy, Rule
from harness.model.result import Decision, Explanation, PolicyVerdict, Prediction, SideExplanation
from harness.model.topology import External, Pod, Topology
from harness.semantics import ports
from harness.semantics.backends import backends
from harness.semantics.blocks import Blocks
from harness.semantics.isolation import isolating
from harness.semantics.peers import Peers
from harness.semantics.placement import Placement
from harness.semantics.ports import PortMatch
from harness.semantics.reasons import (
    ALLOWED,
    IPBLOCK_VS_POD,
    NO,
    YES,
    Reason,
    any_backend,
    both,
    conclude,
    settled,
    unspecified,
)
from harness.semantics.rules import anyone, beyond_rules, block_doubt

SELF = "a pod always reaches itself: no policy sees it"
_NAMED_AT_MOST = 3


def explain(topology: Topology, policies: Sequence[NetworkPolicy], flow: Flow) -> Explanation:
    """Explain the prediction of `flow`; a flow whose ends the topology lacks is a `KeyError`."""
    return _Explainer(topology, policies).explain(flow)


@dataclass(frozen=True, slots=True)
class _Connection:
    """A flow after Service translation, as policies see it."""

    source: Pod | External
    destination: Pod | External
    port: int
    flow: Flow


@dataclass(frozen=True, slots=True)
class _RuleMatch:
    """What one rule makes of a connection: the peer that counts (None: any), or why it misses."""

    facts: int
    peer: int | None = None
    miss: str = ""


class _Explainer:
    def __init__(self, topology: Topology, policies: Sequence[NetworkPolicy]) -> None:
        self._topology = topology
        self._policies = policies
        self._placement = Placement(topology.pods.values())
        self._peers = Peers(topology, Blocks(topology, self._placement))

    def explain(self, flow: Flow) -> Explanation:
        if flow.via is Via.SERVICE:
            return self._by_service(flow)
        source, destination = self._end(flow.source), self._end(flow.destination)
        if flow.is_to_itself:
            return Explanation(flow, ALLOWED, SELF)
        sides = self._sides(_Connection(source, destination, flow.port, flow))
        prediction = both(*(side.prediction for side in sides))
        return Explanation(flow, prediction, _summary(prediction, sides), sides)

    def _by_service(self, flow: Flow) -> Explanation:
        service = self._topology.services[flow.destination]
        source = self._end(flow.source)
        sides: list[SideExplanation] = []
        answers: dict[Endpoint, Prediction] = {}
        for pod, number in backends(self._topology, service, flow.port, flow.protocol):
            pair = self._sides(_Connection(source, pod, number, flow))
            sides += pair
            answers[pod.endpoint] = _hairpin(pair) if pod is source else both(*(side.prediction for side in pair))
        prediction = any_backend(answers.values())
        why = f"no ready pod backs {flow.destination} on port {flow.port}/{flow.protocol}"
        if len(answers) == 1:
            why = f"through its only backend {next(iter(answers))}: {_summary(prediction, sides)}"
        elif answers:
            listed = ", ".join(f"{backend}: {answer}" for backend, answer in answers.items())
            why = f"any of {len(answers)} backends may answer: {listed}"
        return Explanation(flow, prediction, why, tuple(sides))

    def _sides(self, connection: _Connection) -> tuple[SideExplanation, SideExplanation]:
        return self._side(connection, Direction.EGRESS), self._side(connection, Direction.INGRESS)

    def _side(self, connection: _Connection, direction: Direction) -> SideExplanation:
        subject, other = connection.source, connection.destination
        if direction is Direction.INGRESS:
            subject, other = other, subject
        if isinstance(subject, External):
            why = f"{subject.name} is no pod: no policy isolates it"
            return SideExplanation(direction, subject.endpoint, ALLOWED, why)
        policies = isolating(self._policies, subject, direction)
        if not policies:
            why = f"no policy isolates {subject.endpoint} for {direction}"
            return SideExplanation(direction, subject.endpoint, ALLOWED, why)
        matches = [self._matches(policy, direction, connection, other) for policy in policies]
        verdicts = tuple(map(_verdict, policies, matches))
        facts = reduce(or_, (match.facts for each in matches for match in each), NO)
        final = beyond_rules(
            facts,
            direction,
            subject_host=subject.host_network,
            peer_host=isinstance(other, Pod) and other.host_network,
            share_node=self._placement.share_node(subject.endpoint, other.endpoint),
        )
        why = f"isolated by {_listed(policies)}; " + (
            _deciding(direction, verdicts, conclude(facts))
            if final == settled(facts)
            else _beyond(final, subject, other)
        )
        return SideExplanation(direction, subject.endpoint, conclude(final), why, verdicts)

    def _matches(
        self, policy: NetworkPolicy, direction: Direction, connection: _Connection, other: Pod | External
    ) -> list[_RuleMatch]:
        return [self._match(policy.namespace, rule, direction, connection, other) for rule in policy.rules(direction)]

    def _match(
        self, namespace: str, rule: Rule, direction: Direction, connection: _Connection, other: Pod | External
    ) -> _RuleMatch:
        protocol, via, family = connection.flow.protocol, connection.flow.via, connection.flow.family
        names = ports.names_of(connection.destination, connection.port, protocol)
        match = ports.covers(rule.ports, connection.port, protocol, names)
        if match is PortMatch.NO:
            return _RuleMatch(NO, miss=ports.miss(rule.ports, connection.port, protocol, connection.destination))
        is_host = isinstance(other, Pod) and other.host_network
        if not rule.peers:
            return _RuleMatch(anyone(direction, match, host_network=is_host))
        found: list[int] = []
        for peer in rule.peers:
            facts = self._peers.facts(peer, namespace, other, family)
            doubted = facts == IPBLOCK_VS_POD and isinstance(other, Pod)
            found.append(block_doubt(direction, match, via) if doubted else facts)
        deciding = settled(reduce(or_, found))
        if deciding == NO:
            misses = (self._peers.miss(peer, namespace, other, family) for peer in rule.peers)
            return _RuleMatch(NO, miss="; ".join(f"peer {at}: {miss}" for at, miss in enumerate(misses, 1)))
        return _RuleMatch(deciding, found.index(deciding))

    def _end(self, endpoint: Endpoint) -> Pod | External:
        pod = self._topology.pods.get(endpoint)
        return self._topology.externals[endpoint] if pod is None else pod


def _verdict(policy: NetworkPolicy, matches: Sequence[_RuleMatch]) -> PolicyVerdict:
    deciding = settled(reduce(or_, (match.facts for match in matches), NO))
    prediction = conclude(deciding)
    if deciding == NO:
        misses = tuple(f"rule {at}: {match.miss}" for at, match in enumerate(matches, 1))
        return PolicyVerdict(str(policy), policy.location, None, None, prediction.decision, misses=misses)
    rule = next(at for at, match in enumerate(matches) if match.facts == deciding)
    return PolicyVerdict(str(policy), policy.location, rule, matches[rule].peer, prediction.decision, prediction.reason)


def _deciding(direction: Direction, verdicts: Sequence[PolicyVerdict], prediction: Prediction) -> str:
    """Say which rule decides: the first that comes to the same as all rules together."""
    if prediction.decision is Decision.DENY:
        return "no rule matches"
    first = next(each for each in verdicts if (each.decision, each.reason) == (prediction.decision, prediction.reason))
    place = f"{first.policy}, {direction.lower()} rule {(first.rule or 0) + 1}"
    if first.peer is not None:
        place += f", peer {first.peer + 1}"
    if prediction.reason is None:
        return f"{place} allows it"
    return f"{place} may match: {Reason(prediction.reason).text}"


def _beyond(final: int, subject: Pod, other: Pod | External) -> str:
    """Say what nodes and hostNetwork made of a direction that the rules leave closed or in doubt."""
    if final == YES:
        return f"{other.endpoint} is on the host network of the same node, and a pod's own node always reaches it"
    reason = Reason(conclude(final).reason or "")
    host = subject if subject.host_network else other
    return f"no rule certainly allows it, and {host.endpoint} is on the host network: {reason.text}"


def _hairpin(sides: Sequence[SideExplanation]) -> Prediction:
    return unspecified(Reason.HAIRPIN) if any(side.policies for side in sides) else ALLOWED


def _listed(policies: Sequence[NetworkPolicy]) -> str:
    more = len(policies) - _NAMED_AT_MOST
    named = ", ".join(str(policy) for policy in policies[:_NAMED_AT_MOST])
    return f"{named} and {more} more" if more > 0 else named


def _summary(prediction: Prediction, sides: Sequence[SideExplanation]) -> str:
    """Say in a sentence what decides: the sides that come to the same as the whole, or both for an allow."""
    if prediction.reason == Reason.HAIRPIN:
        return Reason.HAIRPIN.text
    deciding = [side for side in sides if side.prediction == prediction]
    return "; ".join(f"{side.direction}: {side.why}" for side in deciding)
