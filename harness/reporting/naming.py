"""Short names for many things at once: replicas, ports, kinds of flows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from harness.model.flow import Family, Flow, L4Protocol, Via

_NUMBERED = re.compile(r"(.*[^0-9]|)(0|[1-9][0-9]*)", re.DOTALL)
_RUN = 3  # two names are as short as a range


class Plane(NamedTuple):
    """What the flows of one table have in common."""

    port: int
    protocol: L4Protocol
    via: Via
    family: Family


def plane_of(flow: Flow) -> Plane:
    """Return the plane that `flow` belongs to."""
    return Plane(flow.port, flow.protocol, flow.via, flow.family)


def endpoints(names: Iterable[str]) -> list[str]:
    """Return the names in their order, with runs of replicas in one term: `shop/web-0..7`."""
    terms: list[str] = []
    run: list[tuple[str, int, str]] = []
    for name in names:
        match = _NUMBERED.fullmatch(name)
        entry = (match[1], int(match[2]), name) if match and len(match[2]) < 10 else ("", -1, name)
        if run and not (entry[1] == run[-1][1] + 1 and entry[0] == run[-1][0] and run[-1][1] >= 0):
            terms += _terms(run)
            run = []
        run.append(entry)
    return terms + _terms(run)


def ports(numbers: Iterable[int]) -> str:
    """Return the ports in order, with runs as ranges: `80, 443, 8080-8085`."""
    terms = []
    run: list[int] = []
    for number in [*sorted(set(numbers)), None]:
        if run and number != run[-1] + 1:
            terms += [f"{run[0]}-{run[-1]}"] if len(run) >= _RUN else [str(port) for port in run]
            run = []
        if number is not None:
            run.append(number)
    return ", ".join(terms)


def planes(several: Sequence[Plane]) -> str:
    """Name one or more planes: `8080, 8081/TCP via service over IPv6`.

    What is ordinary, via pod and IPv4, goes without saying where it stands alone, as in `Flow`.
    """
    whole = _product(several)
    if whole is not None:
        return whole
    variants: dict[tuple[int, L4Protocol], list[tuple[Via, Family]]] = {}
    for plane in several:
        variants.setdefault((plane.port, plane.protocol), []).append((plane.via, plane.family))
    parts: dict[tuple[L4Protocol, tuple[tuple[Via, Family], ...]], list[Plane]] = {}
    for plane in several:
        key = plane.protocol, tuple(variants[plane.port, plane.protocol])
        parts.setdefault(key, []).append(plane)
    texts = [[_product(part)] if _product(part) else map(_product, zip(part)) for part in parts.values()]
    return "; ".join(text for part in texts for text in part if text)


def listed(terms: Sequence[str], most: int, noun: str = "more") -> str:
    """Return the terms in a row, at most `most` of them and then how many are left out."""
    if len(terms) <= most:
        return ", ".join(terms)
    return f"{', '.join(terms[:most])} and {len(terms) - most:,} {noun}"


def _product(several: Sequence[Plane]) -> str | None:
    """Name the planes in one go if they are every combination of their parts, else return None."""
    numbers = {plane.port for plane in several}
    protocols = list(dict.fromkeys(plane.protocol for plane in several))
    vias = list(dict.fromkeys(plane.via for plane in several))
    families = list(dict.fromkeys(plane.family for plane in several))
    if len(numbers) * len(protocols) * len(vias) * len(families) != len(set(several)):
        return None
    text = f"{ports(numbers)}/{'+'.join(protocols)}"
    if vias != [Via.POD]:
        text += f" via {' and '.join(vias)}"
    if families != [Family.IPV4]:
        text += f" over {' and '.join(families)}"
    return text


def _terms(run: Sequence[tuple[str, int, str]]) -> list[str]:
    if len(run) >= _RUN:
        return [f"{run[0][2]}..{run[-1][1]}"]
    return [name for _, _, name in run]
