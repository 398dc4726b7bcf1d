"""A sandbox of namespaces that dies with the harness, and the line to its supervisor.

Nothing of it shows in the host's own namespaces: no named netns, no interface, no nft
table, no file. Rootless where user namespaces are allowed, unless it is to stand in a router of somebody else's.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.cluster.netns import supervisor
from harness.cluster.netns.marker import Marker
from harness.errors import ClusterError, EnvironmentMissingError

# Debian keeps nft out of an ordinary user's PATH.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
_ANSWER_S = 90.0
_START_S = 20.0
_END_S = 5.0
_POLL_S = 0.004
_PROCESSES = ("--pid", "--fork", "--kill-child")
_NAMESPACES = ("--net", *_PROCESSES)
_AS_USER = ("--user", "--map-root-user")


class Sandbox:
    """A running sandbox; thread-safe, one order at a time."""

    def __init__(self, run: str, agent: Path, *, where: str, router: Path | None = None) -> None:
        """Start one; `where` is what errors call it.

        Its router is a network namespace of its own, or the one at `router`, which stays as it is when the sandbox
        ends. Raises `EnvironmentMissingError` where namespaces cannot be had.
        """
        self.marker = Marker.mine(run)
        self._where = where
        self._lock = threading.Lock()
        self._broken: str | None = None
        self.patience_s = _END_S
        faults = []
        for way in _ways() if router is None else (_into(router),):
            try:
                self._process, self._control, self.pid = _start(self.marker, agent, way)
            except _NotStartedError as fault:
                faults.append(str(fault))
            else:
                return
        raise EnvironmentMissingError(
            f"no sandbox could be started: {'; as a user: '.join(faults)}",
            where=where,
            remedy=namespaces_remedy() if router is None and namespaces_refused() else None,
        )

    def order(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Have the supervisor carry out an order. Raises `ClusterError` with its reason if it could not."""
        answer, descriptors = self._exchange(verb, arguments)
        for descriptor in descriptors:
            os.close(descriptor)
        return answer

    def wait_ready(self, hosts: Mapping[str, str], deadline_s: float) -> None:
        """Wait until agents can be connected to; `hosts` gives for each key what errors call it.

        Raises `ClusterError` at once for one that ended, and after the deadline with those that were waited for.
        """
        end = time.monotonic() + deadline_s
        waiting = dict(hosts)
        while waiting:
            for key, condition in self.order("ready", keys=list(waiting)).items():
                if condition == "ready":
                    del waiting[key]
                elif condition != "starting":
                    raise ClusterError(f"its agent {condition}", where=waiting[key])
            if waiting and time.monotonic() > end:
                raise ClusterError(
                    f"waited {deadline_s:g} s for the agents of: {', '.join(waiting.values())}", where=self._where
                )
            if waiting:
                time.sleep(_POLL_S)

    def connect(self, key: str) -> socket.socket:
        """Return a socket connected to a pod's agent."""
        _, descriptors = self._exchange("connect", {"key": key})
        return socket.socket(fileno=descriptors[0])

    def run(self, argv: Sequence[str], stdin: str) -> str:
        """Run a program in the router and return its output. Raises `ClusterError` with what it complained of."""
        done = self.order("run", argv=list(argv), stdin=stdin)
        if done["status"] != 0:
            raise ClusterError(
                f"{' '.join(argv)} ended with status {done['status']}: {done['stderr'].strip()[:2000]}",
                where=self._where,
            )
        return str(done["stdout"])

    def close(self) -> None:
        """End the sandbox with everything in it; closing twice is fine."""
        self._control.close()
        try:
            self._process.wait(timeout=self.patience_s)
        except subprocess.TimeoutExpired:
            # A stopped supervisor does not see the end of its control socket. unshare takes it along.
            self._process.kill()
            self._process.wait()

    def _exchange(self, verb: str, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], list[int]]:
        with self._lock:
            if self._broken is not None:
                raise ClusterError(self._broken, where=self._where)
            try:
                supervisor.send_record(self._control, {"verb": verb, **arguments})
                answer, descriptors = supervisor.receive_record(self._control)
            except (OSError, EOFError) as fault:
                # An answer that comes later would be taken for the next order's: the line is of no use any more.
                what = f"did not answer {verb!r} in {_ANSWER_S:g} s" if isinstance(fault, TimeoutError) else "has ended"
                self._broken = f"the sandbox {what}"
                raise ClusterError(self._broken, where=self._where) from fault
        if "error" in answer:
            raise ClusterError(f"{verb}: {answer['error']}", where=self._where)
        return answer, descriptors


class _NotStartedError(Exception):
    pass


def _start(marker: Marker, agent: Path, way: Sequence[str]) -> tuple[subprocess.Popen[bytes], socket.socket, int]:
    ours, theirs = socket.socketpair()
    complaints = os.memfd_create("complaints")
    program = Path(supervisor.__file__).resolve()
    argv = [*way, sys.executable, "-I", "-S", str(program)]
    try:
        process = subprocess.Popen(
            [*argv, str(marker), str(theirs.fileno()), str(agent.absolute())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            cwd="/",
            env={"PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8"},
            # Ctrl-C is for the harness: it cleans up, and only then may this end.
            start_new_session=True,
        )
    except OSError as fault:
        ours.close()
        raise _NotStartedError(str(fault)) from fault
    finally:
        theirs.close()
    try:
        ours.settimeout(_START_S)
        hello, _ = supervisor.receive_record(ours)
        ours.settimeout(_ANSWER_S)
    except (OSError, EOFError) as fault:
        ours.close()
        process.kill()
        process.wait()
        said = os.pread(complaints, 2000, 0).decode(errors="replace").strip().splitlines()
        raise _NotStartedError(said[-1] if said else "unshare printed nothing") from fault
    finally:
        os.close(complaints)
    return process, ours, int(hello["pid"])


def find_program(name: str) -> str | None:
    """Return the path of a program that a sandbox runs, None where it is not installed."""
    return shutil.which(name, path=SEARCH_PATH)


@functools.cache
def namespaces_refused() -> str | None:
    """Return what the kernel says when asked for the namespaces of a sandbox; None if it grants them."""
    said = ""
    for way in _ways():
        argv = [*way, "true"]
        try:
            tried = subprocess.run(
                argv, capture_output=True, text=True, check=False, timeout=_START_S, env={"PATH": SEARCH_PATH}
            )
        except (OSError, subprocess.TimeoutExpired) as fault:
            said = str(fault)
            continue
        if tried.returncode == 0:
            return None
        said = tried.stderr.strip()
    return said or "unshare failed and said nothing"


def _ways() -> tuple[tuple[str, ...], ...]:
    """Return the commands to try: root may still lack the capability, inside a container."""
    as_user = ("unshare", *_AS_USER, *_NAMESPACES)
    return (("unshare", *_NAMESPACES), as_user) if os.geteuid() == 0 else (as_user,)


def _into(router: Path) -> tuple[str, ...]:
    return ("nsenter", f"--net={router}", "unshare", *_PROCESSES)


def namespaces_remedy() -> str:
    """Say what would allow network namespaces on this machine, by what its settings show."""
    settings = {
        "/proc/sys/kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
        "/proc/sys/user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=10000"),
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    }
    for path, (bad, command) in settings.items():
        try:
            if Path(path).read_text().strip() == bad:
                return f"user namespaces are not allowed: {command} (as root), or run as root"
        except OSError:
            continue
    return "run as root, or in a container started with --privileged"
