"""Finds what looks the same: equal planes, pods that nothing tells apart, flows of one shape.

Pure. Grouping loses no flow: every member of a group has, towards every member of the
other side, the mark that is shown for both. The one exception is a pod's flow to
itself where it is neutral, since that cell alone would keep equal pods apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.model.flow import Flow, Via
from harness.reporting.naming import Plane, plane_of

NEUTRAL = "-"
BLANK = " "
_HIT = "#"

# (source, destination) -> mark; None where the flow is a pod's own and neutral.
Sheet = dict[tuple[str, str], str | None]
Members = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Flows from every source to every destination on every plane; `flows` counts them.

    A pod's flows to itself may be left out of that; the count tells.
    """

    sources: Members
    destinations: Members
    planes: tuple[Plane, ...]
    flows: int


def sheets(marks: Iterable[tuple[Flow, str]]) -> list[tuple[tuple[Plane, ...], Sheet]]:
    """Sort marks by plane, and put planes together that hold the same marks for the same pairs."""
    by_plane: dict[Plane, Sheet] = {}
    for flow, mark in marks:
        neutral = flow.is_to_itself and mark == NEUTRAL
        by_plane.setdefault(plane_of(flow), {})[flow.source, flow.destination] = None if neutral else mark
    same: dict[tuple[tuple[tuple[str, str], str | None], ...], list[Plane]] = {}
    for plane, sheet in by_plane.items():
        same.setdefault(tuple(sheet.items()), []).append(plane)
    return [(tuple(planes), by_plane[planes[0]]) for planes in same.values()]


def sources(sheet: Sheet) -> Members:
    """Return the rows of a sheet in order of appearance."""
    return tuple(dict.fromkeys(source for source, _ in sheet))


def destinations(sheet: Sheet) -> Members:
    """Return the columns of a sheet in order of appearance."""
    return tuple(dict.fromkeys(destination for _, destination in sheet))


def grouped_sources(sheet: Sheet) -> tuple[Members, ...]:
    """Return the sources with those together that no mark tells apart, in order of appearance."""
    rows, columns = sources(sheet), destinations(sheet)
    return _alike(rows, {row: [sheet.get((row, column), BLANK) for column in columns] for row in rows})


def grouped_destinations(sheet: Sheet, rows: Sequence[Members]) -> tuple[Members, ...]:
    """Return the destinations with those together that look the same from every group of `rows`."""
    columns = destinations(sheet)
    return _alike(columns, {column: [_first(sheet, row, column) for row in rows] for column in columns})


def bundles(flows: Iterable[Flow]) -> list[Bundle]:
    """Describe a set of flows in as few bundles as grouping finds, in order of appearance."""
    found = []
    for planes, sheet in sheets((flow, _HIT) for flow in flows):
        hits = dict(sheet)
        if all(plane.via is Via.POD for plane in planes):
            for name in set(sources(sheet)) & set(destinations(sheet)):
                hits.setdefault((name, name), None)
        # In the order of the rows where they are rows too: the first row would put itself last.
        columns = tuple(dict.fromkeys((*sources(hits), *destinations(hits))))
        for row in grouped_sources(hits):
            reached = [name for name in columns if any((one, name) in sheet for one in row)]
            pairs = sum((one, name) in sheet for one in row for name in reached)
            found.append(Bundle(row, tuple(reached), planes, pairs * len(planes)))
    return found


def _first(sheet: Sheet, group: Members, column: str) -> str | None:
    """Return the mark that a group of rows has in `column`, None where that is neutral alone."""
    for row in group[:2]:  # at most one member of a group can be the column itself
        mark = sheet.get((row, column), BLANK)
        if mark is not None:
            return mark
    return None


def _alike(names: Sequence[str], faces: Mapping[str, Sequence[str | None]]) -> tuple[Members, ...]:
    """Put names together whose faces agree wherever neither is None; first come, first joined."""
    groups: list[tuple[list[str], list[str | None]]] = []
    exact: dict[tuple[str | None, ...], int] = {}
    for name in names:
        face = faces[name]
        place = exact.get(tuple(face))
        if place is None:
            place = next((index for index, (_, known) in enumerate(groups) if _agree(known, face)), len(groups))
        if place == len(groups):
            groups.append(([name], list(face)))
        else:
            members, known = groups[place]
            members.append(name)
            known[:] = [theirs if mine is None else mine for mine, theirs in zip(known, face, strict=True)]
        # A face without None has settled all that its group looks like: an equal one need not be compared.
        if None not in face:
            exact[tuple(face)] = place
    return tuple(tuple(members) for members, _ in groups)


def _agree(one: Sequence[str | None], other: Sequence[str | None]) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))
