"""A command in a pod over a websocket: bytes in, bytes out, and its exit status as the server tells it.

Channel protocol v5, v4 as fallback (k8s.io/apimachinery `remotecommand`): the first byte of each message names the
channel. Nothing here waits for ever, starts a thread, or guesses how a command ended.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from harness.cluster.kubernetes import exit_status
from harness.cluster.kubernetes.exit_status import ExitStatus
from harness.cluster.kubernetes.handshake import V5, ExecTarget, exec_path, shake_hands
from harness.cluster.kubernetes.link import CLOSED_BY_US, Keepalive, Link, LinkEndedError
from harness.errors import ClusterError

STDIN, STDOUT, STDERR, ERROR, CLOSE = 0, 1, 2, 3, 255

_CLOSE_STDIN = bytes([CLOSE, STDIN])
# What kubectl sends at once, and so what every server was tried with.
_PART = 32 * 1024
# The status may overtake the last output: each goes through the server on its own way.
_LAST_OUTPUT_S = 2.0


class StreamEndedError(ClusterError):
    """There will be no more output; says how the command ended, or why nobody knows."""


class ExecStream:
    """A command under way. One thread at a time receives, any may send and close.

    A stream that is kept open needs a reader: a dead server is noticed while somebody receives.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._status_text = b""
        self._status: ExitStatus | None = None
        self._status_at = 0.0

    @property
    def protocol(self) -> str:
        """The channel protocol that is spoken."""
        return self._link.protocol

    @property
    def exit_status(self) -> ExitStatus | None:
        """How the command ended; None while it runs, and for ever where the server did not say."""
        return self._status

    def send(self, data: bytes) -> None:
        """Write to the command's stdin, with nobody else's bytes in between. Raises `StreamEndedError`."""
        parts = (bytes([STDIN]) + data[start : start + _PART] for start in range(0, len(data), _PART))
        try:
            self._link.send(parts)
        except LinkEndedError as fault:
            raise self._ended(fault.what) from fault

    def close_stdin(self) -> None:
        """Let the command read the end of its stdin. Raises `ClusterError` where only v4 is spoken: it cannot."""
        if self.protocol != V5:
            raise ClusterError(
                f"this API server speaks {self.protocol}, in which stdin cannot be closed",
                remedy=f"{V5} comes with Kubernetes 1.30; until then use a command that does not wait for the end",
            )
        try:
            self._link.send([_CLOSE_STDIN])
        except LinkEndedError as fault:
            raise self._ended(fault.what) from fault

    def receive(self, timeout_s: float) -> tuple[int, bytes] | None:
        """Return the next output and its channel, STDOUT or STDERR; None when nothing came in time.

        Raises `StreamEndedError` once all has been returned.
        """
        until = time.monotonic() + timeout_s
        while True:
            # A server that has told the status and does not hang up is not waited for.
            last = until if self._status is None else self._status_at + _LAST_OUTPUT_S
            try:
                message = self._link.receive(min(until, last))
            except LinkEndedError as fault:
                raise self._ended(fault.what) from fault
            if message is None:
                if self._status is not None and time.monotonic() >= last:
                    self._link.close()
                    raise self._ended("")
                return None
            channel, data = message[0], message[1:]
            if channel == ERROR:
                self._take_status(data)
            elif channel in (STDOUT, STDERR) and data:  # servers may open a channel with an empty message
                return channel, data

    def close(self) -> None:
        """Hang up; a `receive` or `send` under way raises. Closing twice is fine.

        No server kills the command: it reads the end of its stdin, and ends by itself or not.
        """
        self._link.close([_CLOSE_STDIN] if self.protocol == V5 else [])

    def _take_status(self, data: bytes) -> None:
        if self._status is None:
            self._status_text += data
            self._status = exit_status.parse(self._status_text)
            self._status_at = time.monotonic()

    def _ended(self, reason: str) -> StreamEndedError:
        if self._status is not None:
            return StreamEndedError(str(self._status))
        if reason == CLOSED_BY_US:
            return StreamEndedError(reason)
        if self._status_text:
            return StreamEndedError(f"{reason}; the command's status is cut or no JSON: {self._status_text[:200]!r}")
        return StreamEndedError(f"{reason}; how the command ended was not said")


def open_exec(
    target: ExecTarget,
    namespace: str,
    pod: str,
    container: str,
    command: Sequence[str],
    *,
    stdin: bool,
    connect_timeout_s: float,
    keepalive: Keepalive | None = None,
) -> ExecStream:
    """Start a command in a container; whether it could start is told by the stream.

    Raises `ApiError` with the server's own words. Its `is_transient` is true for 429, 5xx and broken
    connections, where trying again can help; nothing is tried again here.
    """
    path = exec_path(namespace, pod, container, command, stdin=stdin)
    try:
        connection, opened = shake_hands(target, path, connect_timeout_s)
    except ClusterError as fault:
        fault.where = f"{namespace}/{pod}"
        raise
    return ExecStream(Link(connection, opened, keepalive or Keepalive()))
