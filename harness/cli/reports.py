"""Writes the reports that the command line asks for: checked before the run, whole or not at all after it."""

from __future__ import annotations

import os
import stat
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from harness.cli import history
from harness.cli.ci_job import annotate, append_summary
from harness.cli.screen import say, tell
from harness.errors import HarnessError, UsageError
from harness.model.result import RunResult
from harness.reporting.registry import REPORTS, renderer

_STDOUT = "-"


def wanted(options: Namespace) -> Mapping[str, str]:
    """Return the reports that were asked for, each with its target."""
    return {name: target for name in REPORTS if (target := getattr(options, name, None))}


def take_stdout(options: Namespace) -> bool:
    """Tell whether standard output belongs to a report, so that nothing else may be written there."""
    return _STDOUT in wanted(options).values()


def check(options: Namespace) -> None:
    """Raise `UsageError` with all that is wrong with the targets now, rather than lose a result after the run."""
    faults = []
    taken: dict[Path | str, str] = {}
    for name, target in wanted(options).items():
        place = target if target == _STDOUT else Path(os.path.realpath(target))
        if place in taken:
            where = "standard output" if target == _STDOUT else target
            faults.append(f"--{name} {target}: {where} is taken by --{taken[place]}")
        taken.setdefault(place, name)
        if target != _STDOUT and (fault := _unwritable(Path(target))):
            faults.append(f"--{name} {target}: cannot be written: {fault}")
    if kept_in := _history(options):
        try:
            history.check(kept_in)
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
        if kept_in := _history(options):
            history.keep_run(kept_in, result)


def write(options: Namespace, result: RunResult) -> None:
    """Write every report; one that fails does not keep the others from being written.

    Raises `HarnessError` with every fault, after the last one.
    """
    faults: list[str] = []
    for name, target in wanted(options).items():
        try:
            text = renderer(name)(result)
            if target == _STDOUT:
                say(text)
            else:
                _replace(Path(os.path.realpath(target)), text)
        except OSError as error:
            faults.append(f"--{name} {target}: {error.strerror or error}")
        except ImportError as error:
            faults.append(f"--{name} {target}: {error}; install what is missing")
    if faults:
        raise HarnessError(
            "\n".join(faults), remedy="the run itself is over; write them from `--json` by `report render`"
        )


def _history(options: Namespace) -> Path | None:
    target: str | None = getattr(options, "history", None)
    return Path(target) if target else None


def _unwritable(path: Path) -> str | None:
    if path.is_dir():
        return "it is a folder"
    if path.exists():
        return None if os.access(path, os.W_OK) else "permission denied"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    return None if os.access(path.parent, os.W_OK) else f"permission denied in {path.parent}"


def _replace(path: Path, text: str) -> None:
    """Put `text` there in one go: a reader finds the old report or the new one, never half of one."""
    data = text.encode("utf-8", "backslashreplace")
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    mode = path.stat().st_mode if path.exists() else None
    if (mode is not None and not stat.S_ISREG(mode)) or not os.access(path.parent, os.W_OK):
        # A device or a pipe is written to; and so is a file in a folder that takes no new ones.
        path.write_bytes(data)
        return
    try:
        beside.write_bytes(data)
        if mode is not None:
            beside.chmod(stat.S_IMODE(mode))
        beside.replace(path)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
