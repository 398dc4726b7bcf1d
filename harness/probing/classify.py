"""What the client of a probe saw: reply -> outcome. Pure.

What is not known for certain is a `fault`, never an answer. Sources: the table of what nc, curl and the kernel
really say, taken in a lab over each kind of denial; icmp(7) and ip(7) on error codes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from harness.model.result import Outcome
from harness.probing.wire import ProbeReply

# RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1 and RFC 4443 3.1: "type/code" of an error that names an administrator.
# Linux tells TCP of them as EHOSTUNREACH (IPv4) or EACCES (IPv6): the code alone is exact.
PROHIBITED_BY_ICMP = frozenset({"3/9", "3/10", "3/13", "1/1", "1/5", "1/6"})

BY_ERRNO = {
    "ECONNREFUSED": Outcome.REFUSED,
    "ECONNRESET": Outcome.RESET,
    "EPIPE": Outcome.RESET,
    "ECONNABORTED": Outcome.RESET,
    "EHOSTUNREACH": Outcome.UNREACHABLE,
    "ENETUNREACH": Outcome.UNREACHABLE,
    "EHOSTDOWN": Outcome.UNREACHABLE,
    "ENONET": Outcome.UNREACHABLE,
    "EACCES": Outcome.PROHIBITED,
    "EPERM": Outcome.PROHIBITED,
}

# What nc -v and curl -v write, in the words of the C library.
BY_TEXT = (
    ("address already in use", Outcome.FAULT),
    ("cannot assign requested address", Outcome.FAULT),
    ("bind failed", Outcome.FAULT),
    ("connection refused", Outcome.REFUSED),
    ("reset by peer", Outcome.RESET),
    ("no route to host", Outcome.UNREACHABLE),
    ("host is unreachable", Outcome.UNREACHABLE),
    ("network is unreachable", Outcome.UNREACHABLE),
    ("network unreachable", Outcome.UNREACHABLE),
    ("permission denied", Outcome.PROHIBITED),
    ("operation not permitted", Outcome.PROHIBITED),
    ("could not resolve", Outcome.DNS_FAILURE),
    ("name or service not known", Outcome.DNS_FAILURE),
    ("temporary failure in name resolution", Outcome.DNS_FAILURE),
)

# The agent gives nc whole seconds to wait (-w), one at least.
NC_WAITS_S = 0.9

CURL_DNS = (5, 6)
CURL_COULD_NOT_CONNECT = 7
CURL_TIMED_OUT = 28
CURL_GOT_NOTHING = 52
CURL_RECEIVE_ERROR = 56


class Classified(NamedTuple):
    """An outcome, and a sentence for the person who reads the report."""

    outcome: Outcome
    detail: str


def classify(reply: ProbeReply, names: Collection[str], *, protocol: str, engine: str = "socket") -> Classified:
    """Say what `reply` means; `names` are the agents that may answer, and none at all accepts any."""
    match reply.result:
        case "ok":
            return _answered(reply, names)
        case "bad-answer":
            return Classified(Outcome.WRONG_ANSWER, f"an answer without the nonce: {reply.raw or ''}")
        case "timeout":
            return _silent(reply, protocol)
        case "closed":
            return Classified(Outcome.NO_DATA, "connected, and the other end closed without an answer")
        case "errno" if reply.errno is not None:
            return _by_errno(reply)
        case "exit" if engine == "curl":
            return _by_curl(reply, protocol)
        case "exit" if engine == "nc":
            return _by_nc(reply, protocol)
        case "dns":
            return Classified(Outcome.DNS_FAILURE, reply.detail or "the name could not be resolved")
        case _:
            return Classified(Outcome.FAULT, _fault(reply))


def _answered(reply: ProbeReply, names: Collection[str]) -> Classified:
    if not reply.nonce_ok or not reply.answered_by:
        return Classified(Outcome.FAULT, "the agent reports an answer without nonce or name")
    if names and reply.answered_by not in names:
        wanted = ", ".join(sorted(names))
        return Classified(Outcome.WRONG_ANSWER, f"{reply.answered_by} answered, which is not {wanted}")
    return Classified(Outcome.OPEN, "")


def _silent(reply: ProbeReply, protocol: str) -> Classified:
    waited = f" in {reply.elapsed_s:.2f} s" if reply.elapsed_s is not None else ""
    if reply.phase == "connect" or (reply.phase == "answer" and protocol == "UDP"):
        return Classified(Outcome.NO_ANSWER, f"no answer{waited}")
    if reply.phase in ("send", "answer"):
        if reply.raw:
            return Classified(Outcome.WRONG_ANSWER, f"connected, and half an answer came{waited}: {reply.raw}")
        return Classified(Outcome.NO_DATA, f"connected, and no answer came{waited}")
    return Classified(Outcome.FAULT, f"the probe was still in its phase {reply.phase!r} at its deadline")


def _by_errno(reply: ProbeReply) -> Classified:
    number = reply.errno or ""
    if number == "ETIMEDOUT":  # the kernel's own patience ended before ours
        return _silent(reply, "TCP")
    outcome = BY_ERRNO.get(number)
    # Before a packet left, EACCES and EADDRINUSE and all others are the probe's own trouble.
    if outcome is None or reply.phase in ("bind", "session"):
        return Classified(Outcome.FAULT, _fault(reply))
    if reply.icmp in PROHIBITED_BY_ICMP:
        return Classified(Outcome.PROHIBITED, f"ICMP {reply.icmp}: administratively prohibited")
    if reply.icmp is not None:
        return Classified(outcome, f"{number} by ICMP {reply.icmp}")
    if outcome is Outcome.RESET and reply.connect_s is None:
        return Classified(outcome, "reset before the connection was made")
    if number == "EHOSTUNREACH":
        return Classified(outcome, "EHOSTUNREACH: no route, or prohibited, which some kernels do not tell apart")
    return Classified(outcome, number if reply.connect_s is None else f"{number} after the connection was made")


def _by_curl(reply: ProbeReply, protocol: str) -> Classified:
    said = _said(reply)
    code = reply.exit_code
    if code in CURL_DNS:
        return Classified(Outcome.DNS_FAILURE, said)
    if code == CURL_TIMED_OUT:
        silent = _silent(reply, protocol)
        return Classified(silent.outcome, f"{silent.detail}; {said}")
    if code == CURL_GOT_NOTHING:
        return Classified(Outcome.NO_DATA, said)
    outcome = _by_text(reply)
    if code == CURL_COULD_NOT_CONNECT and outcome is not None:
        return Classified(outcome, said)
    if code == CURL_RECEIVE_ERROR:
        return Classified(outcome or Outcome.RESET, said)
    return Classified(Outcome.FAULT, said)


def _by_nc(reply: ProbeReply, protocol: str) -> Classified:
    said = _said(reply)
    text = (reply.stderr or "").lower()
    outcome = _by_text(reply)
    if outcome is not None:
        return Classified(outcome, said)
    if "timed out" in text or "timeout" in text:
        silent = _silent(reply, protocol)
        return Classified(silent.outcome, f"{silent.detail}; {said}")
    if protocol == "UDP" and not text.strip() and reply.exit_code in (0, 1):
        # nc -u is silent about ICMP errors of any kind: it just ends, long before it has waited a second.
        if reply.elapsed_s is not None and reply.elapsed_s < NC_WAITS_S:
            return Classified(Outcome.REFUSED, f"{said} at once, as nc -u ends on an ICMP error")
        return Classified(Outcome.NO_ANSWER, f"{said}, without an answer")
    if protocol != "UDP" and reply.phase == "answer" and reply.exit_code in (0, 1):
        return Classified(Outcome.NO_DATA, f"connected, and no answer came; {said}")
    return Classified(Outcome.FAULT, said)


def _by_text(reply: ProbeReply) -> Outcome | None:
    text = (reply.stderr or "").lower()
    return next((outcome for words, outcome in BY_TEXT if words in text), None)


def _said(reply: ProbeReply) -> str:
    lines = [line.strip() for line in (reply.stderr or "").splitlines() if line.strip()]
    return f"exit status {reply.exit_code}" + (f": {lines[-1]}" if lines else "")


def _fault(reply: ProbeReply) -> str:
    parts = [reply.result if reply.result not in ("fault", "errno") else "", reply.errno or "", reply.detail or ""]
    text = " ".join(part for part in parts if part) or "unknown"
    return f"the probe itself failed ({reply.phase}): {text}"
