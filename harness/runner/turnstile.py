"""The sentinel's policy of one lane: turned over so that each turn can be told from those before it."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Protocol

from harness.runner.barrier import Barrier

_POLICY = "netpol-harness-sentinel"
_FIRST_PORT = 7001


class Doors(Protocol):
    """Servers on every node in use, whose ports a policy opens."""

    slowest_s: float

    @property
    def patience_s(self) -> float:
        """How long a turn may take until it counts as missed."""
        ...

    def open_port(self, policy: str, port: int) -> None:
        """Apply a policy that opens `port` of every server."""
        ...

    def await_open(self, ports: Collection[int], deadline_s: float) -> bool:
        """Wait until every server was open on each of `ports`."""
        ...

    def await_turned(self, opened: Collection[int], closed: Collection[int], deadline_s: float) -> bool:
        """Wait until every server was open on `opened` and closed on `closed` in one look."""
        ...


class Turnstile:
    """The sentinel's policy of one lane, turned over after each change of that lane; not thread-safe.

    A turn is seen by its port that opens, which says something only if that was closed before. It was, where the turns
    before were seen: each took one port more than a barrier has turns out of use. After one that was not seen nobody
    knows; then the ports are awaited as they should be, and only after that a turn is made and seen.
    """

    def __init__(self, sentinel: Doors, number: int, turns: int) -> None:
        self._sentinel = sentinel
        self._name = f"{_POLICY}-{number}"
        self._turns = turns
        first = _FIRST_PORT + number * (turns + 1)
        self.ports = tuple(range(first, first + turns + 1))
        self.open = self.ports[-1]
        self._is_known = True
        self._barrier: Barrier | None = None

    @property
    def slowest_s(self) -> float:
        """How long this cluster has taken at worst, so far, until a policy of the sentinel was in force."""
        return self._sentinel.slowest_s

    def turn(self) -> Barrier:
        """Turn the policy over and start watching for it on every node."""
        if self._barrier is not None:
            self._barrier.join()
        if self._is_known:
            self._is_known = False
            self.turn_over()
            self._barrier = Barrier(lambda: self._is_passed(self._sentinel.patience_s))
        else:
            self._barrier = Barrier(self._is_passed_at_last)
        return self._barrier

    def turn_over(self) -> None:
        """Apply the policy so that it opens the next port."""
        self.open = self.ports[(self.ports.index(self.open) + 1) % len(self.ports)]
        self._apply()

    def _apply(self) -> None:
        self._sentinel.open_port(self._name, self.open)

    def _is_passed(self, deadline_s: float) -> bool:
        end = time.monotonic() + deadline_s
        for turn in range(self._turns):
            if turn:
                self.turn_over()
            if not self._sentinel.await_open([self.open], end - time.monotonic()):
                return False
        self._is_known = True
        return True

    def _is_passed_at_last(self) -> bool:
        end = time.monotonic() + self._sentinel.patience_s
        # The API may have failed before it took the last turn.
        self._apply()
        others = [port for port in self.ports if port != self.open]
        if not self._sentinel.await_turned([self.open], others, self._sentinel.patience_s):
            return False
        self.turn_over()
        return self._is_passed(end - time.monotonic())
