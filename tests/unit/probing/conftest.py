"""Sessions with agents made of a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from harness.model.flow import Endpoint
from harness.probing.session import AgentSession
from tests.unit.probing.agents import Script, ScriptedChannel, hello


@pytest.fixture
def agent() -> Iterator[Callable[..., tuple[AgentSession, ScriptedChannel]]]:
    """Return a function that starts a session with an agent that answers by a script."""
    sessions = []

    def start(script: Script | None = None, name: str = "shop/web") -> tuple[AgentSession, ScriptedChannel]:
        channel = ScriptedChannel(script)
        channel.say(hello(name))
        session = AgentSession(channel, Endpoint(name))
        sessions.append(session)
        return session, channel

    yield start
    for session in sessions:
        session.close()
