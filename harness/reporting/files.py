"""A result's way into files: looked at before the run, each written whole or not at all after it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from harness.errors import UsageError
from harness.model.result import RunResult
from harness.reporting.history.faults import HistoryError
from harness.reporting.history.records import record
from harness.reporting.history.rescue import keep
from harness.reporting.history.store import open_history
from harness.reporting.registry import renderer

STDOUT = "-"


def in_files(targets: Mapping[str, str]) -> Mapping[str, str]:
    """Return the targets that are files: all but standard output."""
    return {name: target for name, target in targets.items() if target != STDOUT}


def unwritable(target: Path) -> str | None:
    """Say why a report cannot be written there, None if it can as far as can be told beforehand."""
    if target.is_dir():
        return "it is a folder"
    if target.exists():
        return None if os.access(target, os.W_OK) else "permission denied"
    if not target.parent.is_dir():
        return f"there is no folder {target.parent}"
    return None if os.access(target.parent, os.W_OK) else f"permission denied in {target.parent}"


def clashes(targets: Mapping[str, str], option: str) -> list[str]:
    """Return what is wrong with the targets of reports by name; `option` is what their names have in front."""
    faults = []
    taken: dict[Path, str] = {}
    for name, target in targets.items():
        place = Path(os.path.realpath(target))
        if place in taken:
            faults.append(f"{option}{name} {target}: {target} is taken by {option}{taken[place]}")
        taken.setdefault(place, name)
        if fault := unwritable(Path(target)):
            faults.append(f"{option}{name} {target}: cannot be written: {fault}")
    return faults


def put(target: str, text: str) -> None:
    """Write a report into the file `target`, through what links to it. Raises `OSError`."""
    _replace(Path(os.path.realpath(target)), text)


def write(
    result: RunResult, targets: Mapping[str, str], option: str, put: Callable[[str, str], None] = put
) -> list[str]:
    """Write every report and return what could not be written: one that fails does not keep the others.

    `put` is called with a target and a text.
    """
    faults = []
    for name, target in targets.items():
        try:
            put(target, renderer(name)(result))
        except OSError as error:
            faults.append(f"{option}{name} {target}: {error.strerror or error}")
        except ImportError as error:
            faults.append(f"{option}{name} {target}: {error}; install what is missing")
    return faults


def check_history(path: Path, option: str) -> str | None:
    """Look before a run whether its history will take it, and return what will be in the way.

    A run that its history does not take is kept beside it. Raises `UsageError` where it can be no file, and
    where there is no folder for it.
    """
    if str(path) == STDOUT:
        raise UsageError(f"{option}history {path}: standard output takes no history")
    if not path.parent.is_dir():
        raise UsageError(f"{option}history {path}: there is no folder {path.parent}")
    try:
        with open_history(path, create=True):
            return None
    except HistoryError as error:
        return f"{option}history {error}\n    the run goes on, and will be kept in a file beside it"


def keep_in_history(result: RunResult, path: Path, option: str) -> str | None:
    """Keep a run; return what went wrong, which never changes how the run ends."""
    try:
        kept = keep(record(result), path)
    except HistoryError as error:
        return f"{option}history {error}"
    if kept.fault is None:
        return None
    return (
        f"{option}history {kept.fault}\n"
        f"    this run is kept in {kept.path}; add it with: netpol-harness history FILE --add {kept.path}"
    )


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
