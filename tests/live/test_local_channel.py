"""The channel to an agent, over a pair of sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from harness.cluster.netns.channel import SocketChannel
from harness.errors import ChannelClosedError


@pytest.fixture
def agent() -> Iterator[tuple[SocketChannel, socket.socket]]:
    """A channel, and the agent's end of it."""
    ours, theirs = socket.socketpair()
    channel = SocketChannel(ours, "x/server")
    yield channel, theirs
    channel.close()
    theirs.close()


def test_lines_come_whole_however_they_were_cut(agent: tuple[SocketChannel, socket.socket]) -> None:
    """Parts are joined, several lines in one part are told apart."""
    channel, theirs = agent
    theirs.sendall(b"one\ntw")
    first = channel.receive()
    theirs.sendall(b"o\n\nthree\n")

    assert [first, channel.receive(), channel.receive(), channel.receive()] == ["one", "two", "", "three"]


def test_a_line_that_was_cut_is_never_returned(agent: tuple[SocketChannel, socket.socket]) -> None:
    """Half an answer is no answer; the error says that it was cut."""
    channel, theirs = agent
    theirs.sendall(b'{"whole":1}\n{"half"')
    theirs.close()
    whole = channel.receive()

    assert whole == '{"whole":1}'
    with pytest.raises(ChannelClosedError, match="in the middle of a line"):
        channel.receive()


def test_a_dead_agent_breaks_sending(agent: tuple[SocketChannel, socket.socket]) -> None:
    """Nobody writes into the void and waits for the answer."""
    channel, theirs = agent
    theirs.close()

    with pytest.raises(ChannelClosedError, match="x/server"):
        channel.send("{}")


def test_closing_wakes_a_sender(agent: tuple[SocketChannel, socket.socket]) -> None:
    """A send to an agent that reads no more ends with the channel."""
    channel, _ = agent
    raised: list[Exception] = []

    def send() -> None:
        try:
            channel.send("x" * 50_000_000)
        except ChannelClosedError as fault:
            raised.append(fault)

    sender = threading.Thread(target=send)
    sender.start()
    channel.close()
    sender.join(5)

    assert [type(fault) for fault in raised] == [ChannelClosedError]
