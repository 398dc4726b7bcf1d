"""The three engines held to one another, over real packets and every way of denying them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from harness.model.result import Outcome
from harness.probing.classify import classify
from harness.probing.session import AgentSession
from harness.probing.wire import ProbeReply, ProbeRequest
from tests.live.lab import CLOSED, CUT, DROPPED, OPEN, PROHIBITED, REJECTED, RESET, SERVED, SILENCED, Lab

pytestmark = pytest.mark.netns

ADDRESSES = {"IPv4": "203.0.113.2", "IPv6": "2001:db8:b::2"}
ENGINES = ("socket", "nc", "curl")
FROZEN = 9090
# Short, as every denial costs it; long enough for a busy machine to answer.
TIMEOUT_S = 0.4
SERVER, FROZEN_SERVER = "shop/web", "shop/frozen"


@dataclass(frozen=True)
class Case:
    """What every engine sees on a port, but for the differences that are known and explained."""

    what: str
    protocol: str
    port: int
    seen: Outcome
    # (engine, family) -> what that one sees instead; family "*" is both.
    instead: Mapping[tuple[str, str], Outcome] = field(default_factory=dict)

    def expected(self, engine: str, family: str) -> Outcome:
        return self.instead.get((engine, family)) or self.instead.get((engine, "*")) or self.seen

    def __str__(self) -> str:
        return f"{self.what}/{self.protocol}"


# Linux hands ICMPv6 errors to a connecting TCP socket only if it asks with IPV6_RECVERR, as our own sockets do. nc
# and curl do not ask, and wait in vain.
UNASKED = {("nc", "IPv6"): Outcome.NO_ANSWER, ("curl", "IPv6"): Outcome.NO_ANSWER}
# They know errno alone, where host-unreachable and prohibited are both EHOSTUNREACH.
ERRNO_ONLY = {("nc", "IPv4"): Outcome.UNREACHABLE, ("curl", "IPv4"): Outcome.UNREACHABLE}
# nc reports a connection that was reset like one that was closed: not at all.
HUSHED = {("nc", "*"): Outcome.NO_DATA}
# nc -u ends at once on any ICMP error, and does not say which.
ANY_ICMP = {("nc", "*"): Outcome.REFUSED}

CASES = (
    Case("open", "TCP", OPEN, Outcome.OPEN),
    Case("dropped", "TCP", DROPPED, Outcome.NO_ANSWER),
    Case("rejected with port-unreachable", "TCP", REJECTED, Outcome.REFUSED, UNASKED),
    Case("rejected as prohibited", "TCP", PROHIBITED, Outcome.PROHIBITED, {**UNASKED, **ERRNO_ONLY}),
    Case("rejected with a reset", "TCP", RESET, Outcome.REFUSED),
    Case("no listener", "TCP", CLOSED, Outcome.REFUSED),
    Case("listener frozen", "TCP", FROZEN, Outcome.NO_DATA),
    Case("data dropped", "TCP", SILENCED, Outcome.NO_DATA),
    Case("reset once connected", "TCP", CUT, Outcome.RESET, HUSHED),
    Case("open", "UDP", OPEN, Outcome.OPEN),
    Case("dropped", "UDP", DROPPED, Outcome.NO_ANSWER),
    Case("rejected with port-unreachable", "UDP", REJECTED, Outcome.REFUSED),
    Case("rejected as prohibited", "UDP", PROHIBITED, Outcome.PROHIBITED, ANY_ICMP),
    Case("no listener", "UDP", CLOSED, Outcome.REFUSED),
    Case("listener frozen", "UDP", FROZEN, Outcome.NO_ANSWER),
)

Key = tuple[str, int, str, str]


def _engines(protocol: str) -> tuple[str, ...]:
    return tuple(engine for engine in ENGINES if engine != "curl" or protocol == "TCP")


@pytest.fixture(scope="module")
def sessions(routed: Lab) -> dict[str, AgentSession]:
    """Agents of the client and of the server, and one that hears nothing any more."""
    listening = [f"--listen={port}/{protocol}" for port in SERVED for protocol in ("TCP", "UDP")]
    sessions = {
        "server": routed.serve("server", SERVER, *listening),
        "client": routed.serve("client", "shop/client"),
    }
    routed.serve("server", FROZEN_SERVER, f"--listen={FROZEN}/TCP", f"--listen={FROZEN}/UDP")
    routed.processes[-1].send_signal(signal.SIGSTOP)
    _await_routes(sessions["client"])
    return sessions


def _await_routes(client: AgentSession) -> None:
    """Wait for IPv6: it is not ready before the kernel has noticed that the cables are plugged in, up to a second."""
    for address in ADDRESSES.values():
        for _ in range(50):
            request = ProbeRequest("k", "TCP", address, OPEN, "route", 0.2)
            if client.probe([request], 10).result()["k"].result == "ok":
                break
        else:
            pytest.fail(f"the lab has no route to {address}")


@pytest.fixture(scope="module")
def replies(sessions: dict[str, AgentSession]) -> dict[Key, ProbeReply]:
    """Every case by every engine that can, in one batch from one agent."""
    keys = [
        (case.protocol, case.port, engine, family)
        for case in CASES
        for engine in _engines(case.protocol)
        for family in ADDRESSES
    ]
    requests = [
        ProbeRequest(str(number), protocol, ADDRESSES[family], port, f"engine-{number}", TIMEOUT_S, engine)
        for number, (protocol, port, engine, family) in enumerate(keys)
    ]
    found = sessions["client"].probe(requests, 60).result()
    return {key: found[str(number)] for number, key in enumerate(keys)}


def _tried(replies: Mapping[Key, ProbeReply]) -> dict[Key, ProbeReply]:
    return {key: reply for key, reply in replies.items() if reply.result != "no-tool"}


@pytest.mark.parametrize("family", ADDRESSES)
@pytest.mark.parametrize(
    ("case", "engine"), [(case, engine) for case in CASES for engine in _engines(case.protocol)], ids=str
)
def test_every_engine_sees_what_the_others_see(
    case: Case, engine: str, family: str, replies: dict[Key, ProbeReply], require: Callable[[str], None]
) -> None:
    """Whatever happens to a packet, the engines agree on it, or differ as the table says and why."""
    if engine != "socket":
        require(engine)
    reply = replies[case.protocol, case.port, engine, family]

    seen = classify(reply, {SERVER, FROZEN_SERVER}, protocol=case.protocol, engine=engine)

    assert seen.outcome == case.expected(engine, family), (seen.detail, reply)


def test_the_log_holds_what_arrived_and_nothing_else(
    sessions: dict[str, AgentSession], replies: dict[Key, ProbeReply]
) -> None:
    """A nonce is logged when its packet came through, whoever sent it, and a denied one is not."""
    nonces = {nonce for nonce in sessions["server"].arrivals(0, 10).nonces if nonce.startswith("engine-")}

    open_ones = {f"engine-{reply.key}" for key, reply in _tried(replies).items() if key[1] == OPEN}
    assert nonces == open_ones


def test_no_two_probes_share_a_source_port(replies: dict[Key, ProbeReply]) -> None:
    """Each probe is a new connection to conntrack, also those that nc and curl make."""
    ports = [reply.source_port for reply in _tried(replies).values()]

    assert (None in ports, len(set(ports))) == (False, len(ports))


def test_a_denial_names_the_icmp_error_that_brought_it(replies: dict[Key, ProbeReply]) -> None:
    """Type and code tell a firewall's refusal from a host's, where errno is the same."""
    codes = {
        (port, family): replies["TCP", port, "socket", family].icmp
        for port in (REJECTED, PROHIBITED, RESET, CLOSED)
        for family in ADDRESSES
    }

    assert codes == {
        (REJECTED, "IPv4"): "3/3",
        (REJECTED, "IPv6"): "1/4",
        (PROHIBITED, "IPv4"): "3/13",
        (PROHIBITED, "IPv6"): "1/1",
        (RESET, "IPv4"): None,
        (RESET, "IPv6"): None,
        (CLOSED, "IPv4"): None,
        (CLOSED, "IPv6"): None,
    }


def test_three_hundred_denied_probes_wait_at_once(sessions: dict[str, AgentSession]) -> None:
    """A matrix's worth of denials costs one timeout, not three hundred; how fast they are, `ci/bench` says."""
    requests = [
        ProbeRequest(str(number), "TCP", ADDRESSES["IPv4"], DROPPED, f"many-{number}", 0.5) for number in range(300)
    ]
    started = time.monotonic()
    results = {reply.result for reply in sessions["client"].probe(requests, 60).result().values()}

    assert results == {"timeout"}
    assert time.monotonic() - started < 0.5 * len(requests) / 10
