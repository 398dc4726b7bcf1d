"""What Ctrl-C and SIGTERM do to a command that has something to take down."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from harness.cli.screen import tell
from harness.errors import ExitCode

# timeout(1) and CI runners tell a process and then its group: that is one wish to stop, not two.
_ONE_STOP_S = 1.0


@contextmanager
def stopping(cancelled: threading.Event) -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into an orderly end, and a second one into an end at once."""
    first_at = math.inf

    def stop(signum: int, _: FrameType | None) -> None:
        nonlocal first_at
        if time.monotonic() - first_at > _ONE_STOP_S:
            # Everything brought up dies with this process; `clean` knows the rest.
            os._exit(ExitCode.INTERRUPTED)
        if cancelled.is_set():
            return
        first_at = time.monotonic()
        cancelled.set()
        tell(f"\n{signal.Signals(signum).name}: cleaning up (once more to stop at once)\n")

    before: dict[signal.Signals, Callable[..., Any] | int | None] = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
