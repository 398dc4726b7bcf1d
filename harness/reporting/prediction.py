"""Renders what the published semantics predict, for `predict`: no cluster was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from harness.model.result import Decision, FlowResult, RunResult, ScenarioResult, StepResult
from harness.reporting import matrices
from harness.reporting.failures import shape
from harness.reporting.grouping import bundles
from harness.reporting.style import Look, Tone
from harness.reporting.tally import plural
from harness.reporting.text import wrapped
from harness.semantics.reasons import Reason

_INDENT = "  "
_MEANINGS = {reason.value: reason.text for reason in Reason}


def render(result: RunResult, *, width: int = 80, colour: bool = False) -> str:
    """Return the predicted matrix of every step, and why flows are left open where they are."""
    look = Look.of(width, colour=colour, verbose=True)
    lines = [line for scenario in result.scenarios for line in _scenario(scenario, look)]
    return "".join(f"{line}\n" for line in lines)


def _scenario(scenario: ScenarioResult, look: Look) -> Iterator[str]:
    yield from (look.style.paint(line, Tone.STRONG) for line in wrapped(scenario.name, look.width))
    yield from wrapped(scenario.about, look.width, _INDENT)
    yield from wrapped(scenario.file, look.width, _INDENT)
    yield ""
    for step in scenario.steps:
        yield from _step(step, look)


def _step(step: StepResult, look: Look) -> Iterator[str]:
    yield from wrapped(f"{step.name}: {_counts(step)}", look.width, "step ", _INDENT)
    yield from matrices.predicted(step.flows, look, _INDENT)
    reasons: dict[str, list[FlowResult]] = {}
    for flow in step.flows:
        if flow.predicted.reason is not None:
            reasons.setdefault(flow.predicted.reason, []).append(flow)
    for reason, flows in reasons.items():
        meaning = f": {_MEANINGS[reason]}" if reason in _MEANINGS else ""
        yield from wrapped(f"~ {reason} ({plural(len(flows), 'flow')}){meaning}", look.width, _INDENT, _INDENT * 2)
        for bundle in bundles(flow.flow for flow in flows):
            yield from wrapped(shape(bundle), look.width, _INDENT * 2, _INDENT * 4)
    yield ""


def _counts(step: StepResult) -> str:
    tally = Counter(flow.predicted.decision for flow in step.flows)
    return ", ".join(f"{tally[decision]:,} {decision}" for decision in Decision if tally[decision]) or "no flows"
