"""Reads runs over an open connection, inside the transaction of whoever calls.

What is not as it was written raises `ValueError`, `KeyError` or `IndexError`; the door tells it as damage.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from sqlite3 import Connection
from typing import Any, NamedTuple

from harness.model.flow import Flow
from harness.reporting.history.changes import Entry, Play
from harness.reporting.history.encoding import (
    expand,
    expand_latencies,
    expand_reasons,
    seconds,
    unpack_cluster,
    unpack_flows,
    unpack_planes,
)
from harness.reporting.history.records import Cells, RunHeader, RunRecord, ScenarioRecord, StepKey, StepRecord

_HEADERS = "SELECT id, run, started, duration_ms, revision, cluster, error, interrupted FROM runs"
_ORDER = " ORDER BY started, id"
_PLAYED = """
SELECT name, file, error, duration_ms FROM played JOIN scenarios ON scenarios.id = scenario
WHERE run = ? ORDER BY place
"""
_RESULTS = """
SELECT step, matrix, settled, barrier_ms, first_correct_ms, settle_ms, rounds, flaps, duration_ms,
    start_leaks, latencies, reasons
FROM results WHERE run = ? ORDER BY place
"""
_PLAYS = "SELECT run, step, matrix, barrier_ms, first_correct_ms, settle_ms, flaps FROM results ORDER BY run, place"
_ENDED = """
SELECT run, name FROM played JOIN scenarios ON scenarios.id = scenario
WHERE error IS NULL ORDER BY run
"""
_STEPS = "SELECT steps.id, scenarios.name, steps.name FROM steps JOIN scenarios ON scenarios.id = scenario"
_MATRIX = "SELECT flows, content FROM matrices WHERE id = ?"
_FLOWS = "SELECT content FROM flow_lists WHERE id = ?"


class Listed(NamedTuple):
    """A run of the index, and the number to read it by."""

    number: int
    header: RunHeader


@dataclass(frozen=True, slots=True)
class Timeline:
    """Every run, for comparison, in the order in which they were started."""

    numbers: tuple[int, ...]
    entries: tuple[Entry, ...]


def index(connection: Connection) -> list[Listed]:
    """Return all runs in the order in which they were started."""
    return [_listed(row) for row in connection.execute(_HEADERS + _ORDER)]


def read(connection: Connection, number: int) -> RunRecord:
    """Return one run. Raises `IndexError` where there is none of that number."""
    row = connection.execute(f"{_HEADERS} WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise IndexError(f"no run {number}")
    matrices, keys = _Matrices(connection), _step_keys(connection)
    steps: dict[str, list[StepRecord]] = {}
    for step, matrix, *values in connection.execute(_RESULTS, (number,)):
        found = _step(keys[step], matrices.find(matrix), values)
        steps.setdefault(found.key.scenario, []).append(found)
    scenarios = tuple(
        ScenarioRecord(name, file, error, seconds(duration), tuple(steps.get(name, ())))
        for name, file, error, duration in connection.execute(_PLAYED, (number,))
    )
    return RunRecord(_listed(row).header, scenarios)


def timeline(connection: Connection) -> Timeline:
    """Return every run with its matrices; what runs have in common they share."""
    runs = index(connection)
    matrices, keys = _Matrices(connection), _step_keys(connection)
    known, find = matrices.known, matrices.find
    plays: dict[int, list[Play]] = {run.number: [] for run in runs}
    for run, step, matrix, barrier, correct, settle, flaps in connection.execute(_PLAYS):
        plays[run].append(Play(keys[step], known.get(matrix) or find(matrix), barrier, correct, settle, flaps))
    ended = {
        run: frozenset(name for _, name in rows)
        for run, rows in groupby(connection.execute(_ENDED), key=lambda row: row[0])
    }
    nothing: frozenset[str] = frozenset()
    entries = tuple(
        Entry(run.header, tuple(plays[run.number]), ended.get(run.number, nothing) if run.header.is_whole else nothing)
        for run in runs
    )
    return Timeline(tuple(run.number for run in runs), entries)


class _Matrices:
    """Finds matrices by their numbers, each decoded once, when it is asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.known: dict[int, Cells] = {}
        self._flows: dict[int, tuple[Flow, ...]] = {}

    def find(self, number: int) -> Cells:
        found = self.known.get(number)
        if found is None:
            flows, content = self._connection.execute(_MATRIX, (number,)).fetchone() or _missing(f"matrix {number}")
            found = self.known[number] = unpack_planes(expand(content), self._listed(flows))
        return found

    def _listed(self, number: int) -> tuple[Flow, ...]:
        found = self._flows.get(number)
        if found is None:
            (content,) = self._connection.execute(_FLOWS, (number,)).fetchone() or _missing(f"flow list {number}")
            found = self._flows[number] = unpack_flows(expand(content))
        return found


def _missing(what: str) -> Any:
    raise IndexError(f"{what} is missing")


def _step_keys(connection: Connection) -> dict[int, StepKey]:
    return {number: StepKey(scenario, name) for number, scenario, name in connection.execute(_STEPS)}


def _listed(row: Iterable[Any]) -> Listed:
    number, run, started, duration, revision, cluster, error, interrupted = row
    facts = unpack_cluster(cluster)
    return Listed(number, RunHeader(run, started, seconds(duration), revision, facts, error, bool(interrupted)))


def _step(key: StepKey, cells: Cells, values: list[Any]) -> StepRecord:
    settled, barrier, correct, settle, rounds, flaps, duration, leaks, latencies, reasons = values
    return StepRecord(
        key,
        cells,
        None if settled is None else bool(settled),
        seconds(barrier),
        seconds(correct),
        seconds(settle),
        rounds,
        flaps,
        seconds(duration),
        leaks,
        expand_latencies(latencies, len(cells.flows)),
        expand_reasons(reasons),
    )
