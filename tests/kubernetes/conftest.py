"""What holds for every test of the exec transport: nothing it starts is left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.cluster.kubernetes.exec_stream import ExecStream, open_exec
from harness.cluster.kubernetes.handshake import ExecTarget
from harness.cluster.kubernetes.link import Keepalive
from tests.kubernetes.api_server import Behaviour, serving

Opener = Callable[..., ExecStream]

CONNECT_S = 5.0
# A wait that is bounded at all ends well before; only a hang gets here.
SOON_S = 3.0


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """No thread and no descriptor outlives a test."""
    threads, descriptors = set(threading.enumerate()), _descriptors()
    yield
    left = [thread.name for thread in threading.enumerate() if thread not in threads]
    assert (left, _descriptors() - descriptors) == ([], set())


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is opened in a test and closed after it."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def open_stream(stack: ExitStack) -> Opener:
    """Return a function that opens a stream to a server of the behaviour that it is given."""

    def opener(
        behave: Behaviour, *, connect_timeout_s: float = CONNECT_S, keepalive: Keepalive | None = None
    ) -> ExecStream:
        server = stack.enter_context(serving(behave))
        stream = open_exec(
            ExecTarget(server.url),
            "shop",
            "web",
            "agent",
            ["cat"],
            stdin=True,
            connect_timeout_s=connect_timeout_s,
            keepalive=keepalive,
        )
        stack.callback(stream.close)
        return stream

    return opener


@pytest.fixture
def soon() -> Iterator[None]:
    """Hold that a test takes no longer than a moment."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < SOON_S


def _descriptors() -> set[str]:
    return {
        f"{link.name} {target}" for link in Path("/proc/self/fd").iterdir() if "socket:" in (target := _target(link))
    }


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # the listing's own descriptor
        return ""
