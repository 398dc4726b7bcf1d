"""The truth table: a reachability matrix arranged as people read it, rows from, columns to.

Pure data; `drawing` makes lines of it. Small tables keep every pod, so that authors find
theirs; in large ones what looks the same shares a row or a column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.model.flow import Flow
from harness.reporting import naming
from harness.reporting.grouping import (
    NEUTRAL,
    Members,
    Sheet,
    destinations,
    grouped_destinations,
    grouped_sources,
    sheets,
    sources,
)

GROUP_ABOVE = 12  # rows or columns; fewer are easier to read one by one
JOIN_BELOW = 9  # columns; planes that have fewer between them share one table


@dataclass(frozen=True, slots=True)
class Cell:
    """A mark and how many flows it stands for."""

    mark: str
    flows: int


@dataclass(frozen=True, slots=True)
class Table:
    """Groups of sources against groups of destinations; a pair without a cell has no flow.

    `title` says which port, protocol, via and family; it is empty where the columns do.
    """

    title: str
    rows: tuple[Members, ...]
    columns: tuple[Members, ...]
    cells: Mapping[tuple[int, int], Cell]

    def narrowed(self, marks: Collection[str]) -> Table:
        """Return only the rows and columns that hold one of `marks`."""
        hits = [place for place, cell in self.cells.items() if cell.mark in marks]
        rows, columns = sorted({row for row, _ in hits}), sorted({column for _, column in hits})
        return self._only(rows, columns)

    def cut(self, most: int) -> Table:
        """Return only the first rows and columns, at most `most` of each."""
        return self._only(range(len(self.rows))[:most], range(len(self.columns))[:most])

    def _only(self, rows: Sequence[int], columns: Sequence[int]) -> Table:
        cells = {
            (new_row, new_column): self.cells[row, column]
            for new_row, row in enumerate(rows)
            for new_column, column in enumerate(columns)
            if (row, column) in self.cells
        }
        return Table(
            self.title, tuple(self.rows[row] for row in rows), tuple(self.columns[at] for at in columns), cells
        )


def build(marks: Iterable[tuple[Flow, str]]) -> tuple[Table, ...]:
    """Arrange marks as tables: one a plane, equal planes in one, few columns altogether in one.

    Every flow is counted in exactly one cell.
    """
    found = sheets(marks)
    if len(found) > 1 and sum(len(destinations(sheet)) for _, sheet in found) < JOIN_BELOW:
        return (_joined(found),)
    return tuple(
        _table(naming.planes(planes), sheet, dict.fromkeys(destinations(sheet), len(planes))) for planes, sheet in found
    )


def _joined(found: Sequence[tuple[tuple[naming.Plane, ...], Sheet]]) -> Table:
    """Put several planes side by side, a destination's ports together; the columns say which is which."""
    order = list(dict.fromkeys(name for _, sheet in found for name in destinations(sheet)))
    together: Sheet = {}
    weights = {}
    for name in order:
        for planes, sheet in found:
            label = f"{name}:{naming.planes(planes)}"
            weights[label] = len(planes)
            together |= {(source, label): mark for (source, column), mark in sheet.items() if column == name}
    return _table("", together, weights)


def _table(title: str, sheet: Sheet, weights: Mapping[str, int]) -> Table:
    """Arrange one sheet; `weights` says for each column how many flows a pair stands for."""
    rows: tuple[Members, ...] = tuple((name,) for name in sources(sheet))
    if len(rows) > GROUP_ABOVE:
        rows = grouped_sources(sheet)
    columns: tuple[Members, ...] = tuple((name,) for name in destinations(sheet))
    if len(columns) > GROUP_ABOVE:
        columns = grouped_destinations(sheet, rows)
    row_of = {name: index for index, group in enumerate(rows) for name in group}
    column_of = {name: index for index, group in enumerate(columns) for name in group}
    marks: dict[tuple[int, int], str | None] = {}
    flows: dict[tuple[int, int], int] = {}
    for (source, destination), mark in sheet.items():
        place = row_of[source], column_of[destination]
        marks[place] = marks.get(place) or mark
        flows[place] = flows.get(place, 0) + weights[destination]
    cells = {place: Cell(mark or NEUTRAL, flows[place]) for place, mark in marks.items()}
    return Table(title, rows, columns, cells)
