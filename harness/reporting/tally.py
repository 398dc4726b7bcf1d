"""Verdicts, counted and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from harness.model.result import FlowResult, RunResult, ScenarioResult, StepResult, Verdict

# The order in which people want to hear of them.
BY_CONCERN = (
    Verdict.LEAK,
    Verdict.OUTAGE,
    Verdict.INCONCLUSIVE,
    Verdict.KNOWN,
    Verdict.MATCH,
    Verdict.IGNORED,
)
FAILURES = (Verdict.LEAK, Verdict.OUTAGE)

Tally = Mapping[Verdict, int]


def verdict_of(flow: FlowResult) -> Verdict:
    """Return the verdict of a flow that belongs to a run; one that nobody judged proves nothing."""
    return flow.judgement.verdict if flow.judgement else Verdict.INCONCLUSIVE


def count(flows: Iterable[FlowResult]) -> Tally:
    """Count the flows by verdict; absent verdicts count 0."""
    return Counter(verdict_of(flow) for flow in flows)


def of_scenario(scenario: ScenarioResult) -> Tally:
    """Count the flows of all steps by verdict."""
    return count(flow for step in scenario.steps for flow in step.flows)


def of_run(result: RunResult) -> Tally:
    """Count the flows of all scenarios by verdict."""
    return count(flow for scenario in result.scenarios for step in scenario.steps for flow in step.flows)


def is_failed(tally: Tally) -> bool:
    """Tell whether there is a LEAK or an OUTAGE."""
    return any(tally.get(verdict) for verdict in FAILURES)


def is_clean(step: StepResult) -> bool:
    """Tell whether a step needs no explaining: everything matches, is ignored, or is known to differ.

    A step that never settled is not clean, whatever its flows say.
    """
    tally = count(step.flows)
    return step.settled is not False and not is_failed(tally) and not tally.get(Verdict.INCONCLUSIVE)


def phrase(tally: Tally) -> str:
    """Say the counts in words, worst first: `2 LEAK, 22 MATCH`."""
    terms = [f"{tally[verdict]:,} {verdict}" for verdict in BY_CONCERN if tally.get(verdict)]
    return ", ".join(terms) or "no flows"


def plural(number: int, noun: str) -> str:
    """Say `1 flow`, `2 flows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def seconds(value: float | None) -> str:
    """Say a duration given in seconds as people compare them: three digits, or `?` where unknown."""
    if value is None:
        return "?"
    if value >= 100:
        return f"{value:,.0f} s"
    return f"{value:.3g} s" if value >= 0.001 else f"{value * 1e6:.0f} us" if value > 0 else "0 s"
