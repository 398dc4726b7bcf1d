"""The channel to an agent: whole lines, or a reason why there are no more."""

from __future__ import annotations

import threading

import pytest

from harness.cluster.kubernetes.exec_channel import ExecChannel
from harness.errors import ChannelClosedError, ProbeError
from harness.model.flow import Endpoint
from harness.probing.session import AgentSession
from tests.kubernetes.api_server import STDERR, SUCCESS, Behaviour, Peer, failure
from tests.kubernetes.conftest import SOON_S, Opener


def _sending(*parts: bytes) -> Behaviour:
    def behave(peer: Peer) -> None:
        peer.accept()
        for part in parts:
            peer.output(part)
        peer.wait_for_the_end()

    return behave


def _end_of(channel: ExecChannel) -> str:
    with pytest.raises(ChannelClosedError) as raised:
        channel.receive()
    return raised.value.what


def test_lines_come_whole_however_they_were_cut(open_stream: Opener) -> None:
    """Parts are joined, even inside a character; several lines in one part are told apart."""
    channel = ExecChannel(open_stream(_sending(b"one\ntw", b"o\n\n\xc3", b"\xbc\n")), "shop/web")

    assert [channel.receive() for _ in range(4)] == ["one", "two", "", "ü"]


def test_a_huge_line_comes_whole(open_stream: Opener) -> None:
    """An agent's log of arrivals takes megabytes, in a frame or in many."""
    line = b"x" * 3_000_000
    channel = ExecChannel(open_stream(_sending(line + b"\n", *[line[:100_000]] * 30, b"\n")), "shop/web")

    assert [channel.receive() == line.decode() for _ in range(2)] == [True, True]


def test_a_line_without_an_end_is_no_agents(open_stream: Opener) -> None:
    """What would fill the memory is ended instead."""
    channel = ExecChannel(open_stream(_sending(b"x" * 600, b"x" * 600)), "shop/web", longest_line=1000)

    assert _end_of(channel) == "the channel to shop/web has ended: the agent sends a line without an end"


def test_a_line_that_was_cut_is_never_returned(open_stream: Opener) -> None:
    """Half an answer is no answer; whole ones before it are returned first."""

    def behave(peer: Peer) -> None:
        peer.accept()
        peer.output(b'{"whole":1}\n{"half"')

    channel = ExecChannel(open_stream(behave), "shop/web")

    assert channel.receive() == '{"whole":1}'
    assert _end_of(channel) == (
        "the channel to shop/web has ended: the connection broke off; how the command ended was not said, "
        "in the middle of a line"
    )


def test_the_end_tells_status_and_stderr(open_stream: Opener) -> None:
    """An agent that is not there says so on stderr, and exits with 1."""

    def behave(peer: Peer) -> None:
        peer.accept()
        peer.output(b"agent: attach --name shop/web: ", STDERR)
        peer.output(b"Connection refused\xff\n", STDERR)
        peer.end(failure(1))

    channel = ExecChannel(open_stream(behave), "shop/web")
    said = (
        "the channel to shop/web has ended: the command ended with status 1; "
        "on stderr: agent: attach --name shop/web: Connection refused\ufffd"
    )

    assert [_end_of(channel), _end_of(channel)] == [said, said]


def test_a_command_that_never_ran_is_told_as_such(open_stream: Opener) -> None:
    """The server opens the websocket before it looks for the container."""
    status = {"status": "Failure", "reason": "InternalError", "message": 'container not found ("agent")', "code": 500}
    channel = ExecChannel(open_stream(lambda peer: (peer.accept(), peer.end(status))), "shop/web")

    assert _end_of(channel) == 'the channel to shop/web has ended: the command failed: container not found ("agent")'


def test_what_is_no_utf8_ends_the_channel(open_stream: Opener) -> None:
    """Guessed letters could make an answer of another, so nothing is read any more."""
    channel = ExecChannel(open_stream(_sending(b'{"ok":1}\n{"key":"\xff\xfe"}\nmore\n')), "shop/web")
    whole = channel.receive()
    said = r"""the channel to shop/web has ended: the agent sent what is no UTF-8: b'\xff\xfe"}'"""

    assert [whole, _end_of(channel), _end_of(channel)] == ['{"ok":1}', said, said]


def test_a_line_is_sent_with_its_end(open_stream: Opener) -> None:
    """The agent reads lines, in UTF-8, on stdin."""
    frames: list[tuple[int, bytes]] = []
    channel = ExecChannel(
        open_stream(lambda peer: (peer.accept(), frames.append(peer.read_frame()), peer.output(b"thanks\n"))),
        "shop/web",
    )
    channel.send("ü")

    assert (channel.receive(), frames) == ("thanks", [(2, b"\x00\xc3\xbc\n")])


def test_sending_after_the_end_says_why(open_stream: Opener) -> None:
    """Nobody writes into the void and waits for the answer."""
    channel = ExecChannel(open_stream(lambda peer: (peer.accept(), peer.end(SUCCESS))), "shop/web")
    _end_of(channel)

    with pytest.raises(ChannelClosedError, match="shop/web has ended: the command ended with status 0"):
        channel.send("{}")


@pytest.mark.usefixtures("soon")
def test_closing_wakes_the_reader(open_stream: Opener) -> None:
    """A session that is closed leaves no thread waiting."""
    channel = ExecChannel(open_stream(_sending()), "shop/web")
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.append(_end_of(channel)))
    reader.start()
    reader.join(0.1)
    channel.close()
    channel.close()
    reader.join(SOON_S)

    assert said == ["the channel to shop/web has ended: it was closed"]


@pytest.mark.usefixtures("soon")
def test_a_session_over_a_broken_stream_faults_in_plain_words(open_stream: Opener) -> None:
    """What the prober reports is the reason that the transport found, and its reader is gone."""
    channel = ExecChannel(open_stream(lambda peer: (peer.accept(), peer.end(failure(1)))), "shop/web")
    session = AgentSession(channel, Endpoint("shop/web"))
    with pytest.raises(ProbeError, match="the command ended with status 1"):
        session.hello(SOON_S)
    session.close()

    assert session.ended is not None
