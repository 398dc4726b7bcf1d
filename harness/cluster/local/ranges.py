"""Sets of addresses as ranges of integers, and their text for nft.

Pure. A block with exceptions and a list of pods become one sorted, merged list of ranges, so
that union means union: an exception carves out of its own block and of nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from harness.model.flow import Family

Range = tuple[int, int]
Ranges = tuple[Range, ...]


@lru_cache(maxsize=65536)
def number(address: str) -> int:
    """Return an address as an integer."""
    return int(ip_address(address))


@lru_cache(maxsize=4096)
def network(cidr: str) -> tuple[Family, Range]:
    """Return the family and the range of a CIDR; host bits are ignored, as the API server lets them pass."""
    block = ip_network(cidr, strict=False)
    family = Family.IPV4 if block.version == 4 else Family.IPV6
    return family, (int(block.network_address), int(block.broadcast_address))


def merged(ranges: Iterable[Range]) -> Ranges:
    """Return the same numbers as sorted ranges that neither overlap nor touch."""
    result: list[Range] = []
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], high))
        else:
            result.append((low, high))
    return tuple(result)


def without(ranges: Iterable[Range], holes: Iterable[Range]) -> Ranges:
    """Return the numbers of `ranges` that lie in none of `holes`."""
    rest = list(merged(ranges))
    for hole_low, hole_high in merged(holes):
        cut: list[Range] = []
        for low, high in rest:
            if high < hole_low or low > hole_high:
                cut.append((low, high))
                continue
            if low < hole_low:
                cut.append((low, hole_low - 1))
            if high > hole_high:
                cut.append((hole_high + 1, high))
        rest = cut
    return tuple(rest)


def common(one: Ranges, other: Ranges) -> Ranges:
    """Return the numbers that lie in both of two merged lists of ranges."""
    result: list[Range] = []
    first, second = 0, 0
    while first < len(one) and second < len(other):
        low, high = max(one[first][0], other[second][0]), min(one[first][1], other[second][1])
        if low <= high:
            result.append((low, high))
        # Whichever ends first meets nothing further on.
        if one[first][1] < other[second][1]:
            first += 1
        else:
            second += 1
    return tuple(result)


def block(ip_block: Mapping[str, Any]) -> tuple[Family, Ranges]:
    """Return the family and the addresses of an `ipBlock`."""
    family, whole = network(ip_block["cidr"])
    holes = [network(text)[1] for text in ip_block.get("except") or ()]
    return family, without([whole], holes)


def text(ranges: Ranges, family: Family) -> str:
    """Return ranges as the elements of an nft set."""
    address = IPv4Address if family is Family.IPV4 else IPv6Address
    return ", ".join(str(address(low)) if low == high else f"{address(low)}-{address(high)}" for low, high in ranges)


def ports_text(ranges: Ranges) -> str:
    """Return ranges of ports as nft writes them: one number or range, or a set in braces."""
    parts = [str(low) if low == high else f"{low}-{high}" for low, high in ranges]
    return parts[0] if len(parts) == 1 else "{ " + ", ".join(parts) + " }"
