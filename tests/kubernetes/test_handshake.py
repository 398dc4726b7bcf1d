"""How an exec is asked for, and what is said when the API server refuses it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from harness.cluster.kubernetes.exec_stream import open_exec
from harness.cluster.kubernetes.handshake import ExecTarget
from harness.cluster.kubernetes.refusals import ApiError
from harness.errors import ClusterError
from tests.kubernetes.api_server import SUCCESS, V4, V5, Behaviour, Peer, serving
from tests.kubernetes.conftest import CONNECT_S, Opener

FORBIDDEN = {
    "kind": "Status",
    "status": "Failure",
    "message": 'pods "web" is forbidden: User "ci" cannot create resource "pods/exec" in the namespace "shop"',
    "reason": "Forbidden",
    "code": 403,
}


def _refused(behave: Behaviour, connect_timeout_s: float = CONNECT_S) -> ClusterError:
    with serving(behave) as server, pytest.raises(ClusterError) as raised:
        _open(ExecTarget(server.url), connect_timeout_s)
    return raised.value


def _open(target: ExecTarget, connect_timeout_s: float = CONNECT_S) -> object:
    return open_exec(target, "shop", "web", "agent", ["true"], stdin=False, connect_timeout_s=connect_timeout_s)


def _refuse(code: int, body: bytes = b"", *headers: str, length: bool = True) -> Behaviour:
    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.refuse(code, body, *headers, length=length)
        if not length:
            peer.wait_for_the_end()

    return behave


def test_a_request_carries_command_container_and_credentials(stack: ExitStack) -> None:
    """Every word of the command arrives as it is, with the pod's path and the headers of the target."""
    server = stack.enter_context(serving(lambda peer: (peer.accept(), peer.wait_for_the_end())))
    target = ExecTarget(f"{server.url}/behind", {"Authorization": "Bearer t0ken"})
    stream = open_exec(target, "shop", "web", "agent", ["sh", "-c", "a b&c=ü"], stdin=True, connect_timeout_s=CONNECT_S)
    stream.close()
    peer = server.peers[0]

    assert (peer.path, peer.headers["authorization"]) == (
        "/behind/api/v1/namespaces/shop/pods/web/exec",
        "Bearer t0ken",
    )
    assert peer.query == [
        *(("command", word) for word in ("sh", "-c", "a b&c=ü")),
        *(("container", "agent"), ("stdin", "true"), ("stdout", "true"), ("stderr", "true")),
    ]


@pytest.mark.parametrize("known", [(V5, V4), (V4,)], ids=["v5", "v4 only"])
def test_the_newest_protocol_that_the_server_knows_is_spoken(open_stream: Opener, known: tuple[str, ...]) -> None:
    """v5 where there is v5, else v4."""
    stream = open_stream(lambda peer: (peer.accept(*known), peer.end(SUCCESS)))

    assert stream.protocol == known[0]


def test_no_kind_of_answer_is_asked_for(stack: ExitStack) -> None:
    """A real API server refuses v4 with 406 when the headers of ordinary calls, which accept JSON, come with it."""
    server = stack.enter_context(serving(lambda peer: (peer.accept(), peer.wait_for_the_end())))
    target = ExecTarget(server.url, {"accept": "application/json"})
    open_exec(target, "shop", "web", "agent", ["true"], stdin=False, connect_timeout_s=CONNECT_S).close()

    assert server.peers[0].headers["accept"] == "*/*"


def test_a_server_without_a_known_protocol_is_no_exec_server() -> None:
    """Without a channel protocol nothing that comes could be read, and trying again changes nothing."""
    error = _refused(lambda peer: peer.accept("v1.channel.k8s.io"))

    assert "v5.channel.k8s.io" in error.what
    assert not error.is_transient


@pytest.mark.parametrize(
    ("code", "is_transient"),
    [(400, False), (401, False), (403, False), (404, False), (409, False), (429, True), (500, True), (503, True)],
)
def test_what_may_pass_by_itself_is_told_from_what_stays(code: int, *, is_transient: bool) -> None:
    """429 and 5xx are worth another try, a refusal is not."""
    error = _refused(_refuse(code, json.dumps({**FORBIDDEN, "code": code}).encode()))

    assert (error.status, error.is_transient) == (code, is_transient)


def test_a_refusal_is_told_in_the_servers_own_words() -> None:
    """The message of the Status object and the HTTP status, and whose exec it was."""
    error = _refused(_refuse(403, json.dumps(FORBIDDEN).encode()))

    assert str(error) == f"shop/web: exec was refused: {FORBIDDEN['message']} (403)"
    assert error.reason == "Forbidden"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"dial tcp 192.0.2.7:10250: connection refused\n", "dial tcp 192.0.2.7:10250: connection refused (500)"),
        (b"", "without a word (500)"),
        (b"\xff\xfe {", "\ufffd\ufffd { (500)"),
        (b"[1]", "[1] (500)"),
    ],
    ids=["text", "empty", "no UTF-8", "no object"],
)
def test_a_refusal_that_is_no_status_object_is_told_as_it_is(body: bytes, said: str) -> None:
    """Proxies and kubelets answer in plain text, or not at all."""
    assert _refused(_refuse(500, body)).what == f"exec was refused: {said}"


def test_a_refusal_in_chunks_is_read_too() -> None:
    """A body that comes without its length is read until its object is whole."""
    text = json.dumps(FORBIDDEN).encode()
    body = f"{len(text):x}\r\n".encode() + text + b"\r\n0\r\n\r\n"
    error = _refused(_refuse(403, body, "Transfer-Encoding: chunked", length=False))

    assert error.what == f"exec was refused: {FORBIDDEN['message']} (403)"


def test_the_servers_advice_when_to_come_back_is_kept() -> None:
    """Retry-After is for whoever tries again, within reason."""
    advice = [_refused(_refuse(429, b"", f"Retry-After: {seconds}")).retry_after_s for seconds in ("2", "9999", "soon")]

    assert advice == [2.0, 10.0, 0.0]


def test_a_redirect_is_not_followed() -> None:
    """Our credentials go to nobody but the server of the kubeconfig."""
    other: list[Peer] = []
    with serving(other.append) as elsewhere:
        error = _refused(_refuse(302, b"", f"Location: ws://127.0.0.1:{elsewhere.port}/"))

    assert (isinstance(error, ApiError), other) == (True, [])


def _drip(peer: Peer) -> None:
    """Answer one byte at a time, so that no single wait is long."""
    peer.read_request()
    for byte in peer.answer():
        peer.raw.sendall(bytes([byte]))
        time.sleep(0.02)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("behave", [Peer.wait_for_the_end, _drip], ids=["silent", "slow"])
def test_connecting_ends_with_its_deadline(behave: Callable[[Peer], None]) -> None:
    """A server that accepts and is silent, or answers too slowly, costs no more than the deadline in all."""
    started = time.monotonic()
    error = _refused(behave, connect_timeout_s=0.3)

    assert error.what == "no answer to exec from the API server in 0.3 s"
    assert error.is_transient
    assert 0.25 < time.monotonic() - started < 1.5


def test_a_connection_that_breaks_before_the_answer_may_be_tried_again() -> None:
    """A server that is being restarted hangs up in the middle of its answer."""
    error = _refused(lambda peer: (peer.read_request(), peer.raw.sendall(b"HTTP/1.1 101 Swit")))

    assert "broke before it answered exec" in error.what
    assert error.is_transient


def test_what_speaks_no_http_is_no_api_server() -> None:
    """Another service on that port is named as what it is: trying again changes nothing."""
    error = _refused(lambda peer: (peer.read_request(), peer.raw.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")))

    assert not error.is_transient


def test_nobody_listening_may_be_tried_again() -> None:
    """A server that is away is told with its address."""
    with serving(lambda _: None) as server:
        url = server.url
    with pytest.raises(ApiError, match=r"no connection to 127\.0\.0\.1:\d+: Connection refused") as raised:
        _open(ExecTarget(url))

    assert raised.value.is_transient


def test_a_name_that_can_be_none_is_an_error() -> None:
    """A label of over 63 letters is in no DNS (RFC 1035, section 2.3.4)."""
    with pytest.raises(ApiError, match="no connection to") as raised:
        _open(ExecTarget(f"https://{'x' * 64}.example"))

    assert not raised.value.is_transient


@pytest.mark.parametrize(
    "url", ["192.0.2.1:6443", "https://", "ftp://192.0.2.1", "https://192.0.2.1:99999", "https://[::1"]
)
def test_an_address_that_is_none_is_an_error(url: str) -> None:
    """What a kubeconfig names as server is checked before anything is tried."""
    with pytest.raises(ApiError, match="no address of an API server") as raised:
        _open(ExecTarget(url))

    assert not raised.value.is_transient
