"""GitLab's code quality report: each finding at the line of its rule, in the changes of a merge request.

The subset of Code Climate's format that GitLab reads. A finding keeps its fingerprint from run to run, so
that a merge request shows what is new and what is mended.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from harness.errors import SourceLocation
from harness.model.result import RunResult, Verdict
from harness.reporting.findings import Finding, findings
from harness.reporting.text import printable

_TIME = re.compile(r"[0-9]+\.[0-9]+")  # how long an answer took differs from run to run
_SEVERITIES = {Verdict.LEAK: "critical", Verdict.OUTAGE: "major"}


def render(result: RunResult) -> str:
    """Return a JSON list, empty where nothing needs a look; what is about the whole run has no line to stand at."""
    taken: set[str] = set()
    issues = [_issue(finding, finding.at, taken) for finding in findings(result) if finding.at]
    return json.dumps(issues, indent=1) + "\n"


def _issue(finding: Finding, at: SourceLocation, taken: set[str]) -> dict[str, Any]:
    return {
        "description": f"{finding.title}: {'; '.join(finding.lines)}",
        "check_name": f"netpol-harness/{finding.verdict}",
        "severity": _SEVERITIES.get(finding.verdict, "minor"),
        "fingerprint": _fingerprint(finding, taken),
        "location": {"path": printable(at.file), "lines": {"begin": at.line}},
    }


def _fingerprint(finding: Finding, taken: set[str]) -> str:
    """Hash what a finding is about; equal ones are counted, since GitLab drops the second of a kind."""
    about = _TIME.sub("#", "\n".join([str(finding.verdict), str(finding.at), finding.title, *finding.lines]))
    number = 0
    while (found := hashlib.sha256(f"{about}\n{number}".encode("utf-8", "surrogatepass")).hexdigest()) in taken:
        number += 1
    taken.add(found)
    return found
