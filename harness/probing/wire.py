"""What crosses the line to an agent: requests, replies and greetings, as records and as JSON.

The other end is `probes/agent.py`, which shares no code with this; a contract test holds the two
together. Unknown fields are ignored, so that an older harness understands a newer agent;
a field of the wrong type is a `ProbeError`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from harness.errors import ProbeError

VERSION = 1
ENGINES = ("socket", "nc", "curl")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """One probe to be made; `key` comes back with its reply. `address` is an IP literal, never a name."""

    key: str
    protocol: str
    address: str
    port: int
    nonce: str
    timeout_s: float
    engine: str = "socket"

    def to_wire(self) -> dict[str, Any]:
        """Return the request as the agent reads it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ProbeReply:
    """What became of one probe, before anyone makes sense of it.

    `phase` is how far it came: bind, connect, send, answer, or `session` where no agent replied at all. `icmp` is
    "type/code" where an ICMP error ended it. `raw` shows the start of an answer that was not the expected one;
    `exit_code` and `stderr` are of nc and curl.
    """

    key: str
    phase: str
    result: str
    errno: str | None = None
    icmp: str | None = None
    answered_by: str | None = None
    nonce_ok: bool | None = None
    connect_s: float | None = None
    elapsed_s: float | None = None
    source_port: int | None = None
    raw: str | None = None
    exit_code: int | None = None
    stderr: str | None = None
    detail: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return what the agent said, without the fields it left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Hello:
    """How an agent introduces itself; `failed` says for each port it cannot serve why."""

    version: int
    name: str
    protocols: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    listening: tuple[str, ...] = ()
    failed: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """One page of an agent's log: nonces, where the next page starts, and how many entries the log has lost."""

    nonces: tuple[str, ...]
    next: int
    more: bool
    lost: int


def encode(message: Mapping[str, Any]) -> str:
    """Return one line, without its newline."""
    return json.dumps(message, separators=(",", ":"))


def decode(line: str) -> Mapping[str, Any]:
    """Read one line. Raises `ProbeError` unless it is a JSON object."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise ProbeError(f"the agent sent a line that is no JSON: {line[:80]!r}") from fault
    return _mapping(message, "a message")


def decode_reply(message: object) -> ProbeReply:
    """Read one probe's reply. Raises `ProbeError`."""
    fields = _mapping(message, "a reply")
    return ProbeReply(
        key=_needed(fields, "key", str),
        phase=_needed(fields, "phase", str),
        result=_needed(fields, "result", str),
        errno=_field(fields, "errno", str),
        icmp=_field(fields, "icmp", str),
        answered_by=_field(fields, "answered_by", str),
        nonce_ok=_field(fields, "nonce_ok", bool),
        connect_s=_seconds(fields, "connect_s"),
        elapsed_s=_seconds(fields, "elapsed_s"),
        source_port=_field(fields, "source_port", int),
        raw=_field(fields, "raw", str),
        exit_code=_field(fields, "exit_code", int),
        stderr=_field(fields, "stderr", str),
        detail=_field(fields, "detail", str),
    )


def decode_hello(message: object) -> Hello:
    """Read a greeting. Raises `ProbeError`, also for an agent of another version."""
    fields = _mapping(message, "a greeting")
    version = _needed(fields, "version", int)
    if version != VERSION:
        raise ProbeError(f"the agent speaks version {version} of the protocol, this harness version {VERSION}")
    failed = _mapping(fields.get("failed") or {}, "failed")
    return Hello(
        version=version,
        name=_needed(fields, "name", str),
        protocols=_words(fields, "protocols"),
        engines=_words(fields, "engines"),
        listening=_words(fields, "listening"),
        failed={label: str(fault) for label, fault in failed.items()},
    )


def decode_arrivals(message: object) -> Arrivals:
    """Read one page of a log. Raises `ProbeError`."""
    fields = _mapping(message, "a page of the log")
    entries = _list(fields, "arrivals")
    nonces = []
    for entry in entries:
        if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], str):
            raise ProbeError(f"the agent's log holds {str(entry)[:80]!r} where an arrival was expected")
        nonces.append(entry[1])
    return Arrivals(
        nonces=tuple(nonces),
        next=_needed(fields, "next", int),
        more=bool(_field(fields, "more", bool)),
        lost=_field(fields, "lost", int) or 0,
    )


def decode_replies(message: Mapping[str, Any]) -> list[object]:
    """Return the undecoded replies of a message; none where it has no such field."""
    return list(_list(message, "replies"))


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ProbeError(f"{what}: expected an object, the agent sent {str(value)[:80]!r}")
    return value


def _list(fields: Mapping[str, Any], name: str) -> Sequence[object]:
    value = fields.get(name, [])
    if not isinstance(value, list):
        raise ProbeError(f"{name}: expected a list, the agent sent {str(value)[:80]!r}")
    return value


def _words(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(str(word) for word in _list(fields, name))


def _needed(fields: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = _field(fields, name, kind)
    if value is None:
        raise ProbeError(f"{name}: missing in what the agent sent: {str(fields)[:80]}")
    return value


def _field(fields: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    value = fields.get(name)
    # A bool is an int to Python, and would be taken for a port.
    if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
        return value
    raise ProbeError(f"{name}: expected {kind.__name__}, the agent sent {str(value)[:80]!r}")


def _seconds(fields: Mapping[str, Any], name: str) -> float | None:
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return _field(fields, name, float)
