"""Which ports an entry of `ports` covers, seen from the destination pod (semantics section 1.6)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from harness.model.flow import L4Protocol
from harness.model.policy import PolicyPort
from harness.model.topology import External, Pod


class PortMatch(Enum):
    """Whether a list of ports covers a port, and whether only a name says so."""

    NO = 0
    BY_NUMBER = 1
    BY_NAME = 2


def names_of(destination: Pod | External, port: int, protocol: L4Protocol) -> frozenset[str]:
    """Return the names that mean `port` on `destination`: those of its declared ports of that protocol.

    Empty for an external: a named port never matches what is no pod.
    """
    if isinstance(destination, External):
        return frozenset()
    return frozenset(
        listener.name
        for listener in destination.listeners
        if listener.declared and listener.name and listener.port == port and listener.protocol is protocol
    )


def covers(entries: Sequence[PolicyPort], port: int, protocol: L4Protocol, names: frozenset[str]) -> PortMatch:
    """Tell whether `entries` cover `port` of a destination on which it bears `names`; no entries cover everything."""
    if not entries:
        return PortMatch.BY_NUMBER
    found = PortMatch.NO
    for entry in entries:
        if entry.protocol is not protocol:
            continue
        if isinstance(entry.port, str):
            # A name that nothing bears covers nothing: it neither widens to all
            # ports nor voids the other entries.
            if entry.port in names:
                found = PortMatch.BY_NAME
        elif entry.port is None or entry.port <= port <= (entry.end_port or entry.port):
            return PortMatch.BY_NUMBER
    return found


def render(entry: PolicyPort) -> str:
    """Return an entry as people write it: `80/TCP`, `pg/TCP`, `80-90/UDP`, `*/TCP`."""
    if entry.port is None:
        return f"*/{entry.protocol}"
    if entry.end_port is not None:
        return f"{entry.port}-{entry.end_port}/{entry.protocol}"
    return f"{entry.port}/{entry.protocol}"


def miss(entries: Sequence[PolicyPort], port: int, protocol: L4Protocol, destination: Pod | External) -> str:
    """Say that `entries` do not cover `port`, and what the names among them mean on `destination`."""
    text = f"ports: {port}/{protocol} is not in [{', '.join(render(entry) for entry in entries)}]"
    named = [entry for entry in entries if isinstance(entry.port, str)]
    return "; ".join((text, *(_meaning(entry, destination) for entry in named)))


def _meaning(entry: PolicyPort, destination: Pod | External) -> str:
    if isinstance(destination, External):
        return f"{render(entry)} means nothing on {destination.name}, which is no pod"
    numbers = [
        str(listener.port)
        for listener in destination.listeners
        if listener.declared and listener.name == entry.port and listener.protocol is entry.protocol
    ]
    if not numbers:
        return f"{destination.endpoint} declares no port {render(entry)}"
    return f"{render(entry)} is {' and '.join(numbers)} on {destination.endpoint}"
