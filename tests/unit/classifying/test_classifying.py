"""What each reply of an agent means, and that an unknown one means nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.result import Outcome
from harness.probing.classify import classify
from harness.probing.wire import ProbeReply

SERVER = "shop/web"
SILENCE_BY_NC = "nc: connect to 192.0.2.1 port 80 (tcp) timed out: Operation now in progress\n"


def _reply(phase: str, result: str, **more: object) -> ProbeReply:
    return ProbeReply("k", phase, result, **more)


def _outcome(reply: ProbeReply, protocol: str = "TCP", engine: str = "socket") -> Outcome:
    return classify(reply, {SERVER}, protocol=protocol, engine=engine).outcome


def _errno(name: str, phase: str = "connect", **more: object) -> ProbeReply:
    return _reply(phase, "errno", errno=name, **more)


@pytest.mark.parametrize(
    ("reply", "protocol", "outcome"),
    [
        (_reply("answer", "ok", nonce_ok=True, answered_by=SERVER), "TCP", Outcome.OPEN),
        (_reply("answer", "ok", nonce_ok=True, answered_by="shop/other"), "TCP", Outcome.WRONG_ANSWER),
        (_reply("answer", "ok", nonce_ok=False, answered_by=SERVER), "TCP", Outcome.FAULT),
        (_reply("answer", "ok", nonce_ok=True), "TCP", Outcome.FAULT),
        (_reply("answer", "bad-answer", raw="hello"), "UDP", Outcome.WRONG_ANSWER),
        (_reply("connect", "timeout"), "TCP", Outcome.NO_ANSWER),
        (_reply("answer", "timeout"), "TCP", Outcome.NO_DATA),
        (_reply("answer", "timeout", raw="HTTP/1"), "TCP", Outcome.WRONG_ANSWER),
        (_reply("answer", "timeout"), "UDP", Outcome.NO_ANSWER),
        (_reply("answer", "timeout"), "SCTP", Outcome.NO_DATA),
        (_reply("answer", "closed"), "TCP", Outcome.NO_DATA),
        (_errno("ECONNREFUSED"), "TCP", Outcome.REFUSED),
        (_errno("ECONNREFUSED", "answer", icmp="3/3"), "UDP", Outcome.REFUSED),
        (_errno("ECONNRESET"), "TCP", Outcome.RESET),
        (_errno("ECONNRESET", "answer", connect_s=0.1), "TCP", Outcome.RESET),
        (_errno("EHOSTUNREACH"), "TCP", Outcome.UNREACHABLE),
        (_errno("EHOSTUNREACH", icmp="3/1"), "TCP", Outcome.UNREACHABLE),
        (_errno("ENETUNREACH"), "TCP", Outcome.UNREACHABLE),
        (_errno("EHOSTUNREACH", icmp="3/13"), "TCP", Outcome.PROHIBITED),
        (_errno("EHOSTUNREACH", icmp="3/10"), "UDP", Outcome.PROHIBITED),
        (_errno("EACCES", icmp="1/1"), "TCP", Outcome.PROHIBITED),
        (_errno("EACCES"), "TCP", Outcome.PROHIBITED),
        (_errno("EPERM", "send"), "UDP", Outcome.PROHIBITED),
        (_errno("ETIMEDOUT"), "TCP", Outcome.NO_ANSWER),
        (_errno("ETIMEDOUT", "answer"), "TCP", Outcome.NO_DATA),
        (_errno("EACCES", "bind"), "TCP", Outcome.FAULT),
        (_errno("EADDRNOTAVAIL"), "TCP", Outcome.FAULT),
        (_errno("EMFILE", "bind"), "TCP", Outcome.FAULT),
        (_errno("ENOBUFS", "send"), "UDP", Outcome.FAULT),
        (_errno("EAFNOSUPPORT", "bind"), "TCP", Outcome.FAULT),
        (_reply("bind", "timeout"), "TCP", Outcome.FAULT),
        (_reply("bind", "no-tool"), "TCP", Outcome.FAULT),
        (_reply("bind", "bad-request"), "TCP", Outcome.FAULT),
        (_reply("session", "fault", detail="killed"), "TCP", Outcome.FAULT),
        (_reply("connect", "dns"), "TCP", Outcome.DNS_FAILURE),
    ],
    ids=str,
)
def test_a_socket_probe_means_what_the_kernel_said(reply: ProbeReply, protocol: str, outcome: Outcome) -> None:
    """Every answer of the kernel has one meaning; the prober's own troubles are faults."""
    assert _outcome(reply, protocol) == outcome


@pytest.mark.parametrize(
    ("code", "phase", "stderr", "outcome"),
    [
        (5, "connect", "curl: (5) Could not resolve proxy", Outcome.DNS_FAILURE),
        (6, "connect", "curl: (6) Could not resolve host", Outcome.DNS_FAILURE),
        (7, "connect", "* connect to 192.0.2.1 port 80 failed: Connection refused", Outcome.REFUSED),
        (7, "connect", "* connect to 192.0.2.1 port 80 failed: No route to host", Outcome.UNREACHABLE),
        (7, "connect", "* Immediate connect fail for 192.0.2.1: Network is unreachable", Outcome.UNREACHABLE),
        (7, "connect", "* connect to 192.0.2.1 port 80 failed: Permission denied", Outcome.PROHIBITED),
        (7, "connect", "curl: (7) Couldn't connect to server", Outcome.FAULT),
        (28, "connect", "curl: (28) Connection timed out", Outcome.NO_ANSWER),
        (28, "answer", "curl: (28) Operation timed out", Outcome.NO_DATA),
        (45, "connect", "* bind failed with errno 98: Address already in use", Outcome.FAULT),
        (52, "answer", "curl: (52) Empty reply from server", Outcome.NO_DATA),
        (56, "answer", "curl: (56) Recv failure: Connection reset by peer", Outcome.RESET),
        (2, "connect", "curl: option --what: is unknown", Outcome.FAULT),
        (127, "connect", "", Outcome.FAULT),
        (-11, "connect", "", Outcome.FAULT),
    ],
    ids=str,
)
def test_a_curl_probe_means_what_its_status_and_words_say(code: int, phase: str, stderr: str, outcome: Outcome) -> None:
    """The status alone merges refused with unreachable and no answer with no data; the text and phase do not."""
    assert _outcome(_reply(phase, "exit", exit_code=code, stderr=stderr), engine="curl") == outcome


@pytest.mark.parametrize(
    ("code", "phase", "stderr", "protocol_and_time", "outcome"),
    [
        (1, "connect", "nc: connect failed: Connection refused", ("TCP", 0.01), Outcome.REFUSED),
        (1, "connect", "Ncat: Connection refused.", ("TCP", 0.01), Outcome.REFUSED),
        (1, "connect", "(UNKNOWN) [192.0.2.1] 80 (?) : Connection refused", ("TCP", 0.01), Outcome.REFUSED),
        (1, "connect", "nc: connect failed: No route to host", ("TCP", 0.01), Outcome.UNREACHABLE),
        (1, "connect", "Ncat: Host is unreachable.", ("TCP", 0.01), Outcome.UNREACHABLE),
        (1, "connect", SILENCE_BY_NC, ("TCP", 1.0), Outcome.NO_ANSWER),
        (1, "connect", "Ncat: TIMEOUT.", ("TCP", 1.0), Outcome.NO_ANSWER),
        (0, "answer", "Connection to 192.0.2.1 80 port [tcp/*] succeeded!", ("TCP", 1.0), Outcome.NO_DATA),
        (1, "connect", "nc: bind failed: Address already in use", ("TCP", 0.01), Outcome.FAULT),
        (1, "connect", "nc: invalid option -- 'n'", ("TCP", 0.01), Outcome.FAULT),
        (1, "connect", "", ("TCP", 0.01), Outcome.FAULT),
        (0, "connect", "", ("TCP", 0.01), Outcome.FAULT),
        (0, "answer", "", ("UDP", 0.01), Outcome.REFUSED),
        (1, "answer", "", ("UDP", 0.01), Outcome.REFUSED),
        (0, "answer", "", ("UDP", 1.0), Outcome.NO_ANSWER),
        (139, "answer", "", ("UDP", 0.01), Outcome.FAULT),
    ],
    ids=str,
)
def test_an_nc_probe_means_what_its_words_say(
    code: int, phase: str, stderr: str, protocol_and_time: tuple[str, float], outcome: Outcome
) -> None:
    """Status 1 is everything to nc, so its words decide; without any, only what cannot be otherwise."""
    protocol, elapsed_s = protocol_and_time
    reply = _reply(phase, "exit", exit_code=code, stderr=stderr, elapsed_s=elapsed_s)

    assert _outcome(reply, protocol, "nc") == outcome


def test_a_detail_says_who_should_have_answered() -> None:
    """A wrong pod's answer names both."""
    reply = _reply("answer", "ok", nonce_ok=True, answered_by="shop/old")

    assert classify(reply, {SERVER}, protocol="TCP").detail == "shop/old answered, which is not shop/web"


def test_a_reset_says_when_it_came() -> None:
    """Before the connection it is a refusal of the network's, after it the end of something that stood."""
    details = [
        classify(_errno("ECONNRESET", connect_s=connect_s), {SERVER}, protocol="TCP").detail
        for connect_s in (None, 0.1)
    ]

    assert details == ["reset before the connection was made", "ECONNRESET after the connection was made"]


@given(
    result=st.text(max_size=12),
    phase=st.sampled_from(["bind", "connect", "send", "answer", "session", "elsewhere"]),
    errno=st.none() | st.text(max_size=12),
    engine=st.sampled_from(["socket", "nc", "curl"]),
    code=st.none() | st.integers(-64, 300),
)
def test_only_a_proven_answer_is_open(
    result: str, phase: str, errno: str | None, engine: str, code: int | None
) -> None:
    """Whatever an agent may say, a reply without nonce and name is never open."""
    reply = _reply(phase, result, errno=errno, exit_code=code)

    assert _outcome(reply, engine=engine) is not Outcome.OPEN


@given(result=st.text(alphabet="abcdefghij", min_size=7, max_size=12), engine=st.sampled_from(["socket", "nc", "curl"]))
def test_an_unknown_result_is_a_fault(result: str, engine: str) -> None:
    """A word that this harness does not know is no answer of the network's."""
    assert _outcome(_reply("connect", result), engine=engine) is Outcome.FAULT
