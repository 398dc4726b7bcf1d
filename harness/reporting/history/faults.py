"""What can be wrong with a history file, in sentences: each says what is the matter and what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import ExitCode, HarnessError

DAMAGED = "it is damaged, and is left as it is"
_KEEP = "keep a copy of it, then name another file; what can be read of it, `sqlite3 FILE .recover` shows"


class HistoryError(HarnessError):
    """A history file cannot be used: it is damaged, of another program, or of a newer version."""

    exit_code = ExitCode.BAD_INPUT


class HistoryBusyError(HistoryError):
    """A history file is in order, as far as is known, but cannot be reached or written just now."""

    exit_code = ExitCode.INCONCLUSIVE


# By SQLite's primary result codes, https://www.sqlite.org/rescode.html.
_LATER = {
    sqlite3.SQLITE_BUSY: ("another process holds it and did not let go in time", "try again"),
    sqlite3.SQLITE_LOCKED: ("another process holds it and did not let go in time", "try again"),
    sqlite3.SQLITE_FULL: ("the disk is full", "make room, or name a file elsewhere"),
    sqlite3.SQLITE_READONLY: ("it cannot be written", "name a file in a folder that can be written"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "name a file in a folder that exists and can be written"),
    sqlite3.SQLITE_PERM: ("it may not be opened", "name a file that belongs to you"),
    sqlite3.SQLITE_IOERR: ("the disk does not read or write it", "look at the disk, or name a file elsewhere"),
    sqlite3.SQLITE_NOMEM: ("there is not enough memory for it", "try again with more of it"),
}


@contextmanager
def told(path: object) -> Iterator[None]:
    """Raise SQLite's errors as `HistoryError`, about the file called `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _said(error, path) from error
    except OverflowError as error:
        raise HistoryError(f"a number of the run fits no database: {error}", where=str(path)) from error


def damaged(path: object, detail: str) -> HistoryError:
    """Build the error of a file whose content is not what was written."""
    return HistoryError(f"{DAMAGED} ({detail})", where=str(path), remedy=_KEEP)


def _said(error: sqlite3.Error, path: object) -> HistoryError:
    # Errors of the `sqlite3` module itself have no code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    if code in _LATER:
        what, remedy = _LATER[code]
        return HistoryBusyError(f"{what} ({error})", where=str(path), remedy=remedy)
    if code == sqlite3.SQLITE_NOTADB:
        remedy = "name another file; this one is left as it is"
        return HistoryError("it is no SQLite database, or its beginning is damaged", where=str(path), remedy=remedy)
    return damaged(path, str(error))
