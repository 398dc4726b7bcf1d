"""What every part of decoding shares: the document, the problems so far, and what is in doubt."""

from __future__ import annotations

from collections.abc import Iterable

from harness.errors import SourceLocation
from harness.scenario.findings import Findings, closest, listed
from harness.scenario.names import shown
from harness.scenario.positions import Path
from harness.scenario.rule_faults import NoFlowFault, RuleFault, UnknownNameFault
from harness.scenario.schema import ScenarioFile
from harness.scenario.validation import Validated

# Rules times pods that one file may ask for: a few seconds, where honest files take milliseconds.
MAX_WORK = 20_000_000


class Context:
    """One scenario file under decoding.

    An `excused` name belongs to something whose definition was already complained of: that it is not
    there follows from that, and is no problem of its own. The doubts say the same of whole parts.
    """

    def __init__(self, validated: Validated, findings: Findings) -> None:
        self.file: ScenarioFile = validated.file
        self.document = validated.document
        self.findings = findings
        self.topology_in_doubt = validated.topology_in_doubt
        self.expectations_in_doubt = validated.expectations_in_doubt
        self._work = 0
        self.excused = set(validated.doubtful_names)

    def spend(self, path: Path, work: int) -> None:
        """Count `work`, in cells looked at; raise `ScenarioError` once it is more than any honest file needs."""
        self._work += work
        if self._work > MAX_WORK:
            self.report(path, "the rules up to here are too many for so many flows", "fewer rules, or fewer pods")
            self.findings.fail()

    def report(
        self,
        path: Path,
        fault: str,
        remedy: str | None = None,
        *,
        key: bool = False,
        offset: tuple[int, int] | None = None,
    ) -> None:
        """Add a problem at `path` (see `Document.problem`)."""
        self.findings.add(self.document.problem(path, fault, remedy, key=key, offset=offset))

    def report_unknown(
        self,
        path: Path,
        kind: str,
        name: str,
        choices: Iterable[str],
        *,
        key: bool = False,
        offset: tuple[int, int] | None = None,
    ) -> None:
        """Add the problem that there is no `kind` called `name`, unless its own definition was faulty."""
        if name in self.excused:
            return
        known = tuple(choices)
        self.report(
            path,
            f"no {kind} {shown(name)}; there are: {listed(known)}",
            closest(name, known),
            key=key,
            offset=offset,
        )

    def report_rule(self, path: Path, fault: RuleFault, offset: tuple[int, int] = (0, 0)) -> None:
        """Add the problem of a rule, unless it may follow from one that was already reported.

        `offset` is where the rule begins in the text at `path`.
        """
        if isinstance(fault, UnknownNameFault) and fault.name in self.excused:
            return
        if isinstance(fault, NoFlowFault) and self.topology_in_doubt:
            return
        line, column = offset
        self.report(path, fault.fault, fault.remedy, offset=(line, column + fault.column))

    def locate(self, path: Path, offset: tuple[int, int] | None = None) -> SourceLocation:
        """Return the place of `path` in the file."""
        return self.document.locate(path, offset=offset)
