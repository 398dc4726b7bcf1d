"""The command that a person would type inside the source pod to try a flow. Pure."""

from __future__ import annotations

from harness.model.flow import Flow, L4Protocol


def command(flow: Flow, address: str, engine: str = "socket", seconds: int = 2) -> str:
    """Return an nc command, or curl's for TCP where curl was the engine."""
    if engine == "curl" and flow.protocol is L4Protocol.TCP:
        host = f"[{address}]" if ":" in address else address
        return f"curl -g -m {seconds} http://{host}:{flow.port}/"
    match flow.protocol:
        case L4Protocol.TCP:
            return f"nc -n -z -v -w {seconds} {address} {flow.port}"
        case L4Protocol.UDP:
            # `nc -zu` calls a dropped datagram a success: only an echo is an answer.
            return f"echo hello | nc -n -u -w {seconds} {address} {flow.port}"
        case L4Protocol.SCTP:
            return f"ncat -n --sctp -v -w {seconds} {address} {flow.port}"
