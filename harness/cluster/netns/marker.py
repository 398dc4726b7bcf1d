"""What a sandbox says about itself in its command line: whose it is, for whoever finds it left behind."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError

MARK = "netpol-harness-sandbox"
_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Marker:
    """A sandbox by its run and its owner, the process that opened it.

    A pid means something only together with the process's start time and the pid namespace it was counted in.
    """

    run: str
    owner_pid: int
    owner_start: int
    pid_namespace: int
    serial: int

    def __str__(self) -> str:
        return ":".join(
            (MARK, self.run, *map(str, (self.owner_pid, self.owner_start, self.pid_namespace, self.serial)))
        )

    @classmethod
    def parse(cls, text: str) -> Marker | None:
        """Read a marker; None for any other text."""
        head, *rest = text.split(":")
        if head != MARK or len(rest) != 5 or not all(item.isdigit() for item in rest[1:]):
            return None
        return cls(rest[0], *map(int, rest[1:]))

    @classmethod
    def mine(cls, run: str) -> Marker:
        """Make the marker of a new sandbox of this process. Raises `UsageError` for a strange run id."""
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", run):
            raise UsageError(f"run id {run!r}: letters, digits, dots and dashes were expected")
        return cls(run, os.getpid(), start_time(os.getpid()) or 0, pid_namespace(), next(_serial))


def start_time(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None if there is none by that number."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command's name comes second, in parentheses, and may hold anything.
    state, *fields = stat[stat.rindex(")") + 2 :].split()
    return None if state in "ZX" else int(fields[18])


def pid_namespace() -> int:
    """Return the number of the pid namespace that this process counts in."""
    return Path("/proc/self/ns/pid").stat().st_ino
