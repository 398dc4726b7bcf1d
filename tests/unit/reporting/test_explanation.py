"""Why a flow is predicted as it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.model.flow import Endpoint, Flow
from harness.model.policy import Direction
from harness.model.result import Decision, Explanation, PolicyVerdict, Prediction, SideExplanation
from harness.reporting import explanation
from harness.reporting.text import printable, width_of
from tests.builders import flow, location
from tests.unit.reporting.strategies import FEW, explanations, flows

ALLOW, DENY = Prediction(Decision.ALLOW), Prediction(Decision.DENY)
WEB = Endpoint("shop/web")


def _render(prediction: Prediction, *sides: SideExplanation) -> list[str]:
    return explanation.render(Explanation(flow(), prediction, "so it is", sides)).splitlines()


def test_a_rule_that_decides_is_named_with_its_peer() -> None:
    """Counted from 1, at the policy's own file, line and column."""
    policy = PolicyVerdict("NetworkPolicy/shop/web", location(line=3), 1, 0, Decision.ALLOW)
    lines = _render(ALLOW, SideExplanation(Direction.INGRESS, WEB, ALLOW, "isolated", (policy,)))

    assert lines[2:] == [
        "Ingress into shop/web: allow",
        "  NetworkPolicy/shop/web (shop.scenario.yaml:3:1): allow: ingress rule 2, peer 1",
        "    matches",
    ]


def test_where_no_rule_matches_each_says_why() -> None:
    """A deny is explained by every rule that misses."""
    policy = PolicyVerdict("P", None, None, None, Decision.DENY, misses=("rule 1: not it", "rule 2: nor this"))
    lines = _render(DENY, SideExplanation(Direction.EGRESS, WEB, DENY, "isolated", (policy,)))

    assert lines[2:] == [
        "Egress out of shop/web: deny",
        "  P: deny: no egress rule matches",
        "    rule 1: not it",
        "    rule 2: nor this",
    ]


def test_a_policy_without_rules_says_so() -> None:
    """Isolated and nothing allowed is not the same as nothing that matches."""
    policy = PolicyVerdict("P", None, None, None, Decision.DENY)
    lines = _render(DENY, SideExplanation(Direction.INGRESS, WEB, DENY, "isolated", (policy,)))

    assert lines[3:] == ["  P: deny: it has no ingress rules"]


def test_a_side_without_policies_gives_its_reason() -> None:
    """Where nothing isolates, nothing decides."""
    lines = _render(ALLOW, SideExplanation(Direction.INGRESS, WEB, ALLOW, "no policy isolates shop/web"))

    assert lines[2:] == ["Ingress into shop/web: allow: no policy isolates shop/web"]


def test_the_policy_that_allows_comes_first() -> None:
    """One policy that allows settles a side, whatever the others lack."""
    closed = PolicyVerdict("closed", None, None, None, Decision.DENY)
    opened = PolicyVerdict("opened", None, 0, None, Decision.ALLOW)
    lines = _render(ALLOW, SideExplanation(Direction.INGRESS, WEB, ALLOW, "isolated", (closed, opened)))

    assert lines[3:] == ["  opened: allow: ingress rule 1 matches", "  closed: deny: it has no ingress rules"]


@FEW
@given(st.data(), flows())
def test_no_line_is_too_wide(data: st.DataObject, flows: tuple[Flow, ...]) -> None:
    """Whatever the names and reasons, lines fit and hold no control character."""
    text = "".join(explanation.render(data.draw(explanations(cell))) for cell in flows[:2])

    assert [line for line in text.split("\n") if width_of(line) > 80 or line != printable(line)] == []
