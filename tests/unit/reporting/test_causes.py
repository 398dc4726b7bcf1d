"""Flows that came to the same verdict for the same reason."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from harness.model.flow import Endpoint
from harness.model.policy import Direction
from harness.model.result import (
    Decision,
    Explanation,
    FlowResult,
    Judgement,
    Observation,
    Outcome,
    PolicyVerdict,
    Prediction,
    SideExplanation,
    StepResult,
    Verdict,
)
from harness.model.scenario import Declaration, Expected
from harness.reporting.causes import causes
from tests.builders import flow, location
from tests.unit.reporting.strategies import FEW, steps

DENY = Prediction(Decision.DENY)


def _leak(source: str, *, line: int = 1, policy: str | None = None) -> FlowResult:
    cell = flow(source=source)
    side = SideExplanation(
        Direction.INGRESS,
        Endpoint("shop/web"),
        DENY,
        "isolated",
        (PolicyVerdict(policy or "", None, None, None, Decision.DENY),),
    )
    return FlowResult(
        cell,
        Declaration(Expected.DENY, location(line=line)),
        DENY,
        Observation(Outcome.OPEN, elapsed_s=0.1 + len(source) / 1000),
        Outcome.OPEN,
        Judgement(Verdict.LEAK, f"{source} was answered in 0.00{len(source)} s"),
        Explanation(cell, DENY, "isolated", (side,)) if policy else None,
    )


def test_the_same_reason_in_other_words_is_one_cause() -> None:
    """The names of the flow's ends and measured times do not make another reason."""
    found = causes([_leak("shop/a"), _leak("shop/bcd")], [Verdict.LEAK])

    assert [len(cause.results) for cause in found] == [2]


def test_another_rule_of_the_author_is_another_cause() -> None:
    """Flows that different lines declared are told apart."""
    found = causes([_leak("shop/a"), _leak("shop/b", line=2)], [Verdict.LEAK])

    assert [len(cause.results) for cause in found] == [1, 1]


def test_another_deciding_policy_is_another_cause() -> None:
    """Flows that different policies decide are told apart."""
    found = causes([_leak("shop/a", policy="one"), _leak("shop/b", policy="two")], [Verdict.LEAK])

    assert [len(cause.results) for cause in found] == [1, 1]


def test_unexplained_flows_join_the_explained_one() -> None:
    """A run explains its first failures only; the others are like them."""
    found = causes([_leak("shop/a", policy="one"), _leak("shop/b"), _leak("shop/c")], [Verdict.LEAK])

    assert [len(cause.results) for cause in found] == [3]


def test_the_worst_come_first() -> None:
    """Leaks before outages before what is inconclusive."""
    verdicts = [Verdict.INCONCLUSIVE, Verdict.OUTAGE, Verdict.LEAK]
    results = [replace(_leak("shop/a"), judgement=Judgement(verdict, "so")) for verdict in verdicts]

    assert [cause.verdict for cause in causes(results, verdicts)] == verdicts[::-1]


@FEW
@given(steps())
def test_every_flow_has_one_cause(step: StepResult) -> None:
    """Asked for all verdicts, the causes hold every flow once."""
    held = [flow for cause in causes(step.flows, list(Verdict)) for flow in cause.flows]

    assert sorted(held) == sorted(result.flow for result in step.flows)
