"""The tables of a history file, and how a file of an older version becomes one of this version.

Pure. A new file is made by the same statements, from version 0. A version that was released is never
edited; what changes becomes one more migration. Everything that repeats from run to run is kept once: names of steps,
ordered lists of flows, whole matrices, each found again by the SHA-256 of its content.

Version 1: runs, their steps' times, and their matrices. Version 2: how long each probe took, the sentences
behind the verdicts that need one, and leaks of pods that were just started.
"""

from __future__ import annotations

# "NPHi", in the file's header, where `file` and SQLite find it: https://www.sqlite.org/pragma.html#pragma_application_id
APPLICATION_ID = 0x4E504869

_RUNS = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    started TEXT NOT NULL,
    duration_ms INTEGER,
    revision TEXT,
    cluster TEXT,  -- a JSON object: kind, emulated, cni, cni_version, kubernetes, families, notes
    error TEXT,
    interrupted INTEGER NOT NULL,
    UNIQUE (started, run)
)
"""
_SCENARIOS = """
CREATE TABLE scenarios (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    file TEXT NOT NULL,
    UNIQUE (name, file)
)
"""
_STEPS = """
CREATE TABLE steps (
    id INTEGER PRIMARY KEY,
    scenario INTEGER NOT NULL REFERENCES scenarios (id),
    name TEXT NOT NULL,
    UNIQUE (scenario, name)
)
"""
_PLAYED = """
CREATE TABLE played (
    run INTEGER NOT NULL REFERENCES runs (id),
    place INTEGER NOT NULL,
    scenario INTEGER NOT NULL REFERENCES scenarios (id),
    duration_ms INTEGER,
    error TEXT,
    PRIMARY KEY (run, place)
) WITHOUT ROWID
"""
_FLOW_LISTS = """
CREATE TABLE flow_lists (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    content BLOB NOT NULL  -- zlib: a JSON list of [source, destination, port, protocol, via, family]
)
"""
_MATRICES = """
CREATE TABLE matrices (
    id INTEGER PRIMARY KEY,
    flows INTEGER NOT NULL REFERENCES flow_lists (id),
    digest BLOB NOT NULL UNIQUE,
    content BLOB NOT NULL  -- zlib: verdicts, observed, declared, predicted; a letter a flow, see records.py
)
"""
_RESULTS = """
CREATE TABLE results (
    run INTEGER NOT NULL REFERENCES runs (id),
    place INTEGER NOT NULL,  -- among the run's steps
    step INTEGER NOT NULL REFERENCES steps (id),
    matrix INTEGER NOT NULL REFERENCES matrices (id),
    settled INTEGER,
    barrier_ms INTEGER,
    first_correct_ms INTEGER,
    settle_ms INTEGER,
    rounds INTEGER,
    flaps INTEGER,
    duration_ms INTEGER,
    PRIMARY KEY (run, place)
) WITHOUT ROWID
"""

# MIGRATIONS[n] makes version n + 1 out of version n.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (_RUNS, _SCENARIOS, _STEPS, _PLAYED, _FLOW_LISTS, _MATRICES, _RESULTS),
    (
        "ALTER TABLE results ADD COLUMN start_leaks INTEGER",
        "ALTER TABLE results ADD COLUMN latencies BLOB",  # a code a flow, see latency.py; zlib where that is shorter
        "ALTER TABLE results ADD COLUMN reasons BLOB",  # zlib: a JSON object, index of the flow -> sentence
    ),
)
VERSION = len(MIGRATIONS)
