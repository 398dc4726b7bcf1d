"""Messages over an open websocket, with a bound on how long its other end can be dead unnoticed."""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import websocket

from harness.cluster.kubernetes.connection import Connection
from harness.errors import ClusterError

CLOSED_BY_US = "it was closed"

_FAREWELL_S = 0.3


@dataclass(frozen=True, slots=True)
class Keepalive:
    """When to ask an idle server for a sign of life, and how long it may take; any byte is one.

    It also keeps alive what stands between: load balancers forget connections that are idle for a minute. A server
    that takes nothing for `write_within_s` is gone too, or its pod reads no more.
    """

    ping_after_s: float = 10.0
    pong_within_s: float = 10.0
    write_within_s: float = 20.0


class LinkEndedError(ClusterError):
    """There will be no more messages; says why."""


class Link:
    """An open websocket. One thread at a time receives, any may send and close.

    Life is checked while somebody receives, so a link that is kept open needs a reader.
    """

    def __init__(self, connection: Connection, opened: websocket.WebSocket, keepalive: Keepalive) -> None:
        self.protocol = str(opened.subprotocol)
        self._connection = connection
        self._websocket: Any = opened
        self._keepalive = keepalive
        self._send_lock = threading.Lock()
        self._end_lock = threading.Lock()
        self._ended: str | None = None
        self._pinged_at: float | None = None
        self._parts: list[bytes] = []

    def send(self, messages: Iterable[bytes]) -> None:
        """Send the messages with nobody else's between them. Raises `LinkEndedError`."""
        with self._send_lock:
            for message in messages:
                self._write(message, websocket.ABNF.OPCODE_BINARY)

    def receive(self, until: float) -> bytes | None:
        """Return the next message that is not empty; None once `until` (monotonic time) has passed.

        Raises `LinkEndedError`; a message that was cut is never returned.
        """
        while True:
            frame = self._frame(until)
            if frame is None:
                return None
            if frame.opcode == websocket.ABNF.OPCODE_PING:
                self._control(frame.data, websocket.ABNF.OPCODE_PONG)
            elif frame.opcode == websocket.ABNF.OPCODE_CLOSE:
                raise self._end(f"the API server closed the connection{_reason(frame.data)}")
            elif frame.opcode != websocket.ABNF.OPCODE_PONG:
                message = self._join(frame)
                if message:
                    return message

    def close(self, farewell: Iterable[bytes] = ()) -> None:
        """Hang up after the messages of `farewell`, if they can be sent at once. Closing twice is fine."""
        with self._end_lock:
            if self._ended is not None:
                return
            self._ended = CLOSED_BY_US
        try:
            self._say(farewell)
        finally:
            self._connection.end()

    # -- receiving -----------------------------------------------------------------

    def _join(self, frame: Any) -> bytes:
        """Return the message that `frame` completes, b"" while it is not whole (RFC 6455, section 5.4)."""
        if (frame.opcode == websocket.ABNF.OPCODE_CONT) != bool(self._parts):
            raise self._end("the API server broke the websocket protocol: a fragment out of order")
        self._parts.append(frame.data)
        if not frame.fin:
            return b""
        message, self._parts = b"".join(self._parts), []
        return message

    def _frame(self, until: float) -> Any:
        while True:
            if self._ended is not None:
                raise self._end(self._ended)
            try:
                self._connection.read_until = min(until, self._next_check())
                return self._websocket.recv_frame()
            except websocket.WebSocketTimeoutException:
                self._check()
                if time.monotonic() >= until:
                    return None
            except websocket.WebSocketConnectionClosedException as fault:
                raise self._end("the connection broke off") from fault
            except websocket.WebSocketException as fault:
                raise self._end(f"the API server broke the websocket protocol: {fault}") from fault
            except OSError as fault:
                raise self._end(f"the connection broke: {fault.strerror or fault}") from fault

    def _next_check(self) -> float:
        heard_at = self._connection.heard_at
        if self._pinged_at is None or heard_at >= self._pinged_at:
            return heard_at + self._keepalive.ping_after_s
        return self._pinged_at + self._keepalive.pong_within_s

    def _check(self) -> None:
        """Look after a server that is silent: ask it, or give it up."""
        now = time.monotonic()
        if now < self._next_check():
            return
        heard_at = self._connection.heard_at
        if self._pinged_at is not None and heard_at < self._pinged_at:
            raise self._end(f"the API server has given no sign of life for {now - heard_at:.1f} s")
        self._pinged_at = now
        self._control(b"", websocket.ABNF.OPCODE_PING)

    # -- sending -------------------------------------------------------------------

    def _control(self, data: bytes, opcode: int) -> None:
        """Send a control frame, unless somebody is stuck in sending: the reader must not get stuck with him."""
        if self._send_lock.acquire(timeout=_FAREWELL_S):
            try:
                self._write(data, opcode)
            finally:
                self._send_lock.release()

    def _write(self, data: bytes, opcode: int) -> None:
        """Send one frame; the caller has the lock. After a part of a frame nothing else can be said."""
        if self._ended is not None:
            raise self._end(self._ended)
        try:
            self._put(data, opcode, self._keepalive.write_within_s)
        except (websocket.WebSocketTimeoutException, TimeoutError) as fault:
            raise self._end(f"the API server took nothing for {self._keepalive.write_within_s:g} s") from fault
        except (websocket.WebSocketException, OSError) as fault:
            raise self._end(f"the connection broke: {getattr(fault, 'strerror', None) or fault}") from fault

    def _say(self, farewell: Iterable[bytes]) -> None:
        # Somebody who is stuck in sending keeps the lock: then there is no farewell.
        if not self._send_lock.acquire(timeout=_FAREWELL_S):
            return
        try:
            with contextlib.suppress(websocket.WebSocketException, OSError):
                for message in farewell:
                    self._put(message, websocket.ABNF.OPCODE_BINARY, _FAREWELL_S)
                self._put(struct.pack("!H", websocket.STATUS_NORMAL), websocket.ABNF.OPCODE_CLOSE, _FAREWELL_S)
        finally:
            self._send_lock.release()

    def _put(self, data: bytes, opcode: int, timeout_s: float) -> None:
        self._connection.write_until = time.monotonic() + timeout_s
        self._websocket.send_frame(websocket.ABNF.create_frame(data, opcode))

    def _end(self, reason: str) -> LinkEndedError:
        """End the link for `reason`, unless it has one already, and return the error that says it."""
        with self._end_lock:
            if self._ended is None:
                self._ended = reason
            ended = self._ended
        if ended != CLOSED_BY_US:
            # Else whoever closes says farewell first, and then ends it.
            self._connection.end()
        return LinkEndedError(ended)


def _reason(data: bytes) -> str:
    """Return what a close frame says: a number and a text, both optional."""
    if len(data) < 2:
        return ""
    words = [str(struct.unpack("!H", data[:2])[0]), data[2:].decode(errors="replace")]
    return f" ({' '.join(word for word in words if word)})"
