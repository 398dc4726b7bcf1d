"""The JSON lines that cross to an agent: exact one way, tolerant the other."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ProbeError
from harness.probing.wire import (
    ProbeReply,
    ProbeRequest,
    decode,
    decode_arrivals,
    decode_hello,
    decode_replies,
    decode_reply,
    encode,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)
REPLY_FIELDS = st.dictionaries(st.sampled_from([*ProbeReply.__dataclass_fields__, "new"]), JSON)


def test_a_request_crosses_as_one_line() -> None:
    """The field names are the agent's; newlines cannot occur."""
    request = ProbeRequest("1", "TCP", "192.0.2.1", 80, "n\n1", 0.5)

    line = encode({"id": 1, "op": "probe", "probes": [request.to_wire()]})

    assert (line.count("\n"), decode(line)["probes"][0]) == (
        0,
        {
            "key": "1",
            "engine": "socket",
            "protocol": "TCP",
            "address": "192.0.2.1",
            "port": 80,
            "nonce": "n\n1",
            "timeout_s": 0.5,
        },
    )


def test_a_reply_comes_back_as_it_was_sent() -> None:
    """What the agent said is kept for the report, without what it left out."""
    message = {"key": "1", "phase": "answer", "result": "ok", "nonce_ok": True, "elapsed_s": 1, "source_port": 20000}

    assert decode_reply(message).to_wire() == message


def test_unknown_fields_are_ignored() -> None:
    """A newer agent may say more."""
    assert decode_reply({"key": "1", "phase": "answer", "result": "ok", "mood": "fine"}).result == "ok"


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        {"phase": "answer", "result": "ok"},
        {"key": 1, "phase": "answer", "result": "ok"},
        {"key": "1", "phase": "answer", "result": "ok", "source_port": True},
        {"key": "1", "phase": "answer", "result": "ok", "nonce_ok": "yes"},
        {"key": "1", "phase": "answer", "result": "ok", "elapsed_s": "0.1"},
    ],
    ids=str,
)
def test_a_reply_of_the_wrong_shape_is_an_error(message: object) -> None:
    """A field that is missing or of another type is garbage, not an answer."""
    with pytest.raises(ProbeError):
        decode_reply(message)


@pytest.mark.parametrize("line", ["", "hello", "[1]", "7", '{"id": 1', "[" * 100_000], ids=range(6))
def test_a_line_that_is_no_object_is_an_error(line: str) -> None:
    """Half a line, a stray word, or too much of anything."""
    with pytest.raises(ProbeError):
        decode(line)


def test_an_agent_of_another_version_is_refused() -> None:
    """Guessing what it means would be worse than saying so."""
    with pytest.raises(ProbeError, match="version 2"):
        decode_hello({"version": 2, "name": "shop/web"})


def test_a_page_of_the_log_is_its_nonces() -> None:
    """Where a nonce came in and from whom is for people; the nonce is the proof."""
    page = decode_arrivals({"arrivals": [[3, "n-1", "80/TCP", "192.0.2.1 20000"]], "next": 4, "lost": 2})

    assert (page.nonces, page.next, page.more, page.lost) == (("n-1",), 4, False, 2)


@settings(max_examples=40)
@given(message=JSON | REPLY_FIELDS)
def test_decoding_raises_nothing_but_probe_errors(message: object) -> None:
    """Whatever an agent sends, a person gets a sentence and never a traceback."""
    raised = []
    for decoding in (decode_reply, decode_hello, decode_arrivals):
        try:
            decoding(message)
        except ProbeError as fault:
            raised.append(str(fault))

    assert all(raised)


@settings(max_examples=40)
@given(message=st.dictionaries(st.sampled_from(["replies", "done"]), JSON))
def test_replies_are_a_list_or_an_error(message: dict[str, object]) -> None:
    """A message without replies has none; one with something else in their place is garbage."""
    try:
        replies = decode_replies(message)
    except ProbeError:
        replies = None

    assert replies == message.get("replies", []) or not isinstance(message["replies"], list)
