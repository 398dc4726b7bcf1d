"""Puts a run into a history, or beside it where that cannot be written: no run is lost in silence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from harness.reporting.history.faults import HistoryError
from harness.reporting.history.records import RunRecord
from harness.reporting.history.store import BUSY_S, open_history

_UNSAFE = re.compile(r"[^A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a run is, and what kept it from being in the history itself."""

    path: Path
    fault: HistoryError | None = None


def keep(record: RunRecord, path: Path, *, busy_s: float = BUSY_S) -> Kept:
    """Write a run into the history at `path`; where that fails, into a new file beside it, named after the run.

    Raises `HistoryError` where neither can be written.
    """
    try:
        _append(record, path, busy_s)
    except HistoryError as fault:
        beside = _beside(record, path)
        try:
            _append(record, beside, busy_s)
        except HistoryError as second:
            remedy = "the run is in no history; what --json wrote can be added later: netpol-harness history FILE --add"
            raise HistoryError(f"{fault.what}; and {second}", where=str(path), remedy=remedy) from second
        return Kept(beside, fault)
    return Kept(path)


def _append(record: RunRecord, path: Path, busy_s: float) -> None:
    with open_history(path, create=True, busy_s=busy_s) as history:
        history.append(record)


def _beside(record: RunRecord, path: Path) -> Path:
    name = _UNSAFE.sub("", record.header.run)[:40] or "run"
    for number in count():
        candidate = path.with_name(f"{path.name}.{name}{f'-{number}' if number else ''}.db")
        if not candidate.exists():
            return candidate
    raise AssertionError
