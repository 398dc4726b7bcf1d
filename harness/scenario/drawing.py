"""Drawn matrices: `expect.matrix`, tables of marks with sources as rows and destinations as columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from harness.model.flow import Endpoint, Family, L4Protocol, Via
from harness.model.scenario import Declaration, Expected
from harness.scenario.board import Area, Board
from harness.scenario.cast import Cast, Matched
from harness.scenario.context import Context
from harness.scenario.findings import closest, listed
from harness.scenario.names import shown
from harness.scenario.patterns import PortPattern, parse_port
from harness.scenario.positions import Path
from harness.scenario.rule_faults import NoFlowFault, RuleFault, UnknownNameFault

_MARKS = {".": Expected.ALLOW, "X": Expected.DENY, "-": None}
_WORD = re.compile(r"[^ \t]+")
_NOBODY: frozenset[Endpoint] = frozenset()


class _Word(NamedTuple):
    """A word of the drawing and where it stands in it, from 0."""

    text: str
    line: int
    column: int


@dataclass(frozen=True)
class _Corner:
    """What a table is about: the first word of its header."""

    port: PortPattern
    protocol: L4Protocol | None
    via: Via
    family: Family | None


class Drawing:
    """Sets the marks of one drawing on a board's values; `values` is changed in place."""

    def __init__(
        self, context: Context, path: Path, cast: Cast, board: Board, values: list[Declaration | None]
    ) -> None:
        self._context = context
        self._path = path
        self._cast = cast
        self._board = board
        self._values = values

    def apply(self, text: str) -> None:
        """Apply every table of `text`, in order."""
        for header, rows in _tables(text):
            self._table(header, rows)

    def _table(self, header: list[_Word], rows: list[list[_Word]]) -> None:
        corner = self._corner(header[0])
        if corner is None:
            return
        columns = [self._destination(word, corner.via) for word in header[1:]]
        if not columns:
            self._report(header[0], RuleFault(0, "a header needs destinations behind its port"))
        elif not rows:
            self._report(header[0], RuleFault(0, "a header without rows"))
        for row in rows:
            source = self._source(row[0])
            marks = row[1:]
            if len(marks) != len(columns):
                place = row[len(header)] if len(row) > len(header) else row[-1]
                fault = f"{len(marks)} marks in a row of a table with {len(columns)} columns"
                self._report(place, RuleFault(0, fault))
                continue
            for mark, destination in zip(marks, columns, strict=True):
                self._cell(mark, source, destination, corner)

    def _cell(
        self, mark: _Word, source: frozenset[Endpoint] | None, destination: Matched | None, corner: _Corner
    ) -> None:
        if mark.text not in _MARKS:
            remedy = "write X" if mark.text == "x" else None
            self._report(
                mark, RuleFault(0, f"unknown mark {shown(mark.text)}; known: . allow, X deny, - not said", remedy)
            )
            return
        expected = _MARKS[mark.text]
        if expected is None or source is None or destination is None:
            return
        area = Area(source, destination, corner.port, corner.protocol, corner.via, corner.family)
        cells = tuple(self._board.cells(area))
        self._context.spend(self._path, 1 + len(cells))
        if not cells and not (corner.via is Via.POD and source & destination.hosts):
            ports = listed(self._board.ports(destination, corner.via))
            fault = f"there is no such flow; the ports tried there: {ports}"
            self._report(mark, NoFlowFault(0, fault, "write - for a cell without a flow"))
            return
        declaration = Declaration(expected, self._context.locate(self._path, (mark.line, mark.column)))
        for cell in cells:
            self._values[cell] = declaration

    def _corner(self, word: _Word) -> _Corner | None:
        port, *options = word.text.split("@")
        try:
            pattern, protocol = parse_port(port)
            via, family = _options(options, len(port) + 1)
        except RuleFault as fault:
            self._report(word, fault)
            return None
        if protocol is None and port != "*":
            protocol = L4Protocol.TCP
        return _Corner(pattern, protocol, via, family)

    def _destination(self, word: _Word, via: Via) -> Matched | None:
        if via is Via.SERVICE:
            services = self._cast.topology.services
            if word.text in services:
                return Matched(_NOBODY, frozenset({Endpoint(word.text)}))
            self._report(word, _unknown("Service", word.text, tuple(services)))
            return None
        hosts = self._source(word)
        return None if hosts is None else Matched(hosts, _NOBODY)

    def _source(self, word: _Word) -> frozenset[Endpoint] | None:
        hosts = self._cast.host(word.text)
        if not hosts:
            self._report(word, _unknown("pod, group or external", word.text, self._cast.host_names()))
            return None
        return hosts

    def _report(self, word: _Word, fault: RuleFault) -> None:
        self._context.report_rule(self._path, fault, (word.line, word.column))


def _options(options: list[str], column: int) -> tuple[Via, Family | None]:
    """Return what the words behind the port say, each after an '@'; `column` is where the first stands."""
    known = (Via.SERVICE, *Family)
    via, family = Via.POD, None
    for option in options:
        if option not in known:
            raise RuleFault(column, f"unknown {shown(option)}; known: {listed(known)}", closest(option, known))
        if option == Via.SERVICE:
            via = Via.SERVICE
        else:
            family = Family(option)
        column += len(option) + 1
    return via, family


def _unknown(kind: str, name: str, known: tuple[str, ...]) -> UnknownNameFault:
    return UnknownNameFault(0, f"no {kind} {shown(name)}; there are: {listed(known)}", closest(name, known), name)


def _tables(text: str) -> Iterator[tuple[list[_Word], list[list[_Word]]]]:
    """Yield header and rows of each table; blank lines divide them."""
    table: list[list[_Word]] = []
    for line, content in enumerate([*text.split("\n"), ""]):
        words = [_Word(found.group(), line, found.start()) for found in _WORD.finditer(content)]
        if words:
            table.append(words)
        elif table:
            yield table[0], table[1:]
            table = []
