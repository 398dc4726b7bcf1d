"""Which policies isolate a pod, and for what."""

from __future__ import annotations

from harness.model.policy import Direction
from harness.semantics.evaluate import isolating
from tests import builders as build


def test_a_policy_isolates_the_pods_it_selects() -> None:
    """Isolation needs the policy's podSelector to select the pod."""
    web = build.policy(name="web", select={"app": "web"})
    every = build.policy(name="every")
    db = build.policy(name="db", select={"app": "db"})

    found = isolating([db, web, every], build.pod(labels={"app": "web"}), Direction.INGRESS)

    assert found == [web, every]


def test_a_policy_isolates_in_its_own_namespace_only() -> None:
    """A policy never touches pods of another namespace, except as peers."""
    elsewhere = build.policy(namespace="guest")

    assert isolating([elsewhere], build.pod(), Direction.INGRESS) == []


def test_policy_types_decide_and_not_the_rules() -> None:
    """Rules of a direction that policyTypes lacks are inert."""
    inert = build.policy(types=[Direction.INGRESS], egress=[build.rule()])

    assert {each: isolating([inert], build.pod(), each) for each in Direction} == {
        Direction.INGRESS: [inert],
        Direction.EGRESS: [],
    }


def test_a_policy_without_rules_isolates() -> None:
    """No rules under a policy type is the default deny, not an error."""
    deny = build.policy(types=Direction)

    assert [isolating([deny], build.pod(), each) for each in Direction] == [[deny], [deny]]


def test_a_pod_that_is_not_ready_is_isolated_like_any_other() -> None:
    """Readiness matters to Services, never to policies."""
    deny = build.policy()

    assert isolating([deny], build.pod(ready=False), Direction.INGRESS) == [deny]
