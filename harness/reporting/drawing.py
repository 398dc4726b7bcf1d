"""Draws a truth table in a given width, whatever its size.

Narrow ones look as authors draw them under `expect.matrix`. Where the names of the
columns do not fit, rows and columns are numbered, a name having one number on both
sides, and what is still too wide is drawn in blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from harness.reporting import naming
from harness.reporting.grouping import BLANK, Members
from harness.reporting.table import Table
from harness.reporting.text import padded, printable, squeezed, width_of, wrapped

CORNER = "from \\ to"
_GAP = "  "
_MOST_MEMBERS = 24  # named in a footnote

Paint = Callable[[str], str]


def draw(table: Table, width: int, paint: Paint) -> list[str]:
    """Return the lines of `table`, none wider than `width` columns; `paint` colours a mark."""
    if not table.rows or not table.columns:
        return []
    title = wrapped(table.title, width) if table.title else []
    return title + (_named(table, width, paint) or _numbered(table, width, paint))


def _named(table: Table, width: int, paint: Paint) -> list[str] | None:
    """Draw with whole names on both sides; None where that does not fit."""
    rows = [_label(group) for group in table.rows]
    side = max(width_of(text) for text in [CORNER, *rows])
    whole = [[_label(group), ""] for group in table.columns]
    stacked = [list(text.partition(":")[::2]) for text, _ in whole]  # the pod above, its port below
    for heads in (whole, stacked):
        widths = [max(map(width_of, head)) for head in heads]
        if side + sum(len(_GAP) + each for each in widths) <= width:
            break
    else:
        return None
    lines = []
    for corner, texts in zip((CORNER, ""), zip(*heads, strict=True), strict=True):
        if any(texts):
            cells = [padded(text, each) for text, each in zip(texts, widths, strict=True)]
            lines.append(_GAP.join([padded(corner, side), *cells]).rstrip())
    for row, name in enumerate(rows):
        cells = [_cell(table, row, column, paint) + " " * (each - 1) for column, each in enumerate(widths)]
        lines.append(_GAP.join([padded(name, side), *cells]).rstrip())
    return lines


def _numbered(table: Table, width: int, paint: Paint) -> list[str]:
    """Draw with numbered rows, columns by number, in as many blocks as it takes."""
    numbers: dict[Members, int] = {}
    for group in (*table.rows, *table.columns):
        numbers.setdefault(group, len(numbers) + 1)
    digits = len(str(len(numbers)))
    # Half the width is for marks, two columns each; a name that needs more is told below the table.
    room = max(8, width // 2 - digits - 1)
    labels = {group: _short(group, room) for group in table.rows}
    side = digits + 1 + max(width_of(text) for text in labels.values())
    per_block = max(1, (width - side - 1) // 2)
    lines: list[str] = []
    for start in range(0, len(table.columns), per_block):
        block = range(start, min(start + per_block, len(table.columns)))
        lines += _heads([numbers[table.columns[column]] for column in block], side, digits)
        for row, group in enumerate(table.rows):
            name = padded(f"{numbers[group]:>{digits}} {labels[group]}", side)
            marks = " ".join(_cell(table, row, column, paint) for column in block)
            lines.append(f"{name}  {marks}".rstrip())
    shown = {group for group, text in labels.items() if text == _label(group)}
    return lines + list(_footnotes({group: at for group, at in numbers.items() if group not in shown}, width, digits))


def _heads(numbers: Sequence[int], side: int, digits: int) -> list[str]:
    """Write the numbers of the columns from top to bottom, a digit a line."""
    stacked = [f"{number:>{digits}}" for number in numbers]
    lines = [" ".join(text[line] for text in stacked) for line in range(digits)]
    corners = [" " * side] * (digits - 1) + [padded(CORNER if side >= len(CORNER) else "", side)]
    return [f"{corner}  {line}".rstrip() for corner, line in zip(corners, lines, strict=True)]


def _footnotes(numbers: dict[Members, int], width: int, digits: int) -> Iterator[str]:
    """Name in full what the table could not."""
    for group, number in numbers.items():
        names = naming.listed(naming.endpoints(group), _MOST_MEMBERS)
        count = f" ({len(group)})" if len(group) > 1 else ""
        yield from wrapped(names + count, width, f"{number:>{digits}} = ")


def _cell(table: Table, row: int, column: int, paint: Paint) -> str:
    cell = table.cells.get((row, column))
    return paint(cell.mark) if cell else BLANK


def _label(group: Members) -> str:
    return printable(", ".join(naming.endpoints(group)))


def _short(group: Members, room: int) -> str:
    """Return a group's names in `room` columns: all of them, or the first and how many more there are."""
    label = _label(group)
    if width_of(label) <= room:
        return label
    first = printable(naming.endpoints(group)[0])
    more = f" +{len(group) - 1}" if len(group) > 1 and ".." not in first else ""
    return squeezed(first, room - len(more)) + more
