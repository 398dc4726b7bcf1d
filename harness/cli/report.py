"""Reports from result documents, without a cluster: `report merge` puts shards together, `report render` shows one."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.cli import reports
from harness.cli.ci_job import hushed
from harness.cli.screen import has_colour, say, tell, width
from harness.errors import ExitCode, HarnessError, UsageError
from harness.model.result import RunResult
from harness.reporting import terminal
from harness.reporting.merging import Part, merge
from harness.reporting.outcome import exit_code
from harness.reporting.reading import parse


def report_merge(options: Namespace) -> ExitCode:
    """Merge result documents, report on the whole, and end as the run would have.

    Documents that cannot be read are all told; the reports are written from the others, say what is
    missing, and the exit code is that of wrong input.
    """
    reports.check(options)
    parts, broken = _load(options.documents)
    if not parts:
        raise UsageError("\n".join(broken))
    whole, faults = merge(parts)
    if broken:
        lost = "\n".join(f"not read: {text.splitlines()[0]}" for text in broken)
        whole = _with_error(whole, lost)
    problems = [*broken, *faults]
    for problem in problems:
        tell(f"{problem}\n")
    if faults:
        tell("nothing was written: these are not the parts of one run\n")
        return ExitCode.BAD_INPUT
    _show(options, terminal.render_summary(whole, **_look(options)))
    reports.hand_over(options, whole)
    return ExitCode.BAD_INPUT if problems else exit_code(whole)


def report_render(options: Namespace) -> ExitCode:
    """Show the report of one result document as the run did, and write others from it."""
    reports.check(options)
    parts, broken = _load([options.document])
    if broken:
        raise UsageError("\n".join(broken))
    result = parts[0].result
    _show(options, terminal.render(result, verbose=options.verbose, **_look(options)))
    reports.hand_over(options, result)
    return exit_code(result)


def _load(paths: Sequence[str]) -> tuple[list[Part], list[str]]:
    """Read every document; what cannot be read is told, not raised, so that all faults are known at once."""
    parts: list[Part] = []
    broken: list[str] = []
    for path in paths:
        try:
            text = Path(path).read_text(encoding="utf-8")
            parts.append(Part(path, parse(text, path)))
        except OSError as error:
            broken.append(f"{path}: cannot be read: {error.strerror or error}")
        except UnicodeDecodeError as error:
            broken.append(f"{path}: no JSON: byte {error.start + 1} is not UTF-8")
        except HarnessError as error:
            broken.append(str(error))
    return parts, broken


def _with_error(result: RunResult, error: str) -> RunResult:
    return replace(result, error="\n".join(filter(None, (result.error, error))))


def _show(options: Namespace, text: str) -> None:
    if not reports.take_stdout(options):
        with hushed(options, say):
            say(text)


def _look(options: Namespace) -> dict[str, Any]:
    return {"width": width(sys.stdout), "colour": has_colour(options.color, sys.stdout)}
