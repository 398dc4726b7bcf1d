"""From an exec request to an open websocket, or to the server's own words for its refusal."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import websocket

from harness.cluster.kubernetes.connection import Connection, Tls, dial, tls_of
from harness.cluster.kubernetes.refusals import ApiError, UnreachableError

if TYPE_CHECKING:
    from kubernetes.client.configuration import Configuration

# The first that the server knows is spoken. v5 can close stdin; v4 came first to give the exit status as an object.
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"

_LONGEST_BODY = 1 << 16
_LONGEST_ADVICE_S = 10.0


@dataclass(frozen=True, slots=True)
class ExecTarget:
    """An API server, and who we are to it.

    `url` is the server's address, with a path where it lives behind one: https://192.0.2.1:6443.
    `protocols` are offered in this order.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: Tls = field(default_factory=Tls)
    proxy: str | None = None
    protocols: tuple[str, ...] = (V5, V4)


def exec_target(configuration: Configuration, headers: Mapping[str, str]) -> ExecTarget:
    """Read from the client's configuration how to reach its server for exec; `headers` carry the credentials."""
    from kubernetes.client.rest import should_bypass_proxies  # noqa: PLC0415 - loaded already by whoever has one

    proxy = configuration.proxy
    if proxy and should_bypass_proxies(configuration.host, configuration.no_proxy or ""):
        proxy = None
    return ExecTarget(configuration.host, headers, tls_of(configuration), proxy)


def exec_path(namespace: str, pod: str, container: str, command: Sequence[str], *, stdin: bool) -> str:
    """Return path and query of an exec request."""
    query = [
        *(("command", word) for word in command),
        ("container", container),
        ("stdin", str(stdin).lower()),
        ("stdout", "true"),
        ("stderr", "true"),
    ]
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/exec?{urlencode(query)}"


def shake_hands(target: ExecTarget, path: str, timeout_s: float) -> tuple[Connection, websocket.WebSocket]:
    """Open a websocket at `path`; connecting, TLS and the server's answer take `timeout_s` together at most.

    Raises `ApiError`, whose `is_transient` says whether trying again can help.
    """
    until = time.monotonic() + timeout_s
    url = target.url.rstrip("/") + path
    connection = dial(url, target.tls, target.proxy, until)
    # No UTF-8 is expected anywhere: what flows is bytes.
    opened: Any = websocket.WebSocket(skip_utf8_validation=True, enable_multithread=True)
    try:
        opened.connect(
            "ws" + url.removeprefix("http").removeprefix("ws"),
            socket=connection,
            header=_headers(target),
            subprotocols=list(target.protocols),
            suppress_origin=True,
            # Followed, a redirect would carry our credentials to another host, with no deadline.
            redirect_limit=0,
        )
    except (websocket.WebSocketException, OSError) as fault:
        error = _error(connection, fault, timeout_s)
        connection.end()
        raise error from fault
    except BaseException:
        connection.end()
        raise
    return connection, opened


def _headers(target: ExecTarget) -> dict[str, str]:
    # An API server of 1.34 that is asked for JSON refuses v4, though not v5, with 406: there is no JSON to be had.
    return {**{name: value for name, value in target.headers.items() if name.lower() != "accept"}, "Accept": "*/*"}


def _error(connection: Connection, fault: Exception, timeout_s: float) -> ApiError:
    if isinstance(fault, websocket.WebSocketBadStatusException):
        return _refusal(connection, fault)
    if isinstance(fault, websocket.WebSocketTimeoutException | TimeoutError):
        return ApiError(f"no answer to exec from the API server in {timeout_s:g} s")
    if isinstance(fault, ssl.SSLError) and not isinstance(fault, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        # With TLS 1.3 a client certificate is refused only after the handshake.
        return UnreachableError(f"the API server ends TLS: {fault.reason or fault}")
    if isinstance(fault, websocket.WebSocketConnectionClosedException | OSError):
        return ApiError(f"the connection to the API server broke before it answered exec: {fault}")
    # A complete answer, and not the one to a websocket: some proxy's, or a server older than v4.
    return UnreachableError(f"what answers exec speaks neither {V5} nor {V4} over websockets: {fault}")


def _refusal(connection: Connection, fault: websocket.WebSocketBadStatusException) -> ApiError:
    code = int(fault.status_code or 0)
    headers = fault.resp_headers or {}
    text = fault.resp_body if isinstance(fault.resp_body, bytes) else _rest(connection)
    status = _first_object(text)
    said = status.get("message") or status.get("reason") or text.decode(errors="replace").strip()[:500]
    advice = str(headers.get("retry-after", ""))
    retry_after_s = min(float(advice), _LONGEST_ADVICE_S) if advice.isascii() and advice.isdigit() else 0.0
    return ApiError(f"exec was refused: {said or 'without a word'} ({code})", code, status, retry_after_s)


def _rest(connection: Connection) -> bytes:
    """Return a body that came without its length, as far as it can be had before the deadline."""
    text = b""
    try:
        while len(text) < _LONGEST_BODY and not _first_object(text):
            part = connection.recv(_LONGEST_BODY)
            if not part:
                break
            text += part
    except OSError:
        pass
    return text


def _first_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object in `text`, whatever stands around it (the marks of chunks do); {} without one."""
    decoded = text.decode(errors="replace")
    try:
        found = json.JSONDecoder().raw_decode(decoded, decoded.index("{"))[0]
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
