"""The door to a history file: open it, find it whole and of this version, or say in a sentence why not.

The only module that opens one. Several processes may read and write a file at once: write-ahead logging where the
file system has it, a lock that is waited for, and each run in one transaction, so that a writer that is killed
leaves what was there before. A file that is damaged, of another program or of a newer version is refused and never
written to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from harness.reporting.history import reading, writing
from harness.reporting.history.faults import HistoryError, damaged, told
from harness.reporting.history.records import RunRecord
from harness.reporting.history.schema import APPLICATION_ID, MIGRATIONS, VERSION

BUSY_S = 30.0


class History:
    """An open history file."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def append(self, record: RunRecord) -> bool:
        """Write one run, whole or not at all; False where the file has it already. Raises `HistoryError`."""
        with told(self.path), _transaction(self._connection):
            return writing.write(self._connection, record)

    def index(self) -> list[reading.Listed]:
        """Return all runs, in the order in which they were started. Raises `HistoryError`."""
        with self._reading():
            return reading.index(self._connection)

    def read(self, number: int) -> RunRecord:
        """Return the run with a number of the index, as it was written. Raises `HistoryError`."""
        with self._reading():
            return reading.read(self._connection, number)

    def timeline(self) -> reading.Timeline:
        """Return all runs for comparison, in the order of the index. Raises `HistoryError`."""
        with self._reading():
            return reading.timeline(self._connection)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Hold one state of the file, whatever others write, and tell what is wrong with it."""
        with told(self.path):
            self._connection.execute("BEGIN")
            try:
                yield
            except (ValueError, KeyError, IndexError) as error:
                raise damaged(self.path, f"{type(error).__name__}: {error}") from error
            finally:
                self._connection.execute("ROLLBACK")


@contextmanager
def open_history(path: Path, *, create: bool = False, busy_s: float = BUSY_S) -> Iterator[History]:
    """Yield the history in `path`, brought to this version; with `create` an empty one where there is no file.

    Raises `HistoryError`, and `HistoryBusyError` where it may be different later.
    """
    if not create and not path.exists():
        raise HistoryError(
            "there is no such history",
            where=str(path),
            remedy=f"`netpol-harness run PATH... --history {path}` begins one",
        )
    if path.is_dir():
        raise HistoryError("it is a folder", where=str(path), remedy="name a file")
    with told(path):
        connection = _readable(path, create=create, busy_s=busy_s)
    with closing(connection):
        with told(path):
            _check(path, connection)
            if _version(connection) < VERSION:
                _migrate(connection)
            if create:
                _log_ahead(connection)
        yield History(path, connection)


def _connect(path: Path, mode: str, busy_s: float) -> sqlite3.Connection:
    options = "immutable=1" if mode == "immutable" else f"mode={mode}"
    connection = sqlite3.connect(f"file:{quote(str(path))}?{options}", uri=True, timeout=busy_s, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _readable(path: Path, *, create: bool, busy_s: float) -> sqlite3.Connection:
    """Return a connection that can read: on a read-only disk, a file in write-ahead mode is opened as immutable."""
    connection = _connect(path, "rwc" if create else "rw", busy_s)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        primary = error.sqlite_errorcode & 0xFF
        if create or primary not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or _log_of(path).exists():
            raise
        return _connect(path, "immutable", busy_s)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _check(path: Path, connection: sqlite3.Connection) -> None:
    """Raise `HistoryError` unless this is a whole history file of this version or an older one."""
    size, page = path.stat().st_size, connection.execute("PRAGMA page_size").fetchone()[0]
    if size % page:
        # SQLite takes a last page that was cut for one that ends in zeros.
        raise damaged(path, f"its {size:,} bytes are no whole number of pages of {page:,}: the end is missing")
    for (finding,) in connection.execute("PRAGMA quick_check(1)"):
        if finding != "ok":
            raise damaged(path, str(finding).partition("\n")[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID and (tables or application):
        remedy = "name another file; this one is left as it is"
        raise HistoryError("it is an SQLite database of another program", where=str(path), remedy=remedy)
    if _version(connection) > VERSION:
        what = (
            f"a newer netpol-harness wrote it: version {_version(connection)} of the format; this one knows {VERSION}"
        )
        remedy = "install that version, or name another file; this one is left as it is"
        raise HistoryError(what, where=str(path), remedy=remedy)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to this version in one transaction: whoever is killed in it leaves the old version whole."""
    with _transaction(connection):
        # Asked again: somebody else may have done it while this process waited for the lock.
        for statements in MIGRATIONS[_version(connection) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; while somebody else is writing the mode stays, and the next one changes it."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Take the write lock at once, waiting for it, and keep all that is done or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        # Where SQLite has rolled back by itself (a full disk), there is nothing left to undo.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
