"""Workflow commands of GitHub Actions that put each finding at the line of the scenario that it is about.

Pure. Flows of one cause share an annotation. GitHub shows ten of a kind for a step and drops the
others without a word, so the last line counts what was left out.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.model.result import RunResult, Verdict
from harness.reporting.findings import Finding, findings
from harness.reporting.tally import plural
from harness.reporting.text import printable

_MOST = 10


def render(result: RunResult, place: Callable[[str], str] = str) -> str:
    """Return the commands, a line each, worst first; empty where nothing needs a look.

    `place` makes of a scenario's file the path from the repository's root, which is what GitHub wants.
    """
    found = findings(result)
    lines = [_command(finding, place) for finding in found[:_MOST]]
    if len(found) > _MOST:
        more = plural(len(found) - _MOST, "more finding")
        lines.append(
            f"::notice title={_property('netpol-harness')}::{_data(f'{more}: see the job summary or the log')}"
        )
    return "".join(f"{line}\n" for line in lines)


def _command(finding: Finding, place: Callable[[str], str]) -> str:
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
