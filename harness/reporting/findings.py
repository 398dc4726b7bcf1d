"""What needs a look, each at the line of the scenario that it is about: flows of one cause are one finding.

Pure. For hosts that mark lines of a change; every text is printable and on one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import SourceLocation
from harness.model.result import RunResult, ScenarioResult, StepResult, Verdict
from harness.reporting.causes import Cause, causes
from harness.reporting.failures import NEEDS_EXPLAINING, shape
from harness.reporting.grouping import bundles
from harness.reporting.tally import BY_CONCERN, plural
from harness.reporting.text import clipped, first_line, printable

_MOST_BUNDLES = 5
_WIDTH = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """`at` None: it is about the run as a whole. `lines` is at least one."""

    verdict: Verdict
    at: SourceLocation | None
    title: str
    lines: tuple[str, ...]


def findings(result: RunResult) -> list[Finding]:
    """Return everything that failed or lacks proof, worst first; empty where nothing needs a look."""
    return sorted(_findings(result), key=lambda finding: BY_CONCERN.index(finding.verdict))


def _findings(result: RunResult) -> Iterator[Finding]:
    if result.error is not None:
        text = (clipped(printable(first_line(result.error)), _WIDTH) or "no reason was given",)
        yield Finding(Verdict.INCONCLUSIVE, None, "the run was stopped", text)
    for scenario in result.scenarios:
        for step in scenario.steps:
            for cause in causes(step.flows, NEEDS_EXPLAINING):
                # What a scenario's death left untried is told once, with the death.
                if scenario.error is None or any(flow.observed for flow in cause.results):
                    yield _of_cause(scenario, step, cause)
        if scenario.error is not None:
            text = (clipped(printable(first_line(scenario.error)), _WIDTH) or "no reason was given",)
            at = SourceLocation(scenario.file, 1, 1)
            yield Finding(Verdict.INCONCLUSIVE, at, f"{scenario.name} did not come to its end", text)


def _of_cause(scenario: ScenarioResult, step: StepResult, cause: Cause) -> Finding:
    shapes = bundles(cause.flows)
    lines = [f"{scenario.name} / {step.name}: {cause.why}", *(shape(bundle) for bundle in shapes[:_MOST_BUNDLES])]
    if len(shapes) > _MOST_BUNDLES:
        lines.append(f"and {plural(sum(bundle.flows for bundle in shapes[_MOST_BUNDLES:]), 'more flow')}")
    return Finding(
        cause.verdict,
        cause.first.declared.location if cause.first.declared else step.location,
        f"{cause.verdict}: {plural(len(cause.results), 'flow')}",
        tuple(clipped(printable(line), _WIDTH) for line in lines),
    )
