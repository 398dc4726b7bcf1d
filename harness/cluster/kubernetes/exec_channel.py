"""An `AgentChannel` over a command in a pod that relays lines: `agent.py attach`."""

from __future__ import annotations

from harness.cluster.kubernetes.exec_stream import STDERR, ExecStream, StreamEndedError
from harness.errors import ChannelClosedError

# An agent's own limit for a line is well below: beyond it, the other end is no agent.
_LONGEST_LINE = 64 * 1024 * 1024
_SHOWN_STDERR = 2000
# Only how often an idle reader turns around; closing and silence are noticed by the stream.
_TURN_S = 60.0


class ExecChannel:
    """Lines over a stream's stdin and stdout; `name` says whose agent it is, in errors."""

    def __init__(self, stream: ExecStream, name: str, longest_line: int = _LONGEST_LINE) -> None:
        self._stream = stream
        self._name = name
        self._longest_line = longest_line
        self._buffer = bytearray()
        self._searched = 0
        self._stderr = b""
        self._ended: str | None = None

    def send(self, line: str) -> None:
        """Send one line. Raises `ChannelClosedError`."""
        try:
            self._stream.send(line.encode() + b"\n")
        except StreamEndedError as fault:
            raise self._closed(fault.what) from fault

    def receive(self) -> str:
        """Wait for the next whole line. Raises `ChannelClosedError`; a last line without its end is dropped."""
        while True:
            if self._ended is not None:
                raise self._closed(self._ended)
            end = self._buffer.find(b"\n", self._searched)
            if end >= 0:
                return self._line(end)
            self._searched = len(self._buffer)
            if self._searched > self._longest_line:
                raise self._give_up("the agent sends a line without an end")
            self._read()

    def close(self) -> None:
        """End the channel; a `receive` under way raises."""
        self._stream.close()

    def _line(self, end: int) -> str:
        text = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        try:
            return text.decode()
        except UnicodeDecodeError as fault:
            raise self._give_up(f"the agent sent what is no UTF-8: {text[fault.start :][:20]!r}") from fault

    def _read(self) -> None:
        try:
            part = self._stream.receive(_TURN_S)
        except StreamEndedError as fault:
            reason = f"{fault.what}, in the middle of a line" if self._buffer else fault.what
            self._ended = reason
            raise self._closed(reason) from fault
        if part is None:
            return
        channel, data = part
        if channel == STDERR:
            self._stderr = (self._stderr + data)[-_SHOWN_STDERR:]
        else:
            self._buffer += data

    def _give_up(self, reason: str) -> ChannelClosedError:
        """End the channel for what was received: after that nothing that follows can be trusted."""
        self._ended = reason
        self._stream.close()
        return self._closed(reason)

    def _closed(self, reason: str) -> ChannelClosedError:
        stderr = self._stderr.decode(errors="replace").strip()
        said = f"; on stderr: {stderr}" if stderr else ""
        return ChannelClosedError(f"the channel to {self._name} has ended: {reason}{said}", where=self._name)
