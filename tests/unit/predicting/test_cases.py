"""Every case under tests/cases/semantics: a small world in, the expected matrix out."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.semantics.evaluate import predict
from harness.semantics.explain import explain
from harness.semantics.reasons import Reason
from tests.unit.predicting.cases import FOLDER, load
from tests.unit.predicting.naive import naive

CASES = sorted(FOLDER.glob("*.yaml"))
# What no flow can show: flows are new connections of TCP, UDP or SCTP.
NEVER_PREDICTED = {Reason.NON_L4, Reason.EXISTING_CONN}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_predictor_answers_as_the_case_says(path: Path) -> None:
    """Predicted matrix equals the drawn one, mark by mark."""
    case = load(path)

    predicted = predict(case.topology, case.policies, case.expected)

    assert {flow: each.reason or each.decision.value for flow, each in predicted.items()} == case.expected


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_other_two_evaluators_answer_as_the_case_says(path: Path) -> None:
    """The explainer and the slow evaluator of the properties are held to the same cases."""
    case = load(path)

    answers = {
        flow: {
            each.reason or each.decision.value
            for each in (
                naive(case.topology, case.policies, flow),
                explain(case.topology, case.policies, flow).prediction,
            )
        }
        for flow in case.expected
    }

    assert answers == {flow: {answer} for flow, answer in case.expected.items()}


def test_every_reason_that_can_be_predicted_has_a_case() -> None:
    """A reason code without a case is a claim that nobody checks."""
    seen = {answer for path in CASES for answer in load(path).expected.values()}

    assert {reason.value for reason in Reason} - seen == {reason.value for reason in NEVER_PREDICTED}
