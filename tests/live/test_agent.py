"""The real agent, spoken to through the records of `probing/wire.py`, and treated badly."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator

import pytest

from harness.errors import ChannelClosedError
from harness.probing.session import AgentSession
from harness.probing.wire import ProbeRequest
from tests.live.lab import AGENT, Lab, PipeChannel, python

pytestmark = pytest.mark.netns

NAME = "shop/web"
PORT = 8080


@pytest.fixture(scope="module")
def alone(lab: Lab) -> Lab:
    """One namespace, with its loopback and an agent."""
    lab.add("alone")
    return lab


@pytest.fixture(scope="module")
def session(alone: Lab) -> AgentSession:
    """A session with an agent that serves one port."""
    return alone.serve("alone", NAME, f"--listen={PORT}/TCP", f"--listen={PORT}/UDP")


@pytest.fixture
def channel(alone: Lab, session: AgentSession) -> Iterator[PipeChannel]:
    """A second connection to the same agent, past its greeting, for lines of our own."""
    opened = alone.attach("alone", NAME)
    opened.receive()
    yield opened
    opened.close()
    opened.process.stdout.close()


def _probe(**changes: object) -> ProbeRequest:
    values = {"key": "k", "protocol": "TCP", "address": "127.0.0.1", "port": PORT, "nonce": "n", "timeout_s": 1.0}
    return ProbeRequest(**{**values, **changes})


def _inside(alone: Lab, code: str) -> str:
    """Run Python in the agent's namespace and return what it prints."""
    return alone.output("alone", *python(code)).strip()


def test_an_agent_introduces_itself(session: AgentSession) -> None:
    """The greeting names the agent and what it listens on, in the words of the wire."""
    hello = session.hello(5)

    assert (hello.name, hello.listening, dict(hello.failed)) == (NAME, (f"{PORT}/TCP", f"{PORT}/UDP"), {})


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_agent_answers_itself(session: AgentSession, protocol: str, address: str) -> None:
    """The reply carries the nonce's proof and the name of who answered, on both families."""
    reply = session.probe([_probe(protocol=protocol, address=address, nonce=f"self-{protocol}")], 5).result()["k"]

    assert (reply.result, reply.nonce_ok, reply.answered_by) == ("ok", True, NAME)


def test_the_log_is_read_from_where_it_was_left(session: AgentSession) -> None:
    """`since` skips what was read before."""
    before = session.arrivals(0, 5).next
    session.probe([_probe(nonce="seen-once")], 5).result()

    assert session.arrivals(before, 5).nonces == ("seen-once",)


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        '{"id": 1, "op": "fly"}',
        '{"id": 1, "op": "probe", "probes": 7}',
        '{"id": 1, "op": "arrivals", "since": "x"}',
        '{"id": 1, "op": "arrivals", "since": -1}',
        "[" * 100_000,
        "\ufffd{",
    ],
    ids=["text", "list", "operation", "probes", "since", "negative", "nested", "garbage"],
)
def test_a_malformed_request_gets_an_error(channel: PipeChannel, line: str) -> None:
    """Whatever comes down the line, a reply says what is wrong with it and the agent lives on."""
    channel.send(line)
    error = json.loads(channel.receive())["error"]
    channel.send('{"id": 2, "op": "status"}')

    assert (error.startswith("bad request"), json.loads(channel.receive())["id"]) == (True, 2)


def test_a_line_over_eight_mebibytes_gets_an_error(channel: PipeChannel) -> None:
    """Memory is bounded, and the next line is understood again."""
    channel.send("x" * (9 * 1024 * 1024))
    error = json.loads(channel.receive())["error"]
    channel.send('{"id": 2, "op": "status"}')

    assert ("8388608" in error, json.loads(channel.receive())["id"]) == (True, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"address": "localhost"},
        {"port": 0},
        {"port": "80"},
        {"timeout_s": -1},
        {"timeout_s": 1e9},
        {"nonce": "a b"},
        {"nonce": "\u00e9"},
        {"protocol": "ICMP"},
        {"engine": "telnet"},
    ],
    ids=lambda change: "-".join(map(str, next(iter(change.items())))),
)
def test_a_probe_that_makes_no_sense_is_answered_as_such(session: AgentSession, change: dict[str, object]) -> None:
    """One bad probe spoils neither its batch nor its agent."""
    replies = session.probe([_probe(key="good"), _probe(key="bad", **change)], 5).result()

    assert (replies["good"].result, replies["bad"].result) == ("ok", "bad-request")


def test_batches_overlap(session: AgentSession, void: str) -> None:
    """A batch that waits for an answer holds up no other."""
    waiting = session.probe([_probe(address=void, timeout_s=1.0)], 5)
    quick = session.probe([_probe(nonce="overtakes")], 5).result()["k"]
    overtook = not waiting.is_done()

    assert (quick.result, overtook, waiting.result()["k"].result) == ("ok", True, "timeout")


def test_a_large_datagram_comes_back_whole(alone: Lab, session: AgentSession) -> None:
    """The echo keeps everything behind the nonce, whatever its size."""
    code = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5);"
        f"s.sendto(b'big\\n' + b'x' * 8000, ('127.0.0.1', {PORT})); d = s.recv(65536); print(len(d), d[:14])"
    )

    assert _inside(alone, code) == f"{8000 + len(f'big {NAME}') + 1} b'big {NAME}\\nx'"


@pytest.mark.parametrize(
    "sent", ["b''", "b'GET /half'", "bytes(range(256)) * 200", "b'POST / HTTP/1.1\\r\\n\\r\\n'"], ids=range(4)
)
def test_rude_clients_change_nothing(alone: Lab, session: AgentSession, sent: str) -> None:
    """A client that sends nothing, half a line or garbage, and leaves, is forgotten."""
    _inside(alone, f"import socket; s = socket.create_connection(('127.0.0.1', {PORT})); s.sendall({sent}); s.close()")

    assert session.probe([_probe(nonce="still-here")], 5).result()["k"].result == "ok"


def test_a_request_in_pieces_is_answered(alone: Lab, session: AgentSession) -> None:
    """The head may come byte by byte."""
    code = (
        f"import socket; s = socket.create_connection(('127.0.0.1', {PORT}));"
        "[s.sendall(bytes([byte])) for byte in b'GET /slow HTTP/1.1\\r\\n\\r\\n'];"
        "print(s.makefile('rb').read().splitlines()[-1])"
    )

    assert _inside(alone, code) == f"b'slow {NAME}'"


def test_a_port_that_is_taken_is_reported(alone: Lab, session: AgentSession) -> None:
    """A listener that cannot be had is named in the greeting, and the agent serves the rest."""
    hello = alone.serve("alone", "shop/late", f"--listen={PORT}/TCP", f"--listen={PORT + 7}/TCP").hello(5)

    assert (hello.listening, hello.failed[f"{PORT}/TCP"][:10]) == ((f"{PORT + 7}/TCP",), "EADDRINUSE")


def test_a_name_that_is_taken_is_an_error(alone: Lab, session: AgentSession) -> None:
    """Two agents of one name in one namespace would answer for each other."""
    failed = alone.failing("alone", *python_agent("serve", "--name", NAME))

    assert ("Address already in use" in failed.stderr, failed.returncode) == (True, 1)


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["serve"], ["serve", "--name", "x", "--listen", "99999/TCP"], ["serve", "--nmae", "x"]]
)
def test_wrong_arguments_get_the_usage(alone: Lab, arguments: list[str]) -> None:
    """A mistake in a pod's command shows in its log."""
    failed = alone.failing("alone", *python_agent(*arguments))

    assert ("usage: agent.py" in failed.stderr, failed.returncode) == (True, 2)


def test_an_agent_that_is_killed_faults_its_batch(alone: Lab, void: str) -> None:
    """What was under way ends at once, with the reason, and what is asked later too."""
    session = alone.serve("alone", "shop/doomed")
    batch = session.probe([_probe(address=void, timeout_s=20.0)], 30)
    alone.processes[-1].kill()
    started = time.monotonic()
    reply = batch.result()["k"]
    later = session.probe([_probe()], 30).result()["k"]

    assert (reply.result, later.result, time.monotonic() - started < 5) == ("fault", "fault", True)


def test_sigterm_ends_an_agent_at_once(alone: Lab) -> None:
    """Also with connections open: a pod's end must not wait for its grace period."""
    alone.serve("alone", "shop/leaving", "--listen=8099/TCP")
    process = alone.processes[-1]
    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=5) == 0


def test_attach_without_an_agent_says_so(alone: Lab) -> None:
    """Nobody at the other end is an error of the channel, not an empty answer."""
    channel = alone.attach("alone", "shop/nobody")
    with pytest.raises(ChannelClosedError):
        channel.receive()
    channel.close()


@pytest.fixture(scope="module")
def void(alone: Lab) -> str:
    """An address that swallows what is sent to it."""
    alone.inside("alone", "ip", "link", "add", "void", "type", "veth", "peer", "name", "hole")
    for device in ("void", "hole"):
        alone.inside("alone", "ip", "link", "set", device, "up")
    alone.inside("alone", "ip", "address", "add", "192.0.2.1/24", "dev", "void")
    alone.inside("alone", "ip", "neighbour", "add", "192.0.2.77", "lladdr", "02:00:00:00:00:01", "dev", "void")
    return "192.0.2.77"


def python_agent(*arguments: str) -> list[str]:
    """Return the command that runs the agent."""
    return [*python(), str(AGENT), *arguments]
