"""Find and remove sandboxes whose harness is dead.

A sandbox ends by itself with its harness. Left over is only one that could not: whose supervisor was
stopped (SIGSTOP, a frozen cgroup) and so never saw the end of its control socket.
Sandboxes of living harnesses, of other users and of other pid namespaces are not looked at.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.cluster.netns.marker import Marker, pid_namespace, start_time

_TICKS = os.sysconf("SC_CLK_TCK")
_GONE_S = 5.0


@dataclass(frozen=True, slots=True)
class Leftover:
    """A sandbox without an owner; `pid` is its supervisor, `age_s` since it was started."""

    pid: int
    run: str
    owner_pid: int
    age_s: float
    marker: Marker

    def __str__(self) -> str:
        return f"sandbox {self.pid} of run {self.run}, {self.age_s:.0f} s old; its harness ({self.owner_pid}) is gone"


def find(run: str | None = None) -> list[Leftover]:
    """Return the sandboxes whose owner is dead, oldest first; of `run` alone, if given."""
    found: dict[Marker, Leftover] = {}
    uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    here = pid_namespace()
    for pid, marker in _marked():
        if marker.pid_namespace != here or run not in (None, marker.run) or _is_alive(marker):
            continue
        started, inner = start_time(pid), _innermost_pid(pid)
        # Of all processes with this marker - unshare, the supervisor, its pods - PID 1 inside is the sandbox.
        if started is not None and (inner == 1 or marker not in found):
            found[marker] = Leftover(pid, marker.run, marker.owner_pid, uptime_s - started / _TICKS, marker)
    return sorted(found.values(), key=lambda item: -item.age_s)


def remove(leftovers: Iterable[Leftover]) -> None:
    """Kill exactly these sandboxes and wait until they are gone."""
    doomed = {item.marker for item in leftovers if not _is_alive(item.marker)}
    deadline = time.monotonic() + _GONE_S
    while doomed and time.monotonic() < deadline:
        processes = [(pid, marker) for pid, marker in _marked() if marker in doomed]
        if not processes:
            return
        for pid, marker in processes:
            _kill(pid, marker)
        time.sleep(0.01)


def _marked() -> list[tuple[int, Marker]]:
    result = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            marker = _marker_of(int(entry.name))
            if marker is not None:
                result.append((int(entry.name), marker))
    return result


def _marker_of(pid: int) -> Marker | None:
    """Return the marker in a process's command line, if the process is ours to end."""
    try:
        if os.geteuid() not in (0, Path(f"/proc/{pid}").stat().st_uid):
            return None
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    for word in words:
        marker = Marker.parse(word.decode(errors="replace"))
        if marker is not None:
            return marker
    return None


def _is_alive(marker: Marker) -> bool:
    # The number alone may belong to another process by now.
    return start_time(marker.owner_pid) == marker.owner_start


def _innermost_pid(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    return None


def _kill(pid: int, marker: Marker) -> None:
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            # Looked at again through a handle that cannot come to mean another process.
            if _marker_of(pid) == marker:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
