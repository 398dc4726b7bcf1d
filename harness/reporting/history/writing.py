"""Writes a run over an open connection, inside the transaction of whoever calls."""

from __future__ import annotations

from sqlite3 import Connection

from harness.reporting.history.encoding import (
    digest,
    milliseconds,
    pack_cluster,
    pack_flows,
    pack_planes,
    press,
    press_latencies,
    press_reasons,
)
from harness.reporting.history.records import Cells, RunRecord, ScenarioRecord, StepRecord

_RUN = """
INSERT OR IGNORE INTO runs (run, started, duration_ms, revision, cluster, error, interrupted)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_PLAYED = "INSERT INTO played (run, place, scenario, duration_ms, error) VALUES (?, ?, ?, ?, ?)"
_RESULT = """
INSERT INTO results (
    run, place, step, matrix, settled, barrier_ms, first_correct_ms, settle_ms, rounds, flaps, duration_ms,
    start_leaks, latencies, reasons
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def write(connection: Connection, record: RunRecord) -> bool:
    """Insert a run and what it has that no other had; False, and nothing done, where the run is there already."""
    header = record.header
    cursor = connection.execute(
        _RUN,
        (
            header.run,
            header.started,
            milliseconds(header.duration_s),
            header.commit,
            pack_cluster(header.cluster),
            header.error,
            header.interrupted,
        ),
    )
    if not cursor.rowcount:
        return False
    run = cursor.lastrowid or 0
    place = 0
    for number, scenario in enumerate(record.scenarios):
        known = _scenario(connection, scenario)
        values = (run, number, known, milliseconds(scenario.duration_s), scenario.error)
        connection.execute(_PLAYED, values)
        for step in scenario.steps:
            connection.execute(_RESULT, _result(connection, run, place, known, step))
            place += 1
    return True


def _result(connection: Connection, run: int, place: int, scenario: int, step: StepRecord) -> tuple[object, ...]:
    return (
        run,
        place,
        _interned(connection, "steps", {"scenario": scenario, "name": step.key.step}),
        _matrix(connection, step.cells),
        step.settled,
        milliseconds(step.barrier_s),
        milliseconds(step.first_correct_s),
        milliseconds(step.settle_s),
        step.rounds,
        step.flaps,
        milliseconds(step.duration_s),
        step.start_leaks,
        press_latencies(step.latencies),
        press_reasons(step.reasons),
    )


def _scenario(connection: Connection, scenario: ScenarioRecord) -> int:
    return _interned(connection, "scenarios", {"name": scenario.name, "file": scenario.file})


def _matrix(connection: Connection, cells: Cells) -> int:
    flows, planes = pack_flows(cells.flows), pack_planes(cells)
    # The flows are part of what makes a matrix: the same letters over other flows are another one.
    key = digest(digest(flows) + planes)
    found = connection.execute("SELECT id FROM matrices WHERE digest = ?", (key,)).fetchone()
    if found:
        return int(found[0])
    listed = connection.execute("SELECT id FROM flow_lists WHERE digest = ?", (digest(flows),)).fetchone()
    place = (
        listed[0] if listed else _insert(connection, "flow_lists", {"digest": digest(flows), "content": press(flows)})
    )
    return _insert(connection, "matrices", {"flows": place, "digest": key, "content": press(planes)})


def _interned(connection: Connection, table: str, row: dict[str, object]) -> int:
    """Return the id of a row of names, put there if it is new."""
    condition = " AND ".join(f"{column} = ?" for column in row)
    found = connection.execute(f"SELECT id FROM {table} WHERE {condition}", tuple(row.values())).fetchone()  # noqa: S608 - our own names
    return int(found[0]) if found else _insert(connection, table, row)


def _insert(connection: Connection, table: str, row: dict[str, object]) -> int:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    cursor = connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))  # noqa: S608 - our own names
    return cursor.lastrowid or 0
