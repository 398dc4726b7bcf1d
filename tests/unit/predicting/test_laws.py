"""Laws that hold whatever the policies: each compares two predictions, with no expected answer at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.model.flow import Endpoint, Flow
from harness.model.labels import LabelSelector, Requirement
from harness.model.policy import Cidr, Direction, IPBlock, NetworkPolicy, Peer, PolicyPort, Rule
from harness.model.result import Decision
from harness.model.topology import METADATA_NAME, Namespace, Topology
from harness.semantics.evaluate import Predictor, predict
from harness.semantics.reasons import ALLOWED, Reason, unspecified
from tests.unit.predicting.strategies import RULES, World, worlds

QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
OPENNESS = {Decision.DENY: 0, Decision.UNSPECIFIED: 1, Decision.ALLOW: 2}


@QUICK
@given(world=worlds(), rule=RULES, direction=st.sampled_from(Direction), place=st.integers(0, 2))
def test_adding_an_allow_rule_never_closes_a_flow(world: World, rule: Rule, direction: Direction, place: int) -> None:
    """Rules only add up: where a policy isolates already, one more rule makes no flow less open."""
    place %= len(world.policies)
    changed = list(world.policies)
    changed[place] = _with_rule(changed[place], direction, rule)

    before = predict(world.topology, world.policies, world.flows)
    after = predict(world.topology, changed, world.flows)

    closed = [flow for flow in world.flows if OPENNESS[after[flow].decision] < OPENNESS[before[flow].decision]]
    assert closed == []


@QUICK
@given(world=worlds(), data=st.data())
def test_order_is_irrelevant(world: World, data: st.DataObject) -> None:
    """The order of policies, rules, peers and ports changes neither decisions nor reasons."""
    shuffled = [
        _with_rules(policy, lambda rules: tuple(_reversed(rule) for rule in reversed(rules)))
        for policy in data.draw(st.permutations(world.policies))
    ]

    assert _predict(world.topology, shuffled, world) == _predict(world.topology, world.policies, world)


@QUICK
@given(world=worlds())
def test_a_rule_equals_its_parts(world: World) -> None:
    """A rule split into one rule for each peer and port means the same: lists are OR inside."""
    split = [
        _with_rules(policy, lambda rules: tuple(part for rule in rules for part in _parts(rule)))
        for policy in world.policies
    ]

    assert _predict(world.topology, split, world) == _predict(world.topology, world.policies, world)


@QUICK
@given(world=worlds())
def test_policies_may_be_cut_up_by_rule_and_direction(world: World) -> None:
    """Policies are a union: each may become one policy for each type and rule, beside one that only isolates."""
    cut = [part for policy in world.policies for part in _single_rule_policies(policy)]

    assert _predict(world.topology, cut, world) == _predict(world.topology, world.policies, world)


@QUICK
@given(world=worlds())
def test_names_are_irrelevant(world: World) -> None:
    """Renaming namespaces, wherever they are named, and policies changes no answer."""
    renamed = {flow: _renamed_flow(flow) for flow in world.flows}
    policies = [_renamed_policy(policy) for policy in world.policies]

    after = predict(_renamed_topology(world.topology), policies, renamed.values())

    assert {flow: after[renamed[flow]] for flow in world.flows} == _predict(world.topology, world.policies, world)


@QUICK
@given(world=worlds())
def test_without_policies_everything_is_allowed(world: World) -> None:
    """Deleting every policy leaves no doubt either, but for Services that nothing backs."""
    predicted = set(predict(world.topology, (), world.flows).values())

    assert predicted <= {ALLOWED, unspecified(Reason.NO_ENDPOINTS)}


@QUICK
@given(world=worlds())
def test_an_empty_pod_selector_adds_nothing_to_a_namespace_selector(world: World) -> None:
    """`podSelector: {}` beside a namespaceSelector is the namespaceSelector alone."""
    spelled = [_with_peers(policy, _spell_out) for policy in world.policies]

    assert _predict(world.topology, spelled, world) == _predict(world.topology, world.policies, world)


@QUICK
@given(world=worlds(), data=st.data())
def test_earlier_questions_change_no_later_answer(world: World, data: st.DataObject) -> None:
    """What a predictor remembers of one flow never leaks into another."""
    predictor = Predictor(world.topology, world.policies)
    asked = data.draw(st.permutations(world.flows))

    together = {flow: predictor.decide(flow) for flow in asked}

    assert together == {flow: Predictor(world.topology, world.policies).decide(flow) for flow in asked}


def _predict(topology: Topology, policies: Sequence[NetworkPolicy], world: World) -> dict[Flow, object]:
    return dict(predict(topology, policies, world.flows))


def _with_rule(policy: NetworkPolicy, direction: Direction, rule: Rule) -> NetworkPolicy:
    if direction is Direction.INGRESS:
        return replace(policy, ingress=(*policy.ingress, rule))
    return replace(policy, egress=(*policy.egress, rule))


def _with_rules(policy: NetworkPolicy, change: Callable[[tuple[Rule, ...]], tuple[Rule, ...]]) -> NetworkPolicy:
    return replace(policy, ingress=change(policy.ingress), egress=change(policy.egress))


def _with_peers(policy: NetworkPolicy, change: Callable[[Peer], Peer]) -> NetworkPolicy:
    return _with_rules(
        policy, lambda rules: tuple(replace(rule, peers=tuple(map(change, rule.peers))) for rule in rules)
    )


def _reversed(rule: Rule) -> Rule:
    return Rule(rule.peers[::-1], rule.ports[::-1])


def _split(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(part for rule in rules for part in _parts(rule))


def _parts(rule: Rule) -> list[Rule]:
    peers: list[tuple[Peer, ...]] = [(peer,) for peer in rule.peers] or [()]
    ports: list[tuple[PolicyPort, ...]] = [(port,) for port in rule.ports] or [()]
    return [Rule(peer, port) for peer in peers for port in ports]


def _single_rule_policies(policy: NetworkPolicy) -> list[NetworkPolicy]:
    bare = replace(policy, ingress=(), egress=())
    inward = [replace(bare, policy_types=(Direction.INGRESS,), ingress=(rule,)) for rule in policy.ingress]
    outward = [replace(bare, policy_types=(Direction.EGRESS,), egress=(rule,)) for rule in policy.egress]
    return [
        bare,
        *(inward if Direction.INGRESS in policy.policy_types else ()),
        *(outward if Direction.EGRESS in policy.policy_types else ()),
    ]


def _spell_out(peer: Peer) -> Peer:
    if peer.namespace_selector is None or peer.pod_selector is not None:
        return peer
    return replace(peer, pod_selector=LabelSelector())


def _new(name: str) -> str:
    """Rename a namespace, or an endpoint by its namespace; externals keep their names."""
    namespace, slash, own = name.partition("/")
    return f"run-7-{namespace}/{own}" if slash else name


def _renamed_endpoint(endpoint: Endpoint) -> Endpoint:
    return Endpoint(_new(endpoint))


def _renamed_flow(flow: Flow) -> Flow:
    return flow._replace(source=_renamed_endpoint(flow.source), destination=_renamed_endpoint(flow.destination))


def _renamed_topology(topology: Topology) -> Topology:
    pods = []
    for pod in topology.pods.values():
        node = None if pod.node is None else replace(pod.node, other=_renamed_endpoint(pod.node.other))
        pods.append(replace(pod, namespace=f"run-7-{pod.namespace}", node=node))
    services = [replace(each, namespace=f"run-7-{each.namespace}") for each in topology.services.values()]
    namespaces = [
        Namespace(f"run-7-{each.name}", {**each.labels, METADATA_NAME: f"run-7-{each.name}"})
        for each in topology.namespaces.values()
    ]
    return Topology(
        namespaces={each.name: each for each in namespaces},
        pods={each.endpoint: each for each in pods},
        services={each.endpoint: each for each in services},
        externals=topology.externals,
    )


def _renamed_policy(policy: NetworkPolicy) -> NetworkPolicy:
    renamed = _with_peers(policy, _renamed_peer)
    return replace(renamed, namespace=f"run-7-{policy.namespace}", name=f"other-{policy.name}")


def _renamed_peer(peer: Peer) -> Peer:
    block = peer.ip_block
    return Peer(
        peer.pod_selector,
        None if peer.namespace_selector is None else _renamed_selector(peer.namespace_selector),
        None if block is None else IPBlock(_renamed_cidr(block.cidr), tuple(map(_renamed_cidr, block.excepts))),
    )


def _renamed_selector(selector: LabelSelector) -> LabelSelector:
    return LabelSelector(
        tuple(
            Requirement(each.key, each.operator, tuple(f"run-7-{value}" for value in each.values))
            if each.key == METADATA_NAME
            else each
            for each in selector.requirements
        )
    )


def _renamed_cidr(cidr: Cidr) -> Cidr:
    return cidr if cidr.endpoint is None else replace(cidr, endpoint=_renamed_endpoint(cidr.endpoint))
