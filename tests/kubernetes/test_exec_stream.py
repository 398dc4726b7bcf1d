"""A stream keeps every byte, ends whatever happens, and never guesses how a command ended."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable

import pytest

from harness.cluster.kubernetes.exec_stream import STDERR, STDOUT, ExecStream, StreamEndedError
from harness.cluster.kubernetes.exit_status import ExitStatus, parse
from harness.cluster.kubernetes.link import Keepalive
from harness.errors import ClusterError
from tests.kubernetes.api_server import (
    BINARY,
    CLOSE,
    ERROR,
    PING,
    PONG,
    SUCCESS,
    TEXT,
    V4,
    V5,
    Behaviour,
    Peer,
    failure,
    frame,
)
from tests.kubernetes.conftest import SOON_S, Opener

BRISK = Keepalive(ping_after_s=0.1, pong_within_s=0.2)


def _after_accept(*messages: bytes) -> Behaviour:
    """Return a behaviour that sends what it is given and hangs up."""

    def behave(peer: Peer) -> None:
        peer.accept()
        peer.raw.sendall(b"".join(messages))

    return behave


def _all(stream: ExecStream) -> tuple[list[tuple[int, bytes]], str]:
    """Return all output, and what is said at the end."""
    output: list[tuple[int, bytes]] = []
    try:
        while True:
            part = stream.receive(SOON_S)
            assert part is not None
            output.append(part)
    except StreamEndedError as ended:
        return output, ended.what


def test_output_and_status_come_as_they_were_sent(open_stream: Opener) -> None:
    """Bytes stay bytes, channels stay apart, and the status is the server's."""

    def behave(peer: Peer) -> None:
        peer.accept()
        peer.output(b"")
        peer.output(b"\xff\x00out\n")
        peer.output(b"err", STDERR)
        peer.end(failure(3))

    stream = open_stream(behave)

    assert _all(stream) == ([(STDOUT, b"\xff\x00out\n"), (STDERR, b"err")], "the command ended with status 3")
    assert stream.exit_status == ExitStatus(3, "command terminated with non-zero exit code: exit status 3")


def test_fragments_are_joined_around_control_frames(open_stream: Opener) -> None:
    """A message may come in parts, with a ping between them (RFC 6455, section 5.4)."""
    parts = (
        frame(BINARY, b"\x01on", fin=False),
        frame(PING, b"there?"),
        frame(0, b"e m", fin=False),
        frame(0, b"essage"),
        frame(TEXT, b"\x01no UTF-8: \xff"),
    )
    stream = open_stream(_after_accept(*parts))

    assert _all(stream)[0] == [(STDOUT, b"one message"), (STDOUT, b"no UTF-8: \xff")]


def test_output_that_drips_in_comes_whole(open_stream: Opener) -> None:
    """A deadline that passes in the middle of a frame loses none of it."""

    def behave(peer: Peer) -> None:
        peer.accept()
        for byte in frame(BINARY, b"\x01slow"):
            peer.raw.sendall(bytes([byte]))
            time.sleep(0.02)
        peer.end(SUCCESS)

    stream = open_stream(behave)
    received: list[tuple[int, bytes] | None] = []
    while not any(received):
        received.append(stream.receive(0.01))

    assert received[-1] == (STDOUT, b"slow")
    assert len(received) > 2


def test_nothing_in_time_is_no_end(open_stream: Opener) -> None:
    """A deadline that passes in silence gives None, and the stream goes on."""
    go = threading.Event()
    stream = open_stream(lambda peer: (peer.accept(), go.wait(SOON_S), peer.output(b"late"), peer.wait_for_the_end()))
    first = stream.receive(0.05)
    go.set()

    assert (first, stream.receive(SOON_S)) == (None, (STDOUT, b"late"))


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([frame(BINARY, b"\x01half")[:-1]], "the connection broke off; how the command ended was not said"),
        ([b"\x82"], "the connection broke off; how the command ended was not said"),
        ([], "the connection broke off; how the command ended was not said"),
        (
            [frame(BINARY, b"\x01never finished", fin=False)],
            "the connection broke off; how the command ended was not said",
        ),
        (
            [frame(CLOSE, struct.pack("!H", 1000))],
            "the API server closed the connection (1000); how the command ended was not said",
        ),
        (
            [frame(CLOSE, struct.pack("!H", 1001) + b"going away")],
            "the API server closed the connection (1001 going away); how the command ended was not said",
        ),
        ([frame(CLOSE, b"")], "the API server closed the connection; how the command ended was not said"),
        (
            [frame(BINARY, b'\x03{"status":"Suc')],
            "the connection broke off; the command's status is cut or no JSON: b'{\"status\":\"Suc'",
        ),
        (
            [frame(0, b"the rest of nothing")],
            "the API server broke the websocket protocol: a fragment out of order; how the command ended was not said",
        ),
        (
            [frame(BINARY, b"\x01half", fin=False), frame(BINARY, b"\x01another")],
            "the API server broke the websocket protocol: a fragment out of order; how the command ended was not said",
        ),
        (
            [b"\xf2\x01\x01"],
            (
                "the API server broke the websocket protocol: rsv is not implemented, yet; "
                "how the command ended was not said"
            ),
        ),
    ],
    ids=[
        "in a frame",
        "in a head",
        "at once",
        "in a message",
        "closed",
        "going away",
        "wordless",
        "in the status",
        "no start",
        "no end",
        "junk",
    ],
)
def test_an_end_without_a_status_is_told_as_one(open_stream: Opener, messages: list[bytes], said: str) -> None:
    """Whatever is cut is not returned, and no exit status is made up."""
    stream = open_stream(_after_accept(*messages))

    assert (_all(stream), stream.exit_status) == (([], said), None)


def test_output_after_the_status_is_not_lost(open_stream: Opener) -> None:
    """Status and output take different ways through the server, and the status may be faster."""
    status = b"\x03" + json.dumps(SUCCESS).encode()
    stream = open_stream(_after_accept(frame(BINARY, status), frame(BINARY, b"\x01last")))

    assert _all(stream) == ([(STDOUT, b"last")], "the command ended with status 0")


def test_a_status_in_two_messages_is_joined(open_stream: Opener) -> None:
    """Whatever copies a status may cut it."""
    text = json.dumps(failure(42)).encode()
    stream = open_stream(_after_accept(frame(BINARY, b"\x03" + text[:30]), frame(BINARY, b"\x03" + text[30:])))

    assert _all(stream) == ([], "the command ended with status 42")


@pytest.mark.usefixtures("soon")
def test_a_server_that_never_hangs_up_is_not_waited_for(open_stream: Opener) -> None:
    """After the status there is nothing to wait for but output that is on its way."""

    def behave(peer: Peer) -> None:
        peer.accept()
        peer.output(json.dumps(failure(1)).encode(), ERROR)
        peer.wait_for_the_end()

    assert _all(open_stream(behave)) == ([], "the command ended with status 1")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (SUCCESS, ExitStatus(0)),
        (failure(137), ExitStatus(137, "command terminated with non-zero exit code: exit status 137")),
        (
            {"status": "Failure", "reason": "InternalError", "message": "container not found", "code": 500},
            ExitStatus(None, "container not found"),
        ),
        ({"status": "Failure", "reason": "NonZeroExitCode"}, ExitStatus(None, "NonZeroExitCode")),
        (
            {**failure(1), "details": {"causes": [{"reason": "Other", "message": "9"}, 7]}},
            ExitStatus(None, failure(1)["message"]),
        ),
        ({**failure(1), "details": {"causes": "none"}}, ExitStatus(None, failure(1)["message"])),
        (
            {**failure(1), "details": {"causes": [{"reason": "ExitCode", "message": "-1"}]}},
            ExitStatus(None, failure(1)["message"]),
        ),
        ({}, ExitStatus(None, "no reason given")),
        (["Success"], ExitStatus(None, "its status is no Status object: b'[\"Success\"]'")),
    ],
    ids=["success", "number", "never ran", "no details", "other cause", "odd causes", "odd number", "empty", "list"],
)
def test_a_status_is_read_and_never_assumed(status: object, expected: ExitStatus) -> None:
    """Only Success is 0, and only a cause named ExitCode is a number."""
    assert parse(json.dumps(status).encode()) == expected


@pytest.mark.parametrize("text", [b"", b"{", b'{"status":"Success"', b"\xff"])
def test_a_status_that_is_not_whole_is_none(text: bytes) -> None:
    """A cut status says nothing."""
    assert parse(text) is None


def test_stdin_arrives_whole_and_unmixed(open_stream: Opener) -> None:
    """What one thread sends is not interrupted by what others send, however large."""
    received, size, senders = bytearray(), 100_000, b"abcd"
    done = threading.Event()

    def behave(peer: Peer) -> None:
        peer.accept()
        while len(received) < size * len(senders):
            opcode, payload = peer.read_frame()
            assert (opcode, payload[0]) == (BINARY, 0)
            received.extend(payload[1:])
        done.set()

    stream = open_stream(behave)
    threads = [threading.Thread(target=stream.send, args=(bytes([letter]) * size,)) for letter in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    done.wait(10)
    runs = [bytes(received[start : start + size]) for start in range(0, len(received), size)]

    assert sorted(runs) == [bytes([letter]) * size for letter in senders]


def test_stdin_is_closed_in_v5(open_stream: Opener) -> None:
    """The server is told that channel 0 has ended, and the connection stays."""
    frames: list[tuple[int, bytes]] = []
    stream = open_stream(lambda peer: (peer.accept(V5), frames.append(peer.read_frame()), peer.end(SUCCESS)))
    stream.close_stdin()

    assert (_all(stream)[1], frames) == ("the command ended with status 0", [(BINARY, b"\xff\x00")])


def test_stdin_cannot_be_closed_in_v4_and_that_is_said(open_stream: Opener) -> None:
    """Passed over in silence, a command that reads to the end would hang."""
    stream = open_stream(lambda peer: (peer.accept(V4), peer.wait_for_the_end()))

    with pytest.raises(ClusterError, match=r"v4\.channel\.k8s\.io, in which stdin cannot be closed"):
        stream.close_stdin()


def test_a_ping_of_the_server_is_answered(open_stream: Opener) -> None:
    """The answer carries what the ping carried."""
    answers: list[tuple[int, bytes]] = []

    def behave(peer: Peer) -> None:
        peer.accept()
        peer.raw.sendall(frame(PING, b"still there?"))
        answers.append(peer.read_frame())
        peer.end(SUCCESS)

    assert (_all(open_stream(behave))[1], answers) == ("the command ended with status 0", [(PONG, b"still there?")])


@pytest.mark.usefixtures("soon")
def test_a_server_that_died_in_silence_is_noticed(open_stream: Opener) -> None:
    """No answer to a ping is the end, within the time that the keepalive gives."""
    stream = open_stream(lambda peer: (peer.accept(), peer.wait_for_the_end()), keepalive=BRISK)
    output, said = _all(stream)

    assert output == []
    assert said.startswith("the API server has given no sign of life for 0.3 s; how")


@pytest.mark.usefixtures("soon")
def test_a_server_that_hangs_in_a_frame_is_noticed(open_stream: Opener) -> None:
    """Bytes are signs of life, the promise of bytes is none."""
    half = frame(BINARY, b"\x01" + b"x" * 1000)[:500]
    stream = open_stream(lambda peer: (peer.accept(), peer.raw.sendall(half), peer.wait_for_the_end()), keepalive=BRISK)

    assert "no sign of life" in _all(stream)[1]


@pytest.mark.usefixtures("soon")
def test_a_server_that_takes_nothing_is_given_up(open_stream: Opener) -> None:
    """Sending has its deadline; after a part of a frame the stream has ended for everybody."""
    hold = threading.Event()
    keepalive = Keepalive(write_within_s=0.2)
    stream = open_stream(lambda peer: (peer.accept(), hold.wait(10)), keepalive=keepalive)
    said = []
    for action in (lambda: stream.send(b"x" * 50_000_000), lambda: stream.receive(1)):
        with pytest.raises(StreamEndedError) as raised:
            action()
        said.append(raised.value.what)
    hold.set()

    assert said == ["the API server took nothing for 0.2 s; how the command ended was not said"] * 2


def test_an_idle_stream_stays_open(open_stream: Opener) -> None:
    """A server that answers pings is alive, for however long it has nothing to say."""
    pings = 4

    def behave(peer: Peer) -> None:
        peer.accept()
        for _ in range(pings):
            opcode, payload = peer.read_frame()
            assert opcode == PING
            peer.raw.sendall(frame(PONG, payload))
        peer.output(b"good morning")
        peer.end(SUCCESS)

    stream = open_stream(behave, keepalive=Keepalive(ping_after_s=0.1, pong_within_s=2))

    assert _all(stream) == ([(STDOUT, b"good morning")], "the command ended with status 0")


def _blocked_in(action: Callable[[], object]) -> tuple[threading.Thread, list[str]]:
    said: list[str] = []

    def run() -> None:
        try:
            action()
        except StreamEndedError as ended:
            said.append(ended.what)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    return thread, said


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("blocked", ["receive", "send"])
def test_closing_wakes_whoever_waits(open_stream: Opener, blocked: str) -> None:
    """A reader without output and a writer into a full connection are both told, at once."""
    hold = threading.Event()
    stream = open_stream(lambda peer: (peer.accept(), hold.wait(10)))
    thread, said = _blocked_in(
        (lambda: stream.receive(60)) if blocked == "receive" else (lambda: stream.send(b"x" * 50_000_000))
    )
    stream.close()
    thread.join(2)
    hold.set()

    assert said == ["it was closed"]


def test_closing_says_farewell(open_stream: Opener) -> None:
    """The command reads the end of its stdin and the server need not wait for a timeout; closing twice is fine."""
    frames: list[tuple[int, bytes]] = []
    done = threading.Event()
    stream = open_stream(
        lambda peer: (peer.accept(), frames.extend((peer.read_frame(), peer.read_frame())), done.set())
    )
    stream.close()
    stream.close()
    done.wait(SOON_S)

    assert frames == [(BINARY, b"\xff\x00"), (CLOSE, struct.pack("!H", 1000))]
    with pytest.raises(StreamEndedError, match="it was closed"):
        stream.receive(1)
    with pytest.raises(StreamEndedError, match="it was closed"):
        stream.send(b"x")
