"""A history file: what is written is read, and nothing that is wrong with a file goes unsaid or is made worse."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.model.flow import Family
from harness.model.result import ClusterFacts, RunResult
from harness.reporting.history.changes import entry
from harness.reporting.history.faults import HistoryBusyError, HistoryError
from harness.reporting.history.records import RunRecord, record
from harness.reporting.history.rescue import keep
from harness.reporting.history.schema import APPLICATION_ID, MIGRATIONS, VERSION
from harness.reporting.history.store import History, open_history
from tests.unit.history.nights import cells, night
from tests.unit.reporting.strategies import TEXTS, runs

FACTS = st.none() | st.builds(
    ClusterFacts,
    TEXTS,
    st.booleans(),
    st.none() | TEXTS,
    st.none() | TEXTS,
    st.none() | TEXTS,
    st.sets(st.sampled_from(Family)).map(tuple),
    st.lists(TEXTS, max_size=2).map(tuple),
)


def read_all(history: History) -> list[RunRecord]:
    """Read every run there is."""
    return [history.read(each.number) for each in history.index()]


def kept(path: Path) -> list[RunRecord]:
    """Open a file and read every run in it."""
    with open_history(path) as history:
        return read_all(history)


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as anybody can."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.builds(replace, runs(), cluster=FACTS, commit=st.none() | TEXTS), min_size=1, max_size=2))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, results: list[RunResult]) -> None:
    """Any run, of any names and texts, comes back as it was kept, alone and for comparison."""
    path = tmp_path_factory.mktemp("history") / "runs.db"
    written = [record(replace(result, run=f"{number}{result.run}")) for number, result in enumerate(results)]
    with open_history(path, create=True) as history:
        assert [history.append(each) for each in written] == [True] * len(written)
        assert read_all(history) == written
        assert list(history.timeline().entries) == [entry(each) for each in written]


def test_runs_are_in_the_order_of_their_starts(tmp_path: Path) -> None:
    """A run that was added late stands where it belongs."""
    path = tmp_path / "runs.db"
    for number in (2, 0, 1):
        keep(night(number, "M"), path)

    assert [each.header.run for each in kept(path)] == ["000000", "000001", "000002"]


def test_a_run_is_kept_once(tmp_path: Path) -> None:
    """The same run, told by its id and its start, is not written again; another start makes another run."""
    with open_history(tmp_path / "runs.db", create=True) as history:
        first = night(0, "M")
        other = replace(first, header=replace(first.header, started="2026-12-01T02:00:00Z"))
        assert [history.append(first), history.append(first), history.append(other)] == [True, False, True]
        assert read_all(history) == [first, other]


def test_what_repeats_is_stored_once(tmp_path: Path) -> None:
    """A hundred nights that saw the same share one matrix and one list of flows."""
    path = tmp_path / "runs.db"
    with open_history(path, create=True) as history:
        for number in range(20):
            history.append(night(number, "MMLM"))
        shared = {id(play.cells) for each in history.timeline().entries for play in each.plays}
    with raw(path) as connection:
        stored = connection.execute(
            "SELECT (SELECT count(*) FROM matrices), (SELECT count(*) FROM flow_lists)"
        ).fetchone()

    assert (len(shared), stored) == (1, (1, 1))


def test_equal_letters_over_other_flows_are_another_matrix(tmp_path: Path) -> None:
    """What is found again by its content is found by all of it."""
    written = [night(0, {"shop": cells("ML", "ab")}), night(1, {"shop": cells("ML", "cd")})]
    for each in written:
        keep(each, tmp_path / "runs.db")

    assert kept(tmp_path / "runs.db") == written


def test_a_name_with_odd_characters_is_only_a_name(tmp_path: Path) -> None:
    """A path that would mean something in a URI is taken as it is."""
    path = tmp_path / "50% of #runs?mode=memory.db"
    keep(night(0, "M"), path)

    assert (path.exists(), kept(path)) == (True, [night(0, "M")])


# -- versions ----------------------------------------------------------------------------


def old_file(path: Path) -> None:
    """Write a file as version 1 of the format did, with one run."""
    keep(night(0, "ML"), path.with_name("new.db"))
    with raw(path) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("ATTACH ? AS new", (str(path.with_name("new.db")),))
        for (table,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")  # noqa: S608
        connection.execute(f"PRAGMA main.application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA main.user_version = 1")


@pytest.mark.parametrize("create", [False, True], ids=["to read", "to write"])
def test_a_file_of_an_older_version_becomes_one_of_this_version(tmp_path: Path, *, create: bool) -> None:
    """Every run of it is still there, what it never knew is unknown, and new runs are written into it."""
    path = tmp_path / "old.db"
    old_file(path)
    with open_history(path, create=create) as history:
        found = read_all(history)
        assert history.append(night(1, "MM"))
    step = replace(night(0, "ML").scenarios[0].steps[0], start_leaks=None, latencies=bytes(2), reasons={})
    first = night(0, "ML")
    with raw(path) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]

    assert found == [replace(first, scenarios=(replace(first.scenarios[0], steps=(step,)),))]
    assert (version, len(kept(path))) == (VERSION, 2)


def test_a_migration_that_fails_leaves_the_old_version_whole(tmp_path: Path) -> None:
    """All of a migration is kept or nothing: here its last statement meets a column that is there already."""
    path = tmp_path / "old.db"
    old_file(path)
    with raw(path) as connection:
        connection.execute("ALTER TABLE results ADD COLUMN reasons BLOB")
    with pytest.raises(HistoryError), open_history(path):
        pass
    with raw(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(results)")]
        version = connection.execute("PRAGMA user_version").fetchone()[0]

    assert (version, "start_leaks" in columns, "latencies" in columns) == (1, False, False)


def refusal(path: Path) -> str:
    """Say why a file is refused, having seen that it is left as it was, to read and to write."""
    before = path.read_bytes()
    texts = []
    for create in (False, True):
        with pytest.raises(HistoryError) as caught, open_history(path, create=create):
            pass
        texts.append(str(caught.value))
    assert path.read_bytes() == before
    assert texts[0] == texts[1]
    return texts[0].replace(str(path), "FILE")


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """Nobody reads what they cannot know, and nobody writes into it."""
    path = tmp_path / "runs.db"
    keep(night(0, "M"), path)
    with raw(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 5}")

    assert refusal(path).startswith(
        "FILE: a newer netpol-harness wrote it: version 7 of the format; this one knows 2\n"
    )


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """A file that only happens to be SQLite's gets no tables of ours."""
    path = tmp_path / "cookies.db"
    with raw(path) as connection:
        connection.execute("CREATE TABLE cookies (name TEXT)")

    assert refusal(path).startswith("FILE: it is an SQLite database of another program\n")


@pytest.mark.parametrize("content", [b"{}", b"not a database, and longer than the header of one\n" * 40])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    """Naming the wrong file costs nothing."""
    path = tmp_path / "result.json"
    path.write_bytes(content)

    assert refusal(path).startswith("FILE: it is ")


# -- damage ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a history of a few runs."""
    path = tmp_path_factory.mktemp("whole") / "runs.db"
    for number in range(6):
        keep(night(number, "ML?K"[number % 4] * 8), path)
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999])
def test_a_truncated_file_is_refused_and_kept(tmp_path: Path, whole: bytes, share: float) -> None:
    """Wherever a file was cut, in a page or between two, that is said, and what is left of it is not touched."""
    path = tmp_path / "runs.db"
    path.write_bytes(whole[: max(1, int(len(whole) * share))])

    assert refusal(path).startswith("FILE: it is ")


@pytest.mark.parametrize("pages", [1, 2, 5, -1])
def test_a_file_cut_between_pages_is_refused(tmp_path: Path, whole: bytes, pages: int) -> None:
    """A whole number of pages is not yet a whole file."""
    path = tmp_path / "runs.db"
    path.write_bytes(whole[: 4096 * pages] if pages > 0 else whole[:-4096])

    assert "it is damaged, and is left as it is" in refusal(path)


def test_a_page_of_noise_is_damage(tmp_path: Path, whole: bytes) -> None:
    """A page that was overwritten is noticed before anything is read from it."""
    path = tmp_path / "runs.db"
    path.write_bytes(whole[:8192] + b"\xa5" * 4096 + whole[12288:])

    assert "it is damaged, and is left as it is" in refusal(path)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE matrices SET content = x'00ff'",
        "UPDATE matrices SET content = (SELECT content FROM flow_lists)",
        "UPDATE flow_lists SET content = x'789c030000000001'",
        "UPDATE runs SET cluster = '{}'",
        "UPDATE runs SET cluster = 'kind'",
        "PRAGMA foreign_keys = OFF; DELETE FROM matrices",
        "PRAGMA foreign_keys = OFF; DELETE FROM steps",
    ],
)
def test_content_that_was_changed_is_no_verdict(tmp_path: Path, change: str) -> None:
    """A sound file with unsound content raises a sentence when it is read; it never gives a matrix."""
    path = tmp_path / "runs.db"
    keep(night(0, "ML"), path)
    with raw(path) as connection:
        connection.executescript(change)
    with open_history(path) as history:
        for read in (lambda: read_all(history), history.timeline):
            with pytest.raises(HistoryError, match="it is damaged, and is left as it is"):
                read()


@pytest.mark.parametrize("what", ["damaged", "newer", "folder"])
def test_a_run_that_its_history_cannot_take_is_kept_beside_it(tmp_path: Path, whole: bytes, what: str) -> None:
    """The run is in a new history, whose name and reason are told; a second run gets a file of its own."""
    path = tmp_path / "runs.db"
    if what == "folder":
        path.mkdir()
    else:
        path.write_bytes(whole[:5000] if what == "damaged" else whole)
    if what == "newer":
        with raw(path) as connection:
            connection.execute("PRAGMA user_version = 99")
    found = [keep(night(0, "M"), path) for _ in range(2)]

    assert [each.path.name for each in found] == ["runs.db.000000.db", "runs.db.000000-1.db"]
    assert [kept(each.path) for each in found] == [[night(0, "M")]] * 2
    assert all(each.fault is not None and str(path) in str(each.fault) for each in found)


def test_a_run_whose_id_is_a_path_is_kept_in_the_same_folder(tmp_path: Path) -> None:
    """The id of a run that was read from a document names no place."""
    path = tmp_path / "runs.db"
    path.mkdir()
    run = night(0, "M")
    found = keep(replace(run, header=replace(run.header, run="../../etc/x")), path)

    assert found.path == tmp_path / "runs.db.etcx.db"


def test_where_nothing_can_be_written_both_reasons_are_told(tmp_path: Path) -> None:
    """A run that is lost is lost aloud."""
    with pytest.raises(HistoryError) as caught:
        keep(night(0, "M"), tmp_path / "no-such-folder" / "runs.db")

    assert str(caught.value).count("it cannot be opened") == 2
    assert "the run is in no history" in str(caught.value)


def test_a_full_disk_loses_nothing_that_was_there(tmp_path: Path) -> None:
    """A write that does not fit is told, and the file is as it was before it."""
    path = tmp_path / "runs.db"
    keep(night(0, "M"), path)
    many = replace(
        night(1, "M"), scenarios=tuple(night(1, {f"s{at}": cells("MLOK")}).scenarios[0] for at in range(400))
    )
    with open_history(path, create=True) as history:
        pages = history._connection.execute("PRAGMA page_count").fetchone()[0]
        history._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(HistoryBusyError, match="the disk is full"):
            history.append(many)
        assert read_all(history) == [night(0, "M")]


def test_a_file_that_is_locked_is_waited_for_and_then_told(tmp_path: Path) -> None:
    """Whoever holds the lock too long is named as the reason, and the run goes beside."""
    path = tmp_path / "runs.db"
    keep(night(0, "M"), path)
    with raw(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        found = keep(night(1, "M"), path, busy_s=0.01)
        connection.execute("ROLLBACK")

    assert found.path.name == "runs.db.000001.db"
    assert "another process holds it" in str(found.fault)


def test_a_reader_sees_one_state_while_others_write(tmp_path: Path) -> None:
    """Runs that come while a history is read neither disturb the reader nor wait for it."""
    path = tmp_path / "runs.db"
    keep(night(0, "M"), path)
    with open_history(path) as reader, reader._reading():
        before = reader._connection.execute("SELECT count(*) FROM runs").fetchone()
        assert keep(night(1, "M"), path, busy_s=0.01).fault is None
        assert reader._connection.execute("SELECT count(*) FROM runs").fetchone() == before

    assert len(kept(path)) == 2


def test_there_must_be_a_history_to_read(tmp_path: Path) -> None:
    """A name that was mistyped makes no file."""
    path = tmp_path / "runs.db"
    with pytest.raises(HistoryError, match="there is no such history"), open_history(path):
        pass

    assert not path.exists()


def test_a_run_without_a_cluster_is_kept_too(tmp_path: Path) -> None:
    """A run that died before it had a cluster is part of the history."""
    run = night(0, {}, facts=None)
    keep(run, tmp_path / "runs.db")

    assert kept(tmp_path / "runs.db") == [run]
