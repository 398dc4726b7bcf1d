"""Declared against predicted, before any cluster is touched.

Pure. Predictions fill the same result records that a run fills, with what only a run can
know left None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.errors import Problem, SourceLocation
from harness.model.flow import Flow
from harness.model.matrix import Matrix
from harness.model.result import Decision, Explanation, FlowResult, Prediction, RunResult, ScenarioResult, StepResult
from harness.model.scenario import Declaration, Expected, Scenario, Step
from harness.semantics.evaluate import predict
from harness.semantics.explain import explain


def predicted_matrix(step: Step) -> Matrix[Prediction]:
    """Return what the published semantics say of every flow of a step."""
    return predict(step.topology, step.policies, step.flows)


def declared_matrix(step: Step, predicted: Mapping[Flow, Prediction]) -> Matrix[Declaration]:
    """Return what the step expects; `expect: predicted` takes the predictions, and ignores what they leave open."""
    if step.declared is not None:
        return step.declared

    def declare(flow: Flow) -> Declaration:
        prediction = predicted[flow]
        if flow.is_to_itself:
            because = "a pod always reaches itself: no policy sees it"
            return Declaration(Expected.IGNORE, step.location, because)
        match prediction.decision:
            case Decision.ALLOW:
                return Declaration(Expected.ALLOW, step.location, predicted=True)
            case Decision.DENY:
                return Declaration(Expected.DENY, step.location, predicted=True)
            case Decision.UNSPECIFIED:
                because = f"the published semantics leave this open: {prediction.reason}"
                return Declaration(Expected.IGNORE, step.location, because, predicted=True)

    return Matrix.build(step.flows, declare)


def forecast(scenarios: Iterable[Scenario]) -> RunResult:
    """Return the predictions of all scenarios as a result document that no run has filled yet."""
    return RunResult(
        run="",
        started="",
        duration_s=None,
        cluster=None,
        scenarios=tuple(_forecast_scenario(scenario) for scenario in scenarios),
    )


def _forecast_scenario(scenario: Scenario) -> ScenarioResult:
    steps = []
    for step in scenario.steps:
        predicted = predicted_matrix(step)
        declared = declared_matrix(step, predicted)
        flows = tuple(FlowResult(flow, declared[flow], predicted[flow]) for flow in step.flows)
        steps.append(StepResult(step.name, flows, step.location, expected_prediction=step.declared is None))
    return ScenarioResult(scenario.name, scenario.file, scenario.about, scenario.tags, tuple(steps))


def disagreements(scenario: Scenario) -> tuple[Problem, ...]:
    """Return one problem for each rule whose declared cells contradict the predictions.

    A prediction that is unspecified contradicts nothing, and a rule with a `because`
    owns up to its difference. Flows of one rule are told together, the first one explained.
    """
    found: list[Problem] = []
    for step in scenario.steps:
        if step.declared is None:
            continue
        predicted = predicted_matrix(step)
        by_rule: dict[tuple[SourceLocation, Expected], list[Flow]] = {}
        for flow, cell in step.declared.items():
            if cell.because is None and _contradicts(cell.expected, predicted[flow].decision):
                by_rule.setdefault((cell.location, cell.expected), []).append(flow)
        found += [
            _problem(step, location, expected, flows, predicted[flows[0]])
            for (location, expected), flows in by_rule.items()
        ]
    return tuple(found)


def _contradicts(expected: Expected, decision: Decision) -> bool:
    if expected is Expected.ALLOW:
        return decision is Decision.DENY
    return expected.is_deny and decision is Decision.ALLOW


def _problem(
    step: Step, location: SourceLocation, expected: Expected, flows: Sequence[Flow], predicted: Prediction
) -> Problem:
    shown = "; ".join(str(flow) for flow in flows[:3])
    more = f"; and {len(flows) - 3} more" if len(flows) > 3 else ""
    return Problem(
        location,
        f"step '{step.name}'",
        f"declared {expected}, but the policies say {predicted}: {shown}{more}",
        remedy=_deciding(explain(step.topology, step.policies, flows[0])),
    )


def _deciding(explanation: Explanation) -> str:
    """Say which policies and rules decide, most telling side first."""
    lines = [f"{explanation.flow}: {explanation.why}"]
    for side in explanation.sides:
        lines.append(f"{side.direction} of {side.pod}: {side.prediction}, {side.why}")
        for item in side.policies:
            at = f" ({item.location})" if item.location else ""
            if item.rule is not None:
                peer = "" if item.peer is None else f", peer {item.peer + 1}"
                lines.append(f"  {item.policy}{at}: {side.direction.lower()} rule {item.rule + 1}{peer} matches")
            else:
                misses = "; ".join(item.misses) or "it has no rules"
                lines.append(f"  {item.policy}{at}: no rule matches: {misses}")
    return "\n    ".join(lines)
