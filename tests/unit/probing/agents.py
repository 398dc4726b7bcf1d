"""An in-memory channel with an agent at its other end that does what a test says."""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from harness.errors import ChannelClosedError

# Takes a request, and returns the messages or raw lines to send back; CUT ends the channel.
Script = Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any] | str]]
CUT = "\0cut"


def hello(name: str = "shop/web") -> dict[str, Any]:
    """Return a greeting."""
    return {"hello": {"version": 1, "name": name, "engines": ["socket"], "listening": [], "failed": {}}}


def answer(request: Mapping[str, Any], name: str = "shop/web") -> list[dict[str, Any]]:
    """Return the messages of an agent to which everything is open."""
    replies = [ok(probe, name) for probe in request["probes"]]
    return [{"id": request["id"], "replies": replies}, {"id": request["id"], "done": True, "lag_s": 0.0}]


def ok(probe: Mapping[str, Any], name: str = "shop/web") -> dict[str, Any]:
    """Return the reply of an open probe."""
    fields = {"phase": "answer", "result": "ok", "nonce_ok": True, "answered_by": name, "elapsed_s": 0.001}
    return {"key": probe["key"], **fields}


class ScriptedChannel:
    """An `AgentChannel`; without a script the agent takes everything and says nothing."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script
        self.requests: list[Mapping[str, Any]] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._ended: str | None = None

    def say(self, message: Mapping[str, Any] | str) -> None:
        """Send a message, or a raw line, to the harness."""
        self._lines.put(message if isinstance(message, str) else json.dumps(message))

    def send(self, line: str) -> None:
        """Take a request from the harness."""
        if self._ended is not None:
            raise ChannelClosedError(self._ended)
        request = json.loads(line)
        self.requests.append(request)
        for message in self.script(request) if self.script else ():
            self.say(message)

    def receive(self) -> str:
        """Hand the next line to the harness."""
        line = self._lines.get()
        if line == CUT:
            self._ended = self._ended or "cut in the middle of a line"
            raise ChannelClosedError(self._ended)
        return line

    def close(self) -> None:
        """End the channel."""
        self._ended = self._ended or "it was closed"
        self.say(CUT)
