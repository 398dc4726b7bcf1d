"""Explanations: which policies isolate, which rule and peer decide, and in words why."""

from __future__ import annotations

import pytest

from harness.model.flow import Via
from harness.model.policy import Direction
from harness.model.result import Decision, PolicyVerdict
from harness.model.topology import NodePlacement
from harness.semantics.explain import explain
from harness.semantics.reasons import ALLOWED, DENIED, Reason, unspecified
from tests import builders as build

CLIENT = build.pod(name="client", labels={"role": "client"}, listen=())
WEB = build.pod(labels={"app": "web"})
TOPOLOGY = build.topology(pods=[CLIENT, WEB], externals=[build.external()], services=[build.service()])


def test_a_flow_that_no_policy_sees_says_so_for_both_directions() -> None:
    """Nobody isolated: both sides allow, each with its reason."""
    explanation = explain(TOPOLOGY, [], build.flow())

    assert [(side.direction, side.pod, side.prediction, side.why) for side in explanation.sides] == [
        (Direction.EGRESS, "shop/client", ALLOWED, "no policy isolates shop/client for Egress"),
        (Direction.INGRESS, "shop/web", ALLOWED, "no policy isolates shop/web for Ingress"),
    ]


def test_an_allow_is_explained_by_both_directions() -> None:
    """Both must allow, so both are said."""
    assert explain(TOPOLOGY, [], build.flow()).why == (
        "Egress: no policy isolates shop/client for Egress; Ingress: no policy isolates shop/web for Ingress"
    )


def test_a_deny_without_rules_names_the_policy() -> None:
    """Isolated by a policy none of whose rules match: that denies."""
    explanation = explain(TOPOLOGY, [build.policy(name="deny")], build.flow())

    assert (explanation.prediction, explanation.why) == (
        DENIED,
        "Ingress: isolated by NetworkPolicy/shop/deny; no rule matches",
    )


def test_a_deny_says_of_every_rule_why_it_misses() -> None:
    """Ports that do not cover, and peers that do not match, each in words and counted from 1."""
    location = build.location(line=7)
    allow = build.policy(
        name="allow",
        location=location,
        ingress=[
            build.rule(ports=[80]),
            build.rule(peers=[build.peer(pods={"role": "admin"}), build.peer(block="203.0.113.0/24")]),
        ],
    )

    explanation = explain(TOPOLOGY, [allow], build.flow())

    assert explanation.sides[1].policies == (
        PolicyVerdict(
            policy="NetworkPolicy/shop/allow",
            location=location,
            rule=None,
            peer=None,
            decision=Decision.DENY,
            misses=(
                "rule 1: ports: 8080/TCP is not in [80/TCP]",
                (
                    "rule 2: peer 1: podSelector {role=admin} does not select shop/client {role=client}; "
                    "peer 2: ipBlock 203.0.113.0/24 does not contain shop/client"
                ),
            ),
        ),
    )


def test_an_allow_names_the_first_rule_and_peer_that_match() -> None:
    """Indexes count from 0, words from 1; a policy that denies beside it keeps its own verdict."""
    allow = build.policy(
        name="allow",
        ingress=[
            build.rule(ports=[80]),
            build.rule(peers=[build.peer(pods={"role": "admin"}), build.peer(pods={"role": "client"})]),
            build.rule(),
        ],
    )

    side = explain(TOPOLOGY, [build.policy(name="deny"), allow], build.flow()).sides[1]

    assert [(each.policy, each.rule, each.peer, each.decision) for each in side.policies] == [
        ("NetworkPolicy/shop/deny", None, None, Decision.DENY),
        ("NetworkPolicy/shop/allow", 1, 1, Decision.ALLOW),
    ]
    assert side.why == (
        "isolated by NetworkPolicy/shop/deny, NetworkPolicy/shop/allow; "
        "NetworkPolicy/shop/allow, ingress rule 2, peer 2 allows it"
    )


def test_a_rule_without_peers_has_no_peer_that_decides() -> None:
    """Peer None: the rule takes any."""
    side = explain(TOPOLOGY, [build.policy(ingress=[build.rule()])], build.flow(source="office")).sides[1]

    assert [(each.rule, each.peer) for each in side.policies] == [(0, None)]


def test_a_doubt_names_the_rule_and_what_is_open() -> None:
    """Unspecified says which rule may match, and the question that the API leaves open."""
    maybe = build.policy(name="maybe", ingress=[build.rule(peers=[build.peer(block="10.0.0.0/8")])])

    explanation = explain(TOPOLOGY, [maybe], build.flow())

    assert explanation.sides[1].policies[0].reason == "ipblock-vs-pod"
    assert explanation.why == (
        "Ingress: isolated by NetworkPolicy/shop/maybe; NetworkPolicy/shop/maybe, ingress rule 1, peer 1 may match: "
        f"{Reason.IPBLOCK_VS_POD.text}"
    )


def test_a_pod_to_itself_has_no_sides() -> None:
    """The packet never leaves the pod."""
    explanation = explain(TOPOLOGY, [build.policy()], build.flow(source="shop/web"))

    assert (explanation.prediction, explanation.sides, explanation.why) == (
        ALLOWED,
        (),
        "a pod always reaches itself: no policy sees it",
    )


def test_an_external_end_is_nobodys_subject() -> None:
    """Externals are not policed themselves; their side says so."""
    explanation = explain(TOPOLOGY, [build.policy()], build.flow(source="office"))

    assert explanation.sides[0].why == "office is no pod: no policy isolates it"


def test_many_policies_are_not_all_listed() -> None:
    """Three names and a number are enough for a sentence; the verdicts hold them all."""
    side = explain(TOPOLOGY, [build.policy(name=f"p{number}") for number in range(9)], build.flow()).sides[1]

    assert (side.why, len(side.policies)) == (
        "isolated by NetworkPolicy/shop/p0, NetworkPolicy/shop/p1, NetworkPolicy/shop/p2 and 6 more; no rule matches",
        9,
    )


def test_a_service_has_a_pair_of_sides_for_each_backend() -> None:
    """Any backend may answer, so each is explained, and the sentence lists what each would do."""
    topology = build.topology(
        pods=[CLIENT, WEB, build.pod(name="web-2", labels={"app": "web", "shut": "yes"})], services=[build.service()]
    )
    shut = build.policy(select={"shut": "yes"})

    explanation = explain(topology, [shut], build.flow(via=Via.SERVICE, port=80))

    assert [side.pod for side in explanation.sides] == ["shop/client", "shop/web", "shop/client", "shop/web-2"]
    assert (explanation.prediction, explanation.why) == (
        unspecified(Reason.MIXED_BACKENDS),
        "any of 2 backends may answer: shop/web: allow, shop/web-2: deny",
    )


def test_the_only_backend_explains_its_service() -> None:
    """One backend decides alone, and the sentence says what decided there."""
    explanation = explain(TOPOLOGY, [build.policy(name="deny")], build.flow(via=Via.SERVICE, port=80))

    assert explanation.why == (
        "through its only backend shop/web: Ingress: isolated by NetworkPolicy/shop/deny; no rule matches"
    )


def test_a_service_without_backends_says_so() -> None:
    """Nothing ready behind the port: no policy is to blame."""
    explanation = explain(TOPOLOGY, [], build.flow(via=Via.SERVICE, port=81))

    assert (explanation.sides, explanation.why) == ((), "no ready pod backs shop/web on port 81/TCP")


@pytest.mark.parametrize(
    ("same", "why"),
    [
        (True, "shop/agent is on the host network of the same node, and a pod's own node always reaches it"),
        (False, "no rule matches"),
        (None, f"no rule certainly allows it, and shop/agent is on the host network: {Reason.HOSTNET.text}"),
    ],
)
def test_node_traffic_is_explained_by_its_node(same: bool | None, why: str) -> None:
    """What nodes and hostNetwork change beyond the rules is said in place of a rule."""
    node = None if same is None else NodePlacement(same=same, other=WEB.endpoint)
    topology = build.topology(pods=[WEB, build.pod(name="agent", host_network=True, node=node)])

    side = explain(topology, [build.policy(select={"app": "web"})], build.flow(source="shop/agent")).sides[1]

    assert side.why == f"isolated by NetworkPolicy/shop/policy; {why}"


def test_an_unknown_end_is_a_key_error() -> None:
    """A flow that the topology does not have is a mistake of the caller, never a prediction."""
    with pytest.raises(KeyError):
        explain(TOPOLOGY, [], build.flow(destination="shop/nobody"))
