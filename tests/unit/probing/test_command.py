"""The command that a report gives a person to try by hand."""

from __future__ import annotations

import pytest

from harness.model.flow import L4Protocol
from harness.probing.command import command
from tests.builders import flow


@pytest.mark.parametrize(
    ("protocol", "address", "engine", "typed"),
    [
        ("TCP", "192.0.2.1", "socket", "nc -n -z -v -w 2 192.0.2.1 8080"),
        ("TCP", "192.0.2.1", "curl", "curl -g -m 2 http://192.0.2.1:8080/"),
        ("TCP", "2001:db8::1", "curl", "curl -g -m 2 http://[2001:db8::1]:8080/"),
        ("UDP", "2001:db8::1", "curl", "echo hello | nc -n -u -w 2 2001:db8::1 8080"),
        ("SCTP", "192.0.2.1", "socket", "ncat -n --sctp -v -w 2 192.0.2.1 8080"),
    ],
)
def test_the_command_tries_the_flow(protocol: str, address: str, engine: str, typed: str) -> None:
    """nc for what it can tell, an echo for UDP, whose silence it calls success otherwise."""
    assert command(flow(port=8080, protocol=L4Protocol(protocol)), address, engine) == typed
