"""Scenarios that come along, and exactly the flows of theirs that a profile foretells."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.judge import Baseline, judge
from harness.model.result import Decision, Outcome, Verdict
from harness.model.scenario import Declaration, Expected
from harness.profiles.load import choose
from harness.scenario.load import load
from tests import builders as build

SCENARIOS = Path(__file__).resolve().parents[3] / "scenarios"
CILIUM = choose("cilium@1.20.2").active(None, None)

NEGATIVE_NAMESPACES = {
    "selectors/b14-ns-notin-own": {
        "callers from elsewhere": {"shop/web -> shop/vault:80/TCP"},
        "a namespace founded later": {"shop/web -> shop/vault:80/TCP"},
    },
    "selectors/b14-ns-notin-own-outsiders": {
        "callers from elsewhere": {"shop/web -> shop/vault:80/TCP", "office -> shop/vault:80/TCP"},
        "calls to elsewhere": {"shop/vault -> shop/web:80/TCP", "shop/vault -> office:80/TCP"},
    },
    "selectors/b15-ns-unlabelled-notin": {
        "everything but production": {"shop/web -> shop/vault:80/TCP", "bank/teller -> shop/vault:80/TCP"},
    },
}


@pytest.mark.parametrize("name", NEGATIVE_NAMESPACES)
def test_a_selector_of_absences_is_foretold_to_open_what_was_seen_open(name: str) -> None:
    """Those flows that leaked on Cilium 1.20.2, and no others; open, and only where it is set so."""
    scenario = load(SCENARIOS / f"{name}.scenario.yaml")
    found = {step.name: CILIUM.foretell(step.topology, step.policies, step.flows).items() for step in scenario.steps}

    assert {step: {str(flow) for flow, _ in told} for step, told in found.items()} == NEGATIVE_NAMESPACES[name]
    every = [each for told in found.values() for _, each in told]
    assert {(each.decision, each.certain) for each in every} == {(Decision.ALLOW, False)}
    assert all(each.listed.startswith("negative-namespace-selects-all: ") for each in every)


@pytest.mark.parametrize(("outcome", "verdict"), [(Outcome.OPEN, Verdict.KNOWN), (Outcome.NO_ANSWER, Verdict.MATCH)])
def test_a_deviation_that_depends_on_an_option_is_known_where_seen_and_no_failure_where_not(
    outcome: Outcome, verdict: Verdict
) -> None:
    """With policy-default-local-cluster=true the flow stays closed, as declared, and nobody is to mend the profile."""
    step = load(SCENARIOS / "selectors" / "b14-ns-notin-own.scenario.yaml").steps[0]
    (told,) = CILIUM.foretell(step.topology, step.policies, step.flows).values()
    seen = build.observation(outcome=outcome)

    judged = judge(Declaration(Expected.DENY, build.location()), seen, Baseline(Outcome.OPEN), foretold=told)

    assert judged.verdict is verdict
