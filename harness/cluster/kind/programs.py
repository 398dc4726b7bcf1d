"""Run other programs: each in a process group of its own, with a deadline, and ended when the run is told to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from harness.cluster.kind.faults import explained
from harness.errors import ClusterError, EnvironmentMissingError, InterruptedRunError

# How often a running program is looked at; nobody waits for less.
_LOOK_S = 0.05
# kind and docker end at once on SIGTERM; what does not is killed.
_GRACE_S = 3.0


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended and what it said."""

    status: int
    output: str
    errors: str

    @property
    def said(self) -> str:
        """Everything it said, complaints last."""
        return f"{self.output}\n{self.errors}"


@dataclass
class Programs:
    """Starts programs. `held` is a file descriptor that they inherit: a lock is held as long as one of them runs."""

    cancelled: threading.Event = field(default_factory=threading.Event)
    environment: Mapping[str, str] = field(default_factory=dict)
    held: int | None = None

    def run(
        self,
        command: Sequence[str],
        *,
        deadline_s: float = 60.0,
        stdin: IO[bytes] | None = None,
        install: str = "install it",
        stoppable: bool = True,
    ) -> Done:
        """Run to the end. With `stoppable` it ends as soon as the run is told to.

        Raises `EnvironmentMissingError` with `install` as the remedy where there is no such program, `ClusterError`
        when the deadline passes, `InterruptedRunError` when stopped; then the program and all that it started are gone.
        """
        if stoppable:
            self.check()
        try:
            process = subprocess.Popen(
                command,
                stdin=stdin if stdin is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **self.environment},
                # A Ctrl-C at the terminal reaches us alone; what it means for the program is decided here.
                start_new_session=True,
                pass_fds=() if self.held is None else (self.held,),
            )
        except OSError as fault:
            raise EnvironmentMissingError(
                f"{command[0]} cannot be started: {fault.strerror}", where=command[0], remedy=install
            ) from fault
        with process:
            try:
                output, errors = self._await(process, command, time.monotonic() + deadline_s, stoppable=stoppable)
            except BaseException:
                _end(process)
                raise
        return Done(process.returncode, output.decode(errors="replace"), errors.decode(errors="replace"))

    def check(self) -> None:
        """Raise `InterruptedRunError` if the run was told to stop."""
        if self.cancelled.is_set():
            raise InterruptedRunError

    def succeed(self, command: Sequence[str], *, doing: str, where: str, deadline_s: float = 60.0) -> str:
        """Run what must work and return what it printed. Raises `ClusterError` in one sentence."""
        done = self.run(command, deadline_s=deadline_s)
        if done.status != 0:
            raise explained(done.said, doing=doing, where=where)
        return done.output

    def _await(
        self, process: subprocess.Popen[bytes], command: Sequence[str], end: float, *, stoppable: bool
    ) -> tuple[bytes, bytes]:
        while True:
            try:
                return process.communicate(timeout=_LOOK_S)
            except subprocess.TimeoutExpired:
                pass
            if stoppable:
                self.check()
            if time.monotonic() > end:
                raise ClusterError(
                    f"`{' '.join(command[:3])}` did not end in time, and was ended",
                    where=command[0],
                    remedy="the machine may be too slow or stuck: see what the program says by hand",
                )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and everything that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        # The second one also meets what outlived its parent.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        # Not `communicate`: a grandchild that holds the pipe open would keep us waiting.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
