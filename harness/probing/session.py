"""One agent, spoken to over its held-open channel. Nothing here waits for ever.

Whatever goes wrong, a cut channel, garbage, silence, a killed agent, ends as a fault of the probes
that were under way, with the reason in plain words.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from harness.errors import ChannelClosedError, ProbeError
from harness.model.cluster import AgentChannel
from harness.model.flow import Endpoint
from harness.probing.wire import (
    Arrivals,
    Hello,
    ProbeReply,
    ProbeRequest,
    decode,
    decode_arrivals,
    decode_hello,
    decode_replies,
    decode_reply,
    encode,
)


class _Pending(Protocol):
    """A request under way."""

    def take(self, message: Mapping[str, Any]) -> bool:
        """Take in one message and return whether it was the last."""
        ...

    def fail(self, reason: str) -> None:
        """Give up, for `reason`."""
        ...


class Batch:
    """The probes of one request; replies that never came become faults."""

    def __init__(self, requests: Sequence[ProbeRequest], until: float, on_done: Callable[[], None] | None) -> None:
        self._requests = requests
        self._until = until
        self._on_done = on_done
        self._done = threading.Event()
        self._replies: dict[str, ProbeReply] = {}
        self._reason: str | None = None
        self.lag_s = 0.0

    def is_done(self) -> bool:
        """Whether nothing more will come, be it that the deadline has passed."""
        return self._done.is_set() or time.monotonic() >= self._until

    @property
    def is_overdue(self) -> bool:
        """Whether the deadline has passed and the agent has not ended the batch."""
        return not self._done.is_set() and time.monotonic() >= self._until

    def result(self, timeout_s: float | None = None) -> dict[str, ProbeReply]:
        """Wait for the end, the batch's own deadline at most, and return one reply for every request."""
        left = self._until - time.monotonic()
        in_time = self._done.wait(max(0.0, left if timeout_s is None else min(left, timeout_s)))
        reason = self._reason or "" if in_time else "no reply from the agent before the deadline"
        replies = dict(self._replies)
        return {
            request.key: replies.get(request.key)
            or ProbeReply(request.key, "session", "fault", detail=reason or "the agent ended the batch without it")
            for request in self._requests
        }

    def take(self, message: Mapping[str, Any]) -> bool:
        """Take in one message and return whether it was the last."""
        if "error" in message:
            self.fail(f"the agent refused the request: {message['error']}")
            return True
        for entry in decode_replies(message):
            reply = decode_reply(entry)
            self._replies[reply.key] = reply
        if not message.get("done"):
            return False
        lag_s = message.get("lag_s")
        self.lag_s = float(lag_s) if isinstance(lag_s, int | float) else 0.0
        self._finish()
        return True

    def fail(self, reason: str) -> None:
        """Give up on the replies that are missing, for `reason`."""
        self._reason = reason
        self._finish()

    def _finish(self) -> None:
        self._done.set()
        if self._on_done is not None:
            self._on_done()


class _Question:
    """A request with one answer."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.message: Mapping[str, Any] | None = None
        self.reason: str | None = None

    def take(self, message: Mapping[str, Any]) -> bool:
        self.message = message
        self.done.set()
        return True

    def fail(self, reason: str) -> None:
        self.reason = reason
        self.done.set()

    def answer(self, endpoint: Endpoint, what: str, deadline_s: float) -> Mapping[str, Any]:
        if not self.done.wait(max(0.0, deadline_s)):
            raise ProbeError(f"no {what} from the agent in {deadline_s:g} s", where=endpoint)
        if self.reason is not None:
            raise ProbeError(self.reason, where=endpoint)
        message = self.message or {}
        if "error" in message:
            raise ProbeError(f"the agent refused to give its {what}: {message['error']}", where=endpoint)
        return message


class AgentSession:
    """An agent at the other end of `channel`; safe to use from several threads."""

    def __init__(self, channel: AgentChannel, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._channel = channel
        self._lock = threading.Lock()
        self._greeting = _Question()
        self._pending: dict[int, _Pending] = {}
        self._serial = 0
        self._ended: str | None = None
        self._reader = threading.Thread(target=self._read, name=f"agent {endpoint}", daemon=True)
        self._reader.start()

    @property
    def ended(self) -> str | None:
        """Why there will be no more answers; None while there may be."""
        return self._ended

    def hello(self, deadline_s: float) -> Hello:
        """Wait for the agent's greeting. Raises `ProbeError`."""
        return decode_hello(self._greeting.answer(self.endpoint, "greeting", deadline_s))

    def probe(
        self, requests: Sequence[ProbeRequest], deadline_s: float, on_done: Callable[[], None] | None = None
    ) -> Batch:
        """Start the probes and return at once; never raises. `on_done` is called from another thread."""
        batch = Batch(requests, time.monotonic() + deadline_s, on_done)
        with self._lock:
            # Batches that ran out of time have nobody waiting.
            self._pending = {
                identity: pending
                for identity, pending in self._pending.items()
                if not (isinstance(pending, Batch) and pending.is_done())
            }
        self._ask({"op": "probe", "probes": [request.to_wire() for request in requests]}, batch)
        return batch

    def arrivals(self, since: int, deadline_s: float) -> Arrivals:
        """Return a page of the nonces that have reached this agent. Raises `ProbeError`."""
        question = _Question()
        identity = self._ask({"op": "arrivals", "since": since}, question)
        try:
            return decode_arrivals(question.answer(self.endpoint, "log", deadline_s))
        finally:
            with self._lock:
                self._pending.pop(identity, None)

    def give_up(self, reason: str) -> None:
        """End the session for `reason`: an agent that hangs must not cost every later round its deadline."""
        self._end(reason)
        self._channel.close()

    def close(self) -> None:
        """End the channel; what is under way becomes a fault. Closing twice is fine."""
        self._end("the session was closed")
        self._channel.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=2.0)

    def _ask(self, message: dict[str, Any], pending: _Pending) -> int:
        with self._lock:
            self._serial += 1
            identity = self._serial
            ended = self._ended
            if ended is None:
                self._pending[identity] = pending
        if ended is not None:
            pending.fail(ended)
            return identity
        try:
            self._channel.send(encode({"id": identity, **message}))
        except ChannelClosedError as fault:
            self._end(f"the channel to the agent ended: {fault.what}")
        return identity

    def _read(self) -> None:
        try:
            while True:
                self._take(decode(self._channel.receive()))
        except ChannelClosedError as fault:
            self._end(f"the channel to the agent ended: {fault.what}")
        except ProbeError as fault:
            # After a line that is not understood nothing that follows can be trusted.
            self._end(fault.what)
            self._channel.close()
        except Exception as fault:  # noqa: BLE001  # a reader that dies in silence would leave everyone waiting
            self._end(f"the channel to the agent failed: {type(fault).__name__}: {fault}")
            self._channel.close()

    def _take(self, message: Mapping[str, Any]) -> None:
        if "hello" in message:
            hello = message["hello"]
            if not isinstance(hello, dict):
                raise ProbeError(f"the agent's greeting is {str(hello)[:80]!r}")
            self._greeting.take(hello)
            return
        identity = message.get("id")
        if identity is None and "error" in message:
            raise ProbeError(f"the agent did not understand a request: {message['error']}")
        with self._lock:
            pending = self._pending.get(identity) if isinstance(identity, int) else None
        # An answer that came after its deadline has nobody waiting.
        if pending is not None and pending.take(message):
            with self._lock:
                self._pending.pop(identity, None)  # type: ignore[arg-type]

    def _end(self, reason: str) -> None:
        with self._lock:
            if self._ended is not None:
                return
            self._ended = reason
            pending = [self._greeting, *self._pending.values()]
            self._pending.clear()
        for request in pending:
            if not (isinstance(request, _Question) and request.done.is_set()):
                request.fail(reason)
