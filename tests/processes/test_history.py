"""A history under several processes: writers side by side, and one that is killed in the middle."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.synchronize import Event
from pathlib import Path

from harness.reporting.history.rescue import keep
from harness.reporting.history.store import open_history
from harness.reporting.history.writing import write
from tests.unit.history.nights import night

# Started afresh: a process that is forked would share the test runner's threads and open files.
START = multiprocessing.get_context("spawn")
WRITERS, EACH = 4, 5


def add(path: Path, first: int) -> None:
    """Keep a few runs, each as a run of its own does."""
    for number in range(first, first + EACH):
        kept = keep(night(number, "ML"), path, busy_s=60)
        assert kept.fault is None, kept.fault


def hang(path: Path, written: Event) -> None:
    """Write a run and never come to the end of its transaction."""
    with open_history(path, create=True) as history:
        connection = history._connection
        connection.execute("PRAGMA cache_spill = 1")
        connection.execute("BEGIN IMMEDIATE")
        write(connection, night(1, "LL"))
        written.set()
        signal.pause()


def test_writers_side_by_side_lose_nothing(tmp_path: Path) -> None:
    """Several processes make the file and write to it at once, and every run of each of them is in it."""
    path = tmp_path / "runs.db"
    writers = [START.Process(target=add, args=(path, number * EACH)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)

    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    with open_history(path) as history:
        found = [history.read(each.number) for each in history.index()]
    assert found == [night(number, "ML") for number in range(WRITERS * EACH)]
    assert [each.name for each in tmp_path.iterdir()] == ["runs.db"]


def test_a_writer_that_is_killed_leaves_what_was_there(tmp_path: Path) -> None:
    """After SIGKILL in the middle of a run the earlier runs are there, the half one is not, and more can be written."""
    path = tmp_path / "runs.db"
    keep(night(0, "MM"), path)
    written = START.Event()
    writer = START.Process(target=hang, args=(path, written))
    writer.start()
    assert written.wait(60)
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join(60)

    assert writer.exitcode == -signal.SIGKILL
    with open_history(path) as history:
        assert [each.header.run for each in history.index()] == ["000000"]
    assert keep(night(2, "MM"), path).fault is None
    with open_history(path) as history:
        assert [history.read(each.number) for each in history.index()] == [night(0, "MM"), night(2, "MM")]
