"""The errors people see: where it is, what is wrong, and what to do about it.

Lowest layer: imports nothing of the project. Every error that crosses a package
boundary is a `HarnessError`; a library's own exception is chained as its cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit status of every command (design section 7)."""

    MATCH = 0
    MISMATCH = 1
    BAD_INPUT = 2
    INCONCLUSIVE = 3
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True, order=True)
class SourceLocation:
    """A place in a file; `line` and `column` count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of an input file.

    `subject` says which part of the file (`steps.0.apply`), `fault` what is wrong and
    what was expected, `remedy` what to type instead (or None), `source_line` the text at `location`.
    """

    location: SourceLocation
    subject: str
    fault: str
    remedy: str | None = None
    source_line: str | None = None

    def __str__(self) -> str:
        head = f"{self.location}: {self.subject}: {self.fault}" if self.subject else f"{self.location}: {self.fault}"
        lines = [head]
        if self.source_line is not None:
            shown, column = _excerpt(self.source_line, self.location.column)
            lines += [f"    {shown}", f"    {' ' * (column - 1)}^"]
        if self.remedy:
            lines.append(f"    {self.remedy}")
        return "\n".join(lines)


def _excerpt(line: str, column: int, width: int = 100) -> tuple[str, int]:
    """Return a printable part of `line` around `column`, and the column's place in it."""
    start = max(0, column - 1 - width // 2) if column > width - 10 else 0
    # Control characters of a hostile file must not reach a terminal; nor is a line of a megabyte read through.
    shown = "".join(char if char.isprintable() else " " for char in line.rstrip("\n")[start : start + width])
    return shown, column - start


class HarnessError(Exception):
    """Base of all errors that are reported without a traceback."""

    exit_code: ExitCode = ExitCode.INCONCLUSIVE

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n    {self.remedy}" if self.remedy else text


class ScenarioError(HarnessError):
    """The input is wrong; carries every problem found, ordered by position."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(problems, key=lambda problem: problem.location))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(HarnessError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = ExitCode.BAD_INPUT


class ClusterError(HarnessError):
    """A cluster could not be asked, or could not do what it was asked; never a verdict."""


class EnvironmentMissingError(ClusterError):
    """The machine lacks what a cluster needs (a program, a privilege, a kernel feature)."""


class NotEnforcedError(ClusterError):
    """The canary policy had no effect: nothing that this cluster shows is evidence."""


class PreflightError(ClusterError):
    """What was looked at before the run says that it could not mean anything; tells all of it."""


class InterruptedRunError(HarnessError):
    """Someone asked the run to stop; everything brought up is taken down on the way out."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted")


class ProbeError(HarnessError):
    """An agent or its channel failed; becomes an INCONCLUSIVE, never a verdict."""


class ChannelClosedError(ProbeError):
    """The channel to an agent ended; says why as far as it is known."""
