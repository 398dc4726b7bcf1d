"""The fixture `netpol`: worlds on the session's cluster, their results in the session's reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.api import InconclusiveError, Worlds
from harness.api.script import named
from harness.errors import SourceLocation
from harness.pytest_plugin.playing import NoGroundError
from harness.pytest_plugin.session import netpol_of


@contextmanager
def worlds(request: pytest.FixtureRequest) -> Iterator[Worlds]:
    """Yield the worlds of one test; the cluster is there, or the test's set-up is an error."""
    session = netpol_of(request.config)
    path, line, _ = request.node.reportinfo()
    try:
        session.stand()
    except NoGroundError:
        session.refuse(request.node.nodeid, SourceLocation(str(path), (line or 0) + 1, 1))

    def doubt(error: InconclusiveError) -> None:
        if session.choices.inconclusive == "skip":
            pytest.skip(f"inconclusive: {error.what.strip().partition(chr(10))[0]}")

    opened = Worlds(
        session.ground, name=named(request.node.name), keep=session.keep, doubt=doubt, guard=session.interruptible
    )
    try:
        yield opened
    finally:
        opened.close()
