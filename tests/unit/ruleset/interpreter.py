"""Judge a packet by the text of a ruleset: the few forms of nft that `ruleset.render` writes, and no others.

An unknown form is an error, so that nothing is passed over in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address

_MATCHES = (
    (re.compile(r"(ip6?) (saddr|daddr) @(\S+) "), "address"),
    (re.compile(r"meta nfproto (ipv[46]) "), "family"),
    (re.compile(r"(tcp|udp|sctp) dport (\{ [^}]* \}|\S+) "), "port"),
    (re.compile(r"meta l4proto (tcp|udp|sctp) "), "protocol"),
)
_VERDICTS = {
    "return": "return",
    "accept": "accept",
    "drop": "drop",
    "reject with icmpx port-unreachable": "reject",
    "reject with tcp reset": "reset",
}


@dataclass(frozen=True)
class Packet:
    """The first packet of a connection, as the router forwards it, translated already."""

    source: str
    destination: str
    port: int
    protocol: str = "tcp"
    came_by: str = "outside"
    leaves_by: str = "outside"


@dataclass
class Rules:
    """A parsed transaction."""

    sets: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    maps: dict[str, dict[str, str]] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)

    def verdict(self, packet: Packet) -> str:
        """Return what the forward hook makes of `packet`: accept, drop, reject or reset."""
        return self._run("forward", packet) or "accept"

    def _run(self, chain: str, packet: Packet) -> str | None:
        for line in self.chains[chain]:
            outcome = self._line(line, packet)
            if outcome == "return":
                return None
            if outcome is not None:
                return outcome
        return None

    def _line(self, line: str, packet: Packet) -> str | None:
        if line.startswith(("#", "type filter", "ct state established,related")) or line == "":
            return None
        if line.endswith(("vmap @egress", "vmap @ingress")):
            interface = packet.came_by if line.startswith("iifname") else packet.leaves_by
            jump = self.maps[line.rpartition("@")[2]].get(interface)
            return self._run(jump.removeprefix("jump "), packet) if jump else None
        if line == "iifname . oifname @itself accept":
            return "accept" if packet.came_by == packet.leaves_by != "outside" else None
        if re.fullmatch(r"ip6? daddr [0-9a-f.:/]+ reject with icmpx port-unreachable", line):
            return None  # the Service range: no packet of these tests goes there
        while (found := self._match(line)) is not None:
            pattern, kind, groups = found
            if not self._holds(kind, groups, packet):
                return None
            line = line[pattern:]
        return _VERDICTS[line]

    @staticmethod
    def _match(line: str) -> tuple[int, str, tuple[str, ...]] | None:
        for pattern, kind in _MATCHES:
            found = pattern.match(line)
            if found:
                return found.end(), kind, found.groups()
        return None

    def _holds(self, kind: str, groups: tuple[str, ...], packet: Packet) -> bool:
        version = ip_address(packet.source).version
        if kind == "address":
            keyword, end, name = groups
            address = packet.source if end == "saddr" else packet.destination
            return (keyword == "ip6") == (version == 6) and _within(_number(address), self.sets[name])
        if kind == "family":
            return groups[0] == f"ipv{version}"
        if kind == "protocol":
            return groups[0] == packet.protocol
        return groups[0] == packet.protocol and _within(packet.port, _spans(groups[1].strip("{} "), int))


def parse(text: str) -> Rules:
    """Read a whole transaction."""
    rules = Rules()
    kind, name = "", ""
    for line in text.splitlines():
        opened = re.fullmatch(r"  (set|map|chain) (\S+) \{.*", line)
        if opened:
            kind, name = opened.groups()
            if kind == "chain":
                rules.chains[name] = []
            continue
        body = line.strip()
        if line.startswith("    ") and kind == "chain":
            rules.chains[name].append(body)
        elif body.startswith("elements = {"):
            content = body.removeprefix("elements = {").removesuffix("}").strip()
            if kind == "map":
                pairs = (item.split(" : ") for item in content.split(", "))
                rules.maps[name] = {key.strip('"'): value for key, value in pairs}
            elif " . " not in content:
                rules.sets[name] = _spans(content, _number)
        elif kind == "map":
            rules.maps.setdefault(name, {})
    return rules


def _spans(text: str, read: type[int] | object) -> tuple[tuple[int, int], ...]:
    spans = []
    for item in text.split(", "):
        low, _, high = item.partition("-")
        spans.append((read(low), read(high or low)))  # type: ignore[operator]
    return tuple(spans)


def _within(value: int, spans: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= value <= high for low, high in spans)


@lru_cache(maxsize=4096)
def _number(address: str) -> int:
    return int(ip_address(address))
