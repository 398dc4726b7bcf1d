"""Writes the reports that the command line asks for: checked before the run, whole or not at all after it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.cli.ci_job import annotate, append_summary
from harness.cli.screen import say, tell
from harness.errors import HarnessError, UsageError
from harness.model.result import RunResult
from harness.reporting import files
from harness.reporting.registry import REPORTS


def wanted(options: Namespace) -> Mapping[str, str]:
    """Return the reports that were asked for, each with its target."""
    return {name: target for name in REPORTS if (target := getattr(options, name, None))}


def take_stdout(options: Namespace) -> bool:
    """Tell whether standard output belongs to a report, so that nothing else may be written there."""
    return files.STDOUT in wanted(options).values()


def check(options: Namespace) -> None:
    """Raise `UsageError` with all that is wrong with the targets now, rather than lose a result after the run."""
    chosen = wanted(options)
    to_stdout = [f"--{name}" for name, target in chosen.items() if target == files.STDOUT]
    faults = [f"{name} -: standard output is taken by {to_stdout[0]}" for name in to_stdout[1:]]
    faults += files.clashes(files.in_files(chosen), "--")
    if kept_in := _history(options):
        try:
            if obstacle := files.check_history(kept_in, "--"):
                tell(obstacle + "\n")
        except HarnessError as error:
            faults.append(str(error))
    if faults:
        raise UsageError("\n".join(faults), remedy="name files of their own, in folders that exist")


def beside(options: Namespace) -> Callable[[str], None]:
    """Return what writes lines that belong to no report: to standard output, unless a report is there."""
    return tell if take_stdout(options) else say


def hand_over(options: Namespace, result: RunResult) -> None:
    """Give a result to everybody who asked: the CI job's summary, annotations, files, and the history.

    Raises `HarnessError` with every file that could not be written, when all is done.
    """
    append_summary(options, result)
    annotate(options, result, beside(options))
    try:
        write(options, result)
    finally:
        if (kept_in := _history(options)) and (fault := files.keep_in_history(result, kept_in, "--")):
            tell(fault + "\n")


def write(options: Namespace, result: RunResult) -> None:
    """Write every report; one that fails does not keep the others from being written.

    Raises `HarnessError` with every fault, after the last one.
    """
    faults = files.write(result, wanted(options), "--", _put)
    if faults:
        raise HarnessError(
            "\n".join(faults), remedy="the run itself is over; write them from `--json` by `report render`"
        )


def _put(target: str, text: str) -> None:
    if target == files.STDOUT:
        say(text)
    else:
        files.put(target, text)


def _history(options: Namespace) -> Path | None:
    target: str | None = getattr(options, "history", None)
    return Path(target) if target else None
