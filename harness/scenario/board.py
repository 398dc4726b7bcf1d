"""The flows of one step as a board of cells, on which each rule sets a rectangle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.topology import Topology
from harness.scenario.cast import Cast, Matched
from harness.scenario.patterns import ANY_PORT, PortPattern, RulePattern


@dataclass(frozen=True)
class Area:
    """A set of flows; None means every one."""

    sources: frozenset[Endpoint]
    destinations: Matched
    port: PortPattern = ANY_PORT
    protocol: L4Protocol | None = None
    via: Via | None = None
    family: Family | None = None


def area_of(rule: RulePattern, cast: Cast) -> Area:
    """Return the flows that `rule` speaks of in the topology of `cast`. Raises `RuleFault` for unknown names."""
    sources, destinations = cast.sources(rule.sources), cast.destinations(rule.destinations)
    return Area(sources, destinations, rule.port, rule.protocol, rule.via, rule.family)


class _Layout:
    """The flows of one source, by destination; most sources share one."""

    def __init__(self, cells: tuple[tuple[Endpoint, int, L4Protocol, Via, Family], ...]) -> None:
        self.by_destination: dict[tuple[Via, Endpoint], list[tuple[int, int, L4Protocol, Family]]] = defaultdict(list)
        for offset, (destination, port, protocol, via, family) in enumerate(cells):
            self.by_destination[via, destination].append((offset, port, protocol, family))


class Board:
    """Holds a declaration, or none yet, for each flow. A pod's flow to itself is never set."""

    def __init__(self, topology: Topology, flows: tuple[Flow, ...]) -> None:
        self.flows = flows
        self._topology = topology
        self._layouts: dict[Endpoint, tuple[int, _Layout]] = {}
        shared: dict[tuple[tuple[object, ...], ...], _Layout] = {}
        for source, start, end in _runs(flows):
            cells = tuple(flow[1:] for flow in flows[start:end])
            layout = shared.get(cells)
            if layout is None:
                layout = shared[cells] = _Layout(cells)
            self._layouts[source] = (start, layout)

    def cells(self, area: Area) -> Iterator[int]:
        """Yield the indexes of the flows in `area`, those of a pod to itself left out."""
        names = self._named_ports(area)
        offsets: dict[int, list[tuple[Endpoint | None, list[int]]]] = {}
        for source in area.sources:
            if source not in self._layouts:
                continue
            start, layout = self._layouts[source]
            blocks = offsets.get(id(layout))
            if blocks is None:
                blocks = offsets[id(layout)] = list(_blocks(layout, area, names))
            for destination, block in blocks:
                if destination != source:
                    for offset in block:
                        yield start + offset

    def ports(self, destinations: Matched, via: Via | None) -> tuple[str, ...]:
        """Return the ports that are tried at `destinations`: 5432/TCP, or 5432/TCP (pg)."""
        found: dict[str, None] = {}
        for kind, endpoint in _ends(destinations, via):
            for port, protocol, name in self._listening(kind, endpoint):
                found[f"{port}/{protocol} ({name})" if name else f"{port}/{protocol}"] = None
        return tuple(sorted(found))

    def port_names(self, destinations: Matched, via: Via | None) -> frozenset[str]:
        """Return the names of the ports at `destinations`."""
        return frozenset(
            name for kind, endpoint in _ends(destinations, via) for *_, name in self._listening(kind, endpoint) if name
        )

    def _named_ports(self, area: Area) -> Mapping[tuple[Via, Endpoint], frozenset[tuple[int, L4Protocol]]] | None:
        if area.port.name is None:
            return None
        return {
            (via, endpoint): frozenset(
                (port, protocol) for port, protocol, name in self._listening(via, endpoint) if name == area.port.name
            )
            for via, endpoint in _ends(area.destinations, area.via)
        }

    def _listening(self, via: Via, endpoint: Endpoint) -> Iterator[tuple[int, L4Protocol, str | None]]:
        topology = self._topology
        if via is Via.SERVICE:
            for port in topology.services[endpoint].ports:
                yield port.port, port.protocol, port.name
        else:
            host = topology.pods.get(endpoint) or topology.externals[endpoint]
            for listener in host.listeners:
                yield listener.port, listener.protocol, listener.name


def _runs(flows: tuple[Flow, ...]) -> Iterator[tuple[Endpoint, int, int]]:
    start = 0
    for index in range(1, len(flows) + 1):
        if index == len(flows) or flows[index].source != flows[start].source:
            yield flows[start].source, start, index
            start = index


def _ends(destinations: Matched, via: Via | None) -> Iterable[tuple[Via, Endpoint]]:
    if via is not Via.SERVICE:
        for endpoint in destinations.hosts:
            yield Via.POD, endpoint
    if via is not Via.POD:
        for endpoint in destinations.services:
            yield Via.SERVICE, endpoint


def _blocks(
    layout: _Layout, area: Area, names: Mapping[tuple[Via, Endpoint], frozenset[tuple[int, L4Protocol]]] | None
) -> Iterator[tuple[Endpoint | None, list[int]]]:
    numbers = area.port.numbers
    for end in _ends(area.destinations, area.via):
        block = [
            offset
            for offset, port, protocol, family in layout.by_destination.get(end, ())
            if (area.protocol is None or protocol is area.protocol)
            and (area.family is None or family is area.family)
            and (numbers is None or port in numbers)
            and (names is None or (port, protocol) in names[end])
        ]
        if block:
            yield end[1] if end[0] is Via.POD else None, block
