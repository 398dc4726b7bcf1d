"""Recorded observations to a judged, explained step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.forecast import declared_matrix, predicted_matrix
from harness.judge import Baseline, first_correct, judge
from harness.model.flow import Flow
from harness.model.foretold import Foretold
from harness.model.matrix import Matrix
from harness.model.result import (
    CLOSED,
    FlowResult,
    Observation,
    Outcome,
    Prediction,
    StepResult,
    Verdict,
)
from harness.model.scenario import Declaration, Expected, Step
from harness.probing.command import command
from harness.probing.observe import Settled
from harness.runner.evidence import Evidence, Instance
from harness.semantics.explain import explain

# Explaining costs a few hundred microseconds; nobody reads the thousandth one.
_MOST_EXPLAINED = 200
_WRONG = frozenset({Verdict.LEAK, Verdict.OUTAGE, Verdict.INCONCLUSIVE})


@dataclass(frozen=True)
class StepRecord:
    """One step as observed. `impossible` are flows that could not be tried, with the reason.

    `foretold` are the flows for which the CNI's profile lists a deviation.
    `settled` None: the step was never played. `barrier_s` None: the barrier was never seen.
    """

    step: Step
    settled: Settled | None
    instances: Mapping[Flow, Instance]
    impossible: Mapping[Flow, str]
    barrier_s: float | None = None
    change_s: float | None = None
    duration_s: float | None = None
    diagnostics: str | None = None
    foretold: Mapping[Flow, Foretold] = field(default_factory=dict)

    @property
    def observations(self) -> Mapping[Flow, Observation]:
        """What was seen; empty for a step that was never played."""
        return self.settled.observations if self.settled else {}


def never_played(step: Step, reason: str) -> StepRecord:
    """Return the record of a step that was never reached: every flow impossible, for one reason."""
    return StepRecord(step, None, {}, dict.fromkeys(step.flows, reason))


def step_result(record: StepRecord, evidence: Evidence) -> StepResult:
    """Judge every flow of a step and explain the wrong ones."""
    step, settled = record.step, record.settled
    predicted = predicted_matrix(step)
    declared = declared_matrix(step, predicted)
    flows = [_flow_result(flow, record, declared[flow], predicted[flow], evidence) for flow in step.flows]
    result = StepResult(
        step.name,
        _explained(flows, record),
        step.location,
        duration_s=record.duration_s,
        expected_prediction=step.declared is None,
        diagnostics=record.diagnostics,
    )
    if settled is None:
        return result
    # What is known to differ never comes to be as declared, and must not hide when the rest did.
    known = {item.flow for item in flows if item.judgement and item.judgement.verdict is Verdict.KNOWN}
    awaited = {flow: cell for flow, cell in declared.items() if flow not in known}
    return replace(
        result,
        settled=settled.settled and record.barrier_s is not None,
        change_s=record.change_s,
        barrier_s=record.barrier_s,
        first_correct_s=first_correct(((item.at_s, item.outcomes) for item in settled.history), awaited),
        settle_s=settled.settle_s,
        rounds=settled.rounds,
        flaps=settled.flaps,
        start_leaks=_start_leaks(step, settled),
    )


def _start_leaks(step: Step, settled: Settled) -> tuple[Flow, ...] | None:
    """Return the flows of pods that came with `step` which were open at first, though closed in the end.

    None where no pod came, and where the step changed policies or labels as well: then being open at first is no leak.
    """
    fresh = {*step.add.pods, *step.restart}
    if not fresh or step.apply or step.delete or step.relabel:
        return None
    closed = {flow for flow, seen in settled.observations.items() if seen.settled and seen.outcome in CLOSED}
    leaked = {
        flow
        for item in settled.history
        for flow, outcome in item.outcomes.items()
        if outcome is Outcome.OPEN and flow in closed and fresh & {flow.source, flow.destination}
    }
    return tuple(flow for flow in step.flows if flow in leaked)


def ignored_flows(step: Step) -> frozenset[Flow]:
    """Return the flows of a step that nobody will judge."""
    return frozenset(flow for flow, cell in _declared(step).items() if cell.expected is Expected.IGNORE)


def failed_flows(record: StepRecord, evidence: Evidence) -> list[Flow]:
    """Return the flows of a step that leak or are out by what is known so far; later proof cannot mend these."""
    judged = {
        flow: judge(
            cell,
            _observation(flow, record),
            _baseline(flow, record, evidence),
            foretold=record.foretold.get(flow),
        )
        for flow, cell in _declared(record.step).items()
    }
    return [flow for flow, found in judged.items() if found.verdict in (Verdict.LEAK, Verdict.OUTAGE)]


def _declared(step: Step) -> Matrix[Declaration]:
    """Return what a step expects; predicts only where the step says `expect: predicted`."""
    return declared_matrix(step, predicted_matrix(step)) if step.declared is None else step.declared


def _flow_result(
    flow: Flow, record: StepRecord, declared: Declaration, predicted: Prediction, evidence: Evidence
) -> FlowResult:
    observed = _observation(flow, record)
    baseline = _baseline(flow, record, evidence)
    return FlowResult(
        flow,
        declared,
        predicted,
        observed,
        baseline.outcome if baseline else None,
        judge(declared, observed, baseline, predicted, record.foretold.get(flow)),
    )


def _baseline(flow: Flow, record: StepRecord, evidence: Evidence) -> Baseline | None:
    instance = record.instances.get(flow)
    return evidence.baseline(instance) if instance else None


def _observation(flow: Flow, record: StepRecord) -> Observation | None:
    if flow in record.impossible:
        return Observation(Outcome.FAULT, record.impossible[flow])
    if record.settled is None:
        return None
    seen = record.settled.observations.get(flow) or record.settled.controls.get(flow)
    if seen is not None and record.barrier_s is None:
        detail = "the sentinel policy of this step was never seen in force"
        return Observation(Outcome.FAULT, detail, request=seen.request, reply=seen.reply)
    return seen


def _explained(flows: list[FlowResult], record: StepRecord) -> tuple[FlowResult, ...]:
    """Return `flows` with the first wrong ones explained."""
    left = _MOST_EXPLAINED
    explained: list[FlowResult] = []
    for item in flows:
        if left and item.judgement is not None and item.judgement.verdict in _WRONG:
            left -= 1
            explained.append(_with_explanation(item, record))
        else:
            explained.append(item)
    return tuple(explained)


def _with_explanation(item: FlowResult, record: StepRecord) -> FlowResult:
    # The addresses of that moment: a later step may have moved the pod.
    instance = record.instances.get(item.flow)
    address = instance[1][1] if instance else None
    return replace(
        item,
        explanation=explain(record.step.topology, record.step.policies, item.flow),
        command=command(item.flow, address) if address else None,
    )
