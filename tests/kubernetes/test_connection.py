"""TLS as the kubeconfig wants it, proxies, and deadlines that hold below the websocket."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cluster.kubernetes.connection import Tls
from harness.cluster.kubernetes.exec_channel import ExecChannel
from harness.cluster.kubernetes.exec_stream import ExecStream, StreamEndedError, open_exec
from harness.cluster.kubernetes.handshake import ExecTarget
from harness.cluster.kubernetes.refusals import ApiError
from tests.kubernetes.api_server import PATIENCE_S, Peer, serving
from tests.kubernetes.conftest import CONNECT_S, SOON_S


@pytest.fixture
def certificate(tmp_path: Path, require: Callable[[str], None]) -> Path:
    """A certificate, with its key, that signs itself and is made out to api.example."""
    require("openssl")
    path = tmp_path / "api.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-subj", "/CN=api.example", "-addext", "subjectAltName=DNS:api.example"),
            *("-days", "2", "-keyout", path, "-out", path),
        ],
        check=True,
        capture_output=True,
    )
    return path


@pytest.fixture
def server_context(certificate: Path) -> ssl.SSLContext:
    """A server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _open(target: ExecTarget, connect_timeout_s: float = CONNECT_S) -> ExecStream:
    return open_exec(target, "shop", "web", "agent", ["cat"], stdin=True, connect_timeout_s=connect_timeout_s)


def _greet(peer: Peer) -> None:
    peer.accept()
    peer.output(b"hello\n")
    peer.wait_for_the_end()


def test_a_server_is_known_by_its_authority_and_name(
    stack: ExitStack, certificate: Path, server_context: ssl.SSLContext
) -> None:
    """The authority of the kubeconfig counts, as a file or a text, and tls-server-name in place of the address."""
    server = stack.enter_context(serving(_greet, server_context))
    ways = [Tls(ca_file=str(certificate)), Tls(ca_data=certificate.read_text())]
    received = []
    for way in ways:
        stream = _open(ExecTarget(server.url, tls=replace(way, server_name="api.example")))
        received.append(stream.receive(SOON_S))
        stream.close()

    assert received == [(1, b"hello\n")] * 2


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        (Tls(), "self-signed certificate"),
        (Tls(ca_file="CA", server_name="other.example"), "not valid for 'other.example'"),
        (Tls(ca_file="CA"), "not valid for '127.0.0.1'"),
        (Tls(ca_file="/does/not/exist"), "cannot be used: .*No such file"),
        (Tls(ca_data="no certificate"), "cannot be used"),
        (Tls(cert_file="/does/not/exist"), "cannot be used: .*No such file"),
    ],
    ids=["unknown", "other name", "address", "no file", "no data", "no key"],
)
def test_a_server_that_cannot_be_known_is_not_spoken_to(
    tls: Tls, said: str, certificate: Path, server_context: ssl.SSLContext
) -> None:
    """No credentials leave before the server is known; trying again changes nothing."""
    known = replace(tls, ca_file=str(certificate)) if tls.ca_file == "CA" else tls
    with serving(_greet, server_context) as server, pytest.raises(ApiError, match=said) as raised:
        _open(ExecTarget(server.url, {"Authorization": "Bearer t0ken"}, known))

    assert (raised.value.is_transient, [peer.headers for peer in server.peers if peer.headers]) == (False, [])


def test_a_client_certificate_is_shown(stack: ExitStack, certificate: Path, server_context: ssl.SSLContext) -> None:
    """A server that asks for one gets it; without one it refuses."""
    server_context.load_verify_locations(certificate)
    server_context.verify_mode = ssl.CERT_REQUIRED
    server = stack.enter_context(serving(_greet, server_context))
    known = _open(ExecTarget(server.url, tls=Tls(cert_file=str(certificate), verify=False)))
    received = known.receive(SOON_S)
    known.close()

    assert received == (1, b"hello\n")
    with pytest.raises(ApiError):
        _open(ExecTarget(server.url, tls=Tls(verify=False)))


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("behave", ["silent", "dripping"])
def test_tls_ends_with_the_deadline(stack: ExitStack, behave: str) -> None:
    """A server that accepts and never agrees on TLS, or sends a byte now and then, costs the deadline in all."""
    stop = threading.Event()

    def drip(peer: Peer) -> None:
        # The head of a TLS record that announces 16 KiB, which never come.
        for byte in b"\x16\x03\x03\x40\x00" + bytes(1000):
            peer.raw.sendall(bytes([byte]))
            if stop.wait(0.05):
                return

    server = stack.enter_context(serving(Peer.wait_for_the_end if behave == "silent" else drip))
    stack.callback(stop.set)
    with pytest.raises(ApiError, match="no answer before the deadline") as raised:
        _open(ExecTarget(server.url.replace("http", "https"), tls=Tls(verify=False)), 0.3)

    assert raised.value.is_transient


def test_a_server_without_tls_is_told_from_one_that_is_away(stack: ExitStack) -> None:
    """https to a port that speaks http is a mistake in the kubeconfig."""
    server = stack.enter_context(serving(lambda peer: peer.refuse(400, b"this is http")))
    with pytest.raises(ApiError, match="no TLS with") as raised:
        _open(ExecTarget(server.url.replace("http", "https"), tls=Tls(verify=False)))

    assert not raised.value.is_transient


def _echo(peer: Peer) -> None:
    """Send every line of stdin back on stdout."""
    peer.accept()
    while True:
        opcode, payload = peer.read_frame()
        if opcode == 2 and payload[0] == 0:
            peer.output(payload[1:])


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_both_directions_at_once_lose_nothing(
    stack: ExitStack, server_context: ssl.SSLContext, *, secure: bool
) -> None:
    """Several threads send while one receives, and every line comes back whole."""
    server = stack.enter_context(serving(_echo, server_context if secure else None))
    channel = ExecChannel(_open(ExecTarget(server.url, tls=Tls(verify=False))), "shop/web")
    stack.callback(channel.close)
    lines = [[f"{sender} {number} {'x' * (number % 7 * 300)}" for number in range(150)] for sender in range(4)]
    threads = [threading.Thread(target=lambda own=own: [channel.send(line) for line in own]) for own in lines]
    for thread in threads:
        thread.start()
    received = [channel.receive() for _ in range(600)]
    for thread in threads:
        thread.join(PATIENCE_S)

    assert sorted(received) == sorted(line for own in lines for line in own)


def test_a_proxy_is_asked_to_connect_us(stack: ExitStack) -> None:
    """The proxy of the kubeconfig gets the server's address and its own credentials, and no others."""
    seen: list[dict[str, str]] = []

    def behave(peer: Peer) -> None:
        peer.read_request()
        seen.append(dict(peer.headers))
        peer.raw.sendall(b"HTTP/1.1 200 Connection established\r\nVia: proxy\r\n\r\n")
        _greet(peer)

    proxy = stack.enter_context(serving(behave))
    target = ExecTarget(
        "http://api.example:6443",
        {"Authorization": "Bearer t0ken"},
        proxy=f"http://me:p%40ss@127.0.0.1:{proxy.port}",
    )
    stream = _open(target)
    received = stream.receive(SOON_S)
    stream.close()

    assert received == (1, b"hello\n")
    assert seen[0] == {"host": "api.example:6443", "proxy-authorization": "Basic bWU6cEBzcw==", "": ""}


@pytest.mark.parametrize(("code", "is_transient"), [(407, False), (502, True)])
def test_a_proxy_that_refuses_is_named(stack: ExitStack, code: int, *, is_transient: bool) -> None:
    """What the proxy says is told apart from what the API server says."""
    proxy = stack.enter_context(serving(lambda peer: (peer.read_request(), peer.refuse(code, b""))))
    with pytest.raises(
        ApiError, match=f"the proxy 127.0.0.1 does not connect us to api.example:443: .*{code}"
    ) as raised:
        _open(ExecTarget("https://api.example", proxy=proxy.url))

    assert raised.value.is_transient is is_transient


def test_a_proxy_of_another_kind_is_refused() -> None:
    """What cannot be done is said, and not passed over: a direct connection might go where none may."""
    with (
        pytest.raises(ApiError, match="a proxy of kind 'socks5' cannot be used"),
        serving(lambda _: None) as server,
    ):
        _open(ExecTarget("https://api.example", proxy=server.url.replace("http", "socks5")))


def test_a_stream_over_tls_ends_when_the_server_dies(stack: ExitStack, server_context: ssl.SSLContext) -> None:
    """A connection that is cut without TLS's own farewell is an end like any other."""

    def behave(peer: Peer) -> None:
        peer.accept()
        peer.output(b"hello")

    server = stack.enter_context(serving(behave, server_context))
    stream = _open(ExecTarget(server.url, tls=Tls(verify=False)))
    first = stream.receive(SOON_S)

    assert first == (1, b"hello")
    with pytest.raises(StreamEndedError, match="how the command ended was not said"):
        stream.receive(SOON_S)
