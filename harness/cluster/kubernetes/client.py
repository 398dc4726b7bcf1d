"""Talk JSON to an API server: plain dicts, retried where that can help, errors in the server's own words."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import tenacity

from harness.cluster.kubernetes.connection import tls_context, tls_of
from harness.cluster.kubernetes.refusals import ApiError, ExpiredError, UnreachableError, message_of, refusal

if TYPE_CHECKING:
    from kubernetes.client.configuration import Configuration

__all__ = ["ApiError", "Client", "ExpiredError", "UnreachableError"]

Object = dict[str, Any]

JSON = "application/json"
APPLY_PATCH = "application/apply-patch+yaml"

# Sixteen threads of calls, and as many watches.
_POOL = 32
_CONNECT_S = 5.0
_READ_S = 20.0
# An API server that is restarted is back within seconds; one that is not is reported, never waited out.
PATIENCE_S = 20.0
_LONGEST_PAUSE_S = 2.0
_WATCH_SLACK_S = 5.0
_SHORTEST_READ_S = 0.05


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any] | None = None
    content_type: str = JSON


class Client:
    """Calls to one API server; may be used by many threads at once."""

    def __init__(
        self,
        configuration: Configuration,
        patience_s: float = PATIENCE_S,
        *,
        rest: Any = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take a loaded configuration, which from now on is this client's; `rest` stands in for its HTTP."""
        from kubernetes.client.rest import RESTClientObject  # noqa: PLC0415 - 0.4 s, paid by who opens a cluster

        # Two layers that retry would multiply; the one here says what it waited for.
        configuration.retries = False
        configuration.connection_pool_maxsize = _POOL
        # Else watches die unnoticed behind a load balancer that forgets idle connections.
        configuration.keep_alive = True
        self.configuration = configuration
        self._rest: Any = rest or _with_one_context(RESTClientObject(configuration), configuration)
        self._sleep = sleep
        self._patience_s = patience_s
        self._credentials_lock = threading.Lock()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """Return an object, a list or a document. Raises `ApiError`."""
        return self.call("GET", path, query)

    def find(self, path: str) -> Object | None:
        """Return an object, None where there is none."""
        try:
            return self.get(path)
        except ApiError as fault:
            if fault.status == 404:
                return None
            raise

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
    ) -> Object:
        """Make a call that may be repeated without harm, and return the answer's JSON. Raises `ApiError`.

        Tried again on 429, 5xx and broken connections, for as long as the client's patience.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_transient),
            wait=_pause,
            stop=tenacity.stop_after_delay(self._patience_s),
            sleep=self._sleep,
            reraise=True,
        )
        started = time.monotonic()
        try:
            text = retrying(self._once, _Call(method, path, query or {}, body, content_type))
        except ApiError as fault:
            if fault.is_transient:
                fault.what += f" (tried for {time.monotonic() - started:.1f} s)"
            raise
        return _object(text, path)

    def text(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """Return an answer that is no JSON, such as a log; tried once."""
        return self._once(_Call("GET", path, query or {})).decode(errors="replace")

    def watch(self, path: str, query: Mapping[str, str], timeout_s: float) -> Generator[Object, None, None]:
        """Yield events (`type`, `object`) until `timeout_s` have passed or the connection ends; never longer.

        Raises `ExpiredError` on 410, in either of its two forms; then the caller lists again.
        """
        # The server ends a watch on a whole second; our own read deadline is exact.
        seconds = max(1, round(timeout_s + _WATCH_SLACK_S))
        query = {**query, "watch": "1", "timeoutSeconds": str(seconds), "allowWatchBookmarks": "true"}
        end = time.monotonic() + timeout_s
        with self._response(_Call("GET", path, query), max(_SHORTEST_READ_S, timeout_s)) as response:
            for line in _lines(response, end):
                event = _object(line, path)
                if event.get("type") == "ERROR":
                    status = event.get("object") or {}
                    if status.get("code") == 410:
                        raise ExpiredError(str(status.get("message") or "too old"), where=path)
                    raise ApiError(message_of(status), int(status.get("code") or 0), status)
                yield event

    def headers(self) -> dict[str, str]:
        """Return the headers that identify us; refreshes credentials that run out, one thread at a time."""
        with self._credentials_lock:
            bearer = self.configuration.auth_settings().get("BearerToken")
        headers = {"Accept": JSON, "User-Agent": "netpol-harness"}
        value = bearer and bearer.get("value")
        return {**headers, "Authorization": str(value)} if value else headers

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._rest.close()

    # -- one try -----------------------------------------------------------------

    def _once(self, call: _Call) -> bytes:
        import urllib3  # noqa: PLC0415 - comes with the client

        with self._response(call, _READ_S) as response:
            try:
                return bytes(response.read(decode_content=True))
            except (urllib3.exceptions.HTTPError, OSError) as fault:
                raise ApiError(f"the API server's answer broke off: {_fault(fault)}") from fault

    @contextmanager
    def _response(self, call: _Call, read_s: float) -> Iterator[Any]:
        """Yield an answer that is no refusal; its connection goes back to the pool, or is closed."""
        import urllib3  # noqa: PLC0415 - comes with the client
        from kubernetes.client.exceptions import ApiException  # noqa: PLC0415

        url = f"{self.configuration.host}{call.path}" + (f"?{urlencode(call.query)}" if call.query else "")
        headers = {**self.headers(), "Content-Type": call.content_type}
        try:
            # The library encodes the body itself, as JSON for a YAML patch too; a text it would encode once more.
            response = self._rest.request(
                call.method, url, headers, call.body, _request_timeout=(_CONNECT_S, read_s)
            ).response
        except ApiException as fault:
            # The client's own word for a TLS handshake that failed.
            said = f"no TLS with {self.configuration.host}: {fault.reason}"
            # A server that restarts breaks handshakes off, too; a certificate stays what it is.
            raise (UnreachableError if "certificate" in said.lower() else ApiError)(said) from fault
        except (urllib3.exceptions.HTTPError, OSError) as fault:
            raise ApiError(f"no answer from {self.configuration.host}: {_fault(fault)}") from fault
        try:
            if response.status == 410 and "watch" in call.query:
                raise ExpiredError(refusal(response).what, where=call.path)
            if response.status >= 400:
                raise refusal(response)
            yield response
        finally:
            # Of an answer read to its end the connection is in the pool already; any other is closed.
            response.close()
            response.release_conn()


def _with_one_context(rest: Any, configuration: Configuration) -> Any:
    """Let all connections share a TLS context: else each reads the authorities anew."""
    if configuration.host.startswith("https"):
        rest.pool_manager.connection_pool_kw["ssl_context"] = tls_context(tls_of(configuration))
    return rest


def _lines(response: Any, end: float) -> Iterator[bytes]:
    """Yield whole lines as they come; a connection that ends or a deadline that passes is the end."""
    import urllib3  # noqa: PLC0415 - comes with the client

    pending = b""
    while time.monotonic() < end:
        if response.connection is not None and response.connection.sock is not None:
            # Else each event would start the read deadline anew.
            response.connection.sock.settimeout(max(_SHORTEST_READ_S, end - time.monotonic()))
        try:
            # What has arrived, be it a part of a line, and not a buffer that must first be full.
            part = response.read1()
        except (urllib3.exceptions.HTTPError, OSError):
            return
        if not part:
            return
        *whole, pending = (pending + part).split(b"\n")
        yield from (line for line in whole if line.strip())


def _object(text: bytes, path: str) -> Object:
    try:
        decoded = json.loads(text)
    except ValueError as fault:
        raise ApiError(f"what answers at {path} is no API server: {text[:80]!r}", 1) from fault
    if not isinstance(decoded, dict):
        raise ApiError(f"what answers at {path} is no API server: {text[:80]!r}", 1)
    return decoded


def _fault(fault: Exception) -> str:
    # urllib3 puts the connection's repr in front, which helps nobody.
    return str(fault).rpartition(">: ")[2] or type(fault).__name__


def _is_transient(fault: BaseException) -> bool:
    return isinstance(fault, ApiError) and fault.is_transient


_backoff = tenacity.wait_exponential_jitter(multiplier=0.1, max=_LONGEST_PAUSE_S, jitter=0.1)


def _pause(state: tenacity.RetryCallState) -> float:
    """Return how long to wait before the next try: what the server asks for, or a growing while."""
    fault = state.outcome.exception() if state.outcome else None
    return max(_backoff(state), fault.retry_after_s if isinstance(fault, ApiError) else 0.0)
