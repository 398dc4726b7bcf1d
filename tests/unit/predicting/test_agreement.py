"""The predictor, the explainer and a slow evaluator straight from the table say the same."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from harness.semantics.evaluate import predict
from harness.semantics.explain import explain
from tests.unit.predicting.naive import naive
from tests.unit.predicting.strategies import World, worlds

QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(QUICK, max_examples=300)
@given(world=worlds())
def test_the_index_changes_no_answer(world: World) -> None:
    """Predictor and table agree on every flow, decision and reason."""
    expected = {flow: naive(world.topology, world.policies, flow) for flow in world.flows}

    assert dict(predict(world.topology, world.policies, world.flows)) == expected


@settings(QUICK, max_examples=100)
@given(world=worlds())
def test_an_explanation_predicts_what_the_predictor_does(world: World) -> None:
    """Explanation.prediction equals Predictor.decide, whatever the flow."""
    predicted = predict(world.topology, world.policies, world.flows)

    explained = {flow: explain(world.topology, world.policies, flow).prediction for flow in world.flows}

    assert explained == dict(predicted)
