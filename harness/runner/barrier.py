"""The barrier of every step: a policy of our own is turned over, and its effect awaited."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable

from harness.errors import HarnessError

_HEAD_START_S = 0.03


class Barrier:
    """The wait for one turn of the sentinel policy, in a thread of its own."""

    def __init__(self, await_open: Callable[[], bool]) -> None:
        self._await_open = await_open
        self._passed_at = math.inf
        self._thread = threading.Thread(target=self._watch, name="barrier", daemon=True)
        self._thread.start()
        # Mostly it takes a few milliseconds: waiting here saves a round that could settle nothing.
        self._thread.join(_HEAD_START_S)

    def passed_at(self) -> float:
        """Return the monotonic time at which the barrier was passed, inf as long as it was not."""
        return self._passed_at

    def join(self) -> float | None:
        """Wait for the end of the watch and return when the barrier was passed, None if it never was."""
        self._thread.join()
        return None if math.isinf(self._passed_at) else self._passed_at

    def _watch(self) -> None:
        # A stop, or a cluster that fails, leaves the barrier unseen, and that is what will be reported.
        with contextlib.suppress(HarnessError):
            if self._await_open():
                self._passed_at = time.monotonic()
