"""Workflow commands of GitHub Actions that put each finding at the line of the scenario that it is about.

Pure. Flows of one cause share an annotation. GitHub shows ten of a kind for a step and drops the
others without a word, so the last line counts what was left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.errors import SourceLocation
from harness.model.result import RunResult, ScenarioResult, StepResult, Verdict
from harness.reporting.causes import Cause, causes
from harness.reporting.failures import NEEDS_EXPLAINING, shape
from harness.reporting.grouping import bundles
from harness.reporting.tally import BY_CONCERN, plural
from harness.reporting.text import clipped, first_line, printable

_MOST = 10
_MOST_BUNDLES = 5
_WIDTH = 600


@dataclass(frozen=True, slots=True)
class _Finding:
    verdict: Verdict
    at: SourceLocation | None
    title: str
    lines: tuple[str, ...]


def render(result: RunResult, place: Callable[[str], str] = str) -> str:
    """Return the commands, a line each, worst first; empty where nothing needs a look.

    `place` makes of a scenario's file the path from the repository's root, which is what GitHub wants.
    """
    found = sorted(_findings(result), key=lambda finding: BY_CONCERN.index(finding.verdict))
    lines = [_command(finding, place) for finding in found[:_MOST]]
    if len(found) > _MOST:
        more = plural(len(found) - _MOST, "more finding")
        lines.append(
            f"::notice title={_property('netpol-harness')}::{_data(f'{more}: see the job summary or the log')}"
        )
    return "".join(f"{line}\n" for line in lines)


def _findings(result: RunResult) -> Iterator[_Finding]:
    if result.error is not None:
        text = (clipped(printable(first_line(result.error)), _WIDTH) or "no reason was given",)
        yield _Finding(Verdict.INCONCLUSIVE, None, "the run was stopped", text)
    for scenario in result.scenarios:
        for step in scenario.steps:
            for cause in causes(step.flows, NEEDS_EXPLAINING):
                # What a scenario's death left untried is told once, with the death.
                if scenario.error is None or any(flow.observed for flow in cause.results):
                    yield _of_cause(scenario, step, cause)
        if scenario.error is not None:
            text = (clipped(printable(first_line(scenario.error)), _WIDTH) or "no reason was given",)
            at = SourceLocation(scenario.file, 1, 1)
            yield _Finding(Verdict.INCONCLUSIVE, at, f"{scenario.name} did not come to its end", text)


def _of_cause(scenario: ScenarioResult, step: StepResult, cause: Cause) -> _Finding:
    shapes = bundles(cause.flows)
    lines = [f"{scenario.name} / {step.name}: {cause.why}", *(shape(bundle) for bundle in shapes[:_MOST_BUNDLES])]
    if len(shapes) > _MOST_BUNDLES:
        lines.append(f"and {plural(sum(bundle.flows for bundle in shapes[_MOST_BUNDLES:]), 'more flow')}")
    return _Finding(
        cause.verdict,
        cause.first.declared.location if cause.first.declared else step.location,
        f"{cause.verdict}: {plural(len(cause.results), 'flow')}",
        tuple(clipped(printable(line), _WIDTH) for line in lines),
    )


def _command(finding: _Finding, place: Callable[[str], str]) -> str:
    # Doubt is a warning: nothing is proved against the policies.
    kind = "warning" if finding.verdict is Verdict.INCONCLUSIVE else "error"
    properties = {"title": finding.title}
    if finding.at:
        at = {"file": place(finding.at.file), "line": str(finding.at.line), "col": str(finding.at.column)}
        properties = {**at, **properties}
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {told}::{_data(chr(10).join(finding.lines))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
