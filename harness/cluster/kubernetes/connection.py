"""A TCP or TLS connection to an API server that never waits past a deadline and that any thread may end."""

from __future__ import annotations

import base64
import contextlib
import functools
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from harness.cluster.kubernetes.refusals import ApiError, UnreachableError

if TYPE_CHECKING:
    from kubernetes.client.configuration import Configuration

T = TypeVar("T")

_PART = 1 << 16
_LONGEST_ANSWER = 1 << 16
_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}


@dataclass(frozen=True, slots=True)
class Tls:
    """How to know the server, and how it knows us; without authorities the system's own count."""

    ca_file: str | None = None
    ca_data: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify: bool = True
    server_name: str | None = None


class Connection:
    """A connected socket; one thread reads while others write.

    The library for websockets takes it for a socket, hence `recv`, `send` and their kin: they wait until `read_until`
    and `write_until` (monotonic time) and raise `TimeoutError` then, at whatever byte that is.
    """

    def __init__(self, raw: socket.socket, until: float) -> None:
        raw.setblocking(False)
        self._socket = raw
        # TLS keeps one state for both directions, which two threads must not touch at once.
        self._lock = threading.Lock()
        self._users = 0
        self._is_ended = False
        self._buffer = b""
        self.read_until = until
        self.write_until = until
        self.heard_at = time.monotonic()

    def secure(self, context: ssl.SSLContext, server_name: str) -> None:
        """Agree on TLS before `read_until`."""
        wrapped = context.wrap_socket(self._socket, do_handshake_on_connect=False, server_hostname=server_name)
        self._socket = wrapped
        self._carry_out(wrapped.do_handshake, select.POLLIN, self.read_until)

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end."""
        if not self._buffer:
            self._buffer = self._carry_out(lambda: self._socket.recv(_PART), select.POLLIN, self.read_until)
            self.heard_at = time.monotonic()
        part, self._buffer = self._buffer[:size], self._buffer[size:]
        return part

    def send(self, data: bytes) -> int:
        """Send a part of `data` and return its length."""
        return self._carry_out(lambda: self._socket.send(data), select.POLLOUT, self.write_until)

    def gettimeout(self) -> float:
        """Return 0: the library then leaves all waiting to us."""
        return 0.0

    def settimeout(self, _: float | None) -> None:
        """Do nothing: deadlines are set on this object."""

    def shutdown(self, _: int) -> None:
        """Do nothing: the library hangs up when it likes, `end` does it."""

    def close(self) -> None:
        """Do nothing, for the same reason."""

    def end(self) -> None:
        """Hang up; whoever waits is woken and gets an `OSError`. Ending twice is fine."""
        with self._lock:
            if self._is_ended:
                return
            self._is_ended = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._close_if_unused()

    def _carry_out(self, action: Callable[[], T], event: int, until: float) -> T:
        """Carry out what never blocks, as soon as it can be; waiting is done outside of the lock."""
        with self._lock:
            self._users += 1
        try:
            while True:
                with self._lock:
                    if self._is_ended:
                        raise ConnectionAbortedError("it was closed")
                    try:
                        return action()
                    except ssl.SSLWantReadError:
                        event = select.POLLIN
                    except ssl.SSLWantWriteError:
                        event = select.POLLOUT
                    except BlockingIOError:
                        pass
                    descriptor = self._socket.fileno()
                left = until - time.monotonic()
                if left <= 0:
                    raise TimeoutError("nothing came in time")
                # poll, since select has no room for descriptors above 1023.
                poller = select.poll()
                poller.register(descriptor, event)
                poller.poll(left * 1000)
        finally:
            with self._lock:
                self._users -= 1
                if self._is_ended:
                    self._close_if_unused()

    def _close_if_unused(self) -> None:
        # A descriptor must not be closed, and reused, under somebody who waits on it.
        if not self._users:
            self._socket.close()


def dial(url: str, tls: Tls, proxy: str | None, until: float) -> Connection:
    """Connect to the host of `url` before `until`, directly or through an HTTP proxy.

    Names are looked up by the system, which has deadlines of its own. Raises `ApiError`; `UnreachableError`
    where trying again cannot help.
    """
    target, through = _split(url), _split(proxy) if proxy else None
    if target is None:
        raise UnreachableError(f"{url!r} is no address of an API server; expected https://HOST:PORT")
    if proxy and (through is None or through.scheme != "http"):
        # Not the whole address: it may hold a password.
        raise UnreachableError(f"a proxy of kind {proxy.partition(':')[0]!r} cannot be used; expected http://HOST:PORT")
    connection = None
    try:
        connection = _reach(through or target, until)
        if through is not None:
            _tunnel(connection, through, _address(target))
        if target.scheme in ("https", "wss"):
            connection.secure(tls_context(tls), tls.server_name or target.hostname or "")
    except BaseException as fault:
        if connection is not None:
            connection.end()
        # ValueError: what is no name of a host, to the resolver or to TLS.
        if isinstance(fault, OSError | ValueError):
            raise _connect_error(target, fault) from fault
        raise
    return connection


def _split(url: str) -> SplitResult | None:
    """Take an address apart, None if it is none that can be connected to."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        # Only asking for the port finds out that it is none.
        if parts.scheme in _PORTS and parts.hostname and parts.port != 0:
            return parts
    return None


def _connect_error(target: SplitResult, fault: OSError | ValueError) -> ApiError:
    address = _address(target)
    # The error of a certificate is a ValueError too.
    if isinstance(fault, ssl.SSLCertVerificationError):
        return UnreachableError(f"no TLS with {address}: {fault.verify_message}")
    if isinstance(fault, ssl.SSLError) and not isinstance(fault, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return UnreachableError(f"no TLS with {address}: {fault.reason or fault}")
    if not isinstance(fault, OSError):
        return UnreachableError(f"no connection to {address}: {fault}")
    said = "no answer before the deadline" if isinstance(fault, TimeoutError) else fault.strerror or str(fault)
    return ApiError(f"no connection to {address}: {said}")


def _address(target: SplitResult) -> str:
    host, port = target.hostname or "", target.port or _PORTS[target.scheme]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reach(target: SplitResult, until: float) -> Connection:
    """Connect to the first address that answers; a silent one leaves time for the others."""
    found = socket.getaddrinfo(target.hostname, target.port or _PORTS[target.scheme], type=socket.SOCK_STREAM)
    last: OSError = TimeoutError()
    for number, (family, kind, protocol, _, address) in enumerate(found):
        left = until - time.monotonic()
        if left <= 0:
            break
        raw = socket.socket(family, kind, protocol)
        try:
            raw.settimeout(left / (len(found) - number))
            raw.connect(address)
            # Requests are small and wait for an answer: held back for company, each would cost 40 ms.
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as fault:
            raw.close()
            last = fault
        else:
            return Connection(raw, until)
    raise last


def _tunnel(connection: Connection, proxy: SplitResult, address: str) -> None:
    """Have an HTTP proxy connect us (RFC 9110, section 9.3.6)."""
    lines = [f"CONNECT {address} HTTP/1.1", f"Host: {address}"]
    if proxy.username is not None:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(login).decode()}")
    request = "\r\n".join([*lines, "", ""]).encode()
    while request:
        request = request[connection.send(request) :]
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        # Byte by byte: what follows the head belongs to the tunnel.
        part = connection.recv(1)
        if not part or len(answer) > _LONGEST_ANSWER:
            raise ApiError(f"the proxy {proxy.hostname} gave no answer to CONNECT")
        answer += part
    said = answer.partition(b"\r\n")[0].decode(errors="replace")
    status = said.split()[1:2]
    if status != ["200"]:
        number = int(status[0]) if status and status[0].isdigit() else 0
        raise ApiError(f"the proxy {proxy.hostname} does not connect us to {address}: {said}", number)


def tls_of(configuration: Configuration) -> Tls:
    """Return what a client's configuration says of TLS."""
    data = configuration.ca_cert_data
    return Tls(
        ca_file=configuration.ssl_ca_cert or None,
        ca_data=data.decode() if isinstance(data, bytes) else data or None,
        cert_file=configuration.cert_file or None,
        key_file=configuration.key_file or None,
        verify=bool(configuration.verify_ssl),
        server_name=configuration.tls_server_name or None,
    )


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return how to talk TLS, the same object as long as the files are the same. Raises `UnreachableError`.

    To read the system's authorities costs 30 ms of CPU time, and there is a connection for each pod.
    """
    try:
        stamps = tuple(Path(path).stat().st_mtime_ns for path in (tls.ca_file, tls.cert_file, tls.key_file) if path)
    except OSError as fault:
        raise UnreachableError(f"the certificates of the kubeconfig cannot be used: {fault}") from fault
    return _made_context(tls, stamps)


@functools.lru_cache(maxsize=16)
def _made_context(tls: Tls, _: tuple[int, ...]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=tls.ca_file, cadata=tls.ca_data)
        # The authorities that clusters make for themselves often lack what RFC 5280 wants; kubectl takes them too.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ValueError) as fault:
        raise UnreachableError(f"the certificates of the kubeconfig cannot be used: {fault}") from fault
    return context
