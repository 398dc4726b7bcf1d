"""An `AgentChannel` over a connected socket."""

from __future__ import annotations

import contextlib
import socket
import threading

from harness.errors import ChannelClosedError

# An agent's own limit for a line is well below: beyond it, the other end is no agent.
_LONGEST_LINE = 64 * 1024 * 1024


class SocketChannel:
    """Lines over a stream socket; `name` says whose agent it is, in errors."""

    def __init__(self, stream: socket.socket, name: str) -> None:
        self._stream = stream
        self._name = name
        self._buffer = bytearray()
        self._searched = 0
        self._send_lock = threading.Lock()
        self._state_lock = threading.Lock()
        self._receiving = False
        self._ended: str | None = None

    def send(self, line: str) -> None:
        """Send one line. Raises `ChannelClosedError`."""
        with self._send_lock:
            if self._ended is not None:
                raise self._closed()
            try:
                self._stream.sendall(line.encode() + b"\n")
            except OSError as fault:
                raise ChannelClosedError(
                    f"the channel to {self._name} broke: {fault.strerror or fault}", where=self._name
                ) from fault

    def receive(self) -> str:
        """Wait for the next whole line. Raises `ChannelClosedError`; a last line without its end is dropped."""
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if end >= 0:
                line = self._buffer[:end].decode(errors="replace")
                del self._buffer[: end + 1]
                self._searched = 0
                return line
            self._searched = len(self._buffer)
            if self._searched > _LONGEST_LINE:
                self.close()
                raise ChannelClosedError(f"{self._name} sends a line without an end", where=self._name)
            self._buffer += self._part()

    def close(self) -> None:
        """End the channel; a `receive` under way raises."""
        self._finish("it was closed")

    def _part(self) -> bytes:
        with self._state_lock:
            if self._ended is not None:
                raise self._closed()
            self._receiving = True
        part, reason = b"", "the agent ended or was killed"
        try:
            part = self._stream.recv(1 << 18)
        except OSError as fault:
            reason = fault.strerror or str(fault)
        if not self._returned():
            raise self._closed()
        if not part:
            if self._buffer:
                reason += ", in the middle of a line"
            self._finish(reason)
            raise self._closed()
        return part

    def _returned(self) -> bool:
        """Note that the reader is back; False if the channel was closed meanwhile."""
        with self._state_lock:
            self._receiving = False
            if self._ended is not None:
                # close() left this to us: a descriptor must not be closed, and reused, under a reader.
                self._stream.close()
            return self._ended is None

    def _finish(self, reason: str) -> None:
        with self._state_lock:
            if self._ended is not None:
                return
            self._ended = reason
            with contextlib.suppress(OSError):
                self._stream.shutdown(socket.SHUT_RDWR)
            if not self._receiving:
                self._stream.close()

    def _closed(self) -> ChannelClosedError:
        return ChannelClosedError(f"the channel to {self._name} has ended: {self._ended}", where=self._name)
