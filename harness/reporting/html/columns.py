"""Compact tables: what repeats is stored once, and a column of a hundred thousand flows by its runs.

Pure. The script's `data.js` is the reader.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import groupby
from typing import Any

from harness.reporting.text import printable


class Strings:
    """Every text of a report once, in a form that is safe to show; absent texts are -1.

    Line breaks are kept, for texts of several lines. Every other character that is not visible, the marks
    that turn the direction of writing among them, is escaped as in a terminal.
    """

    def __init__(self) -> None:
        self.rows: list[str] = []
        self._known: dict[str, int] = {}

    def add(self, text: str | None) -> int:
        """Return the number of `text`."""
        if text is None:
            return -1
        # Members of a StrEnum and plain strings are one text, and the number of neither may depend on order.
        number = self._known.get(text)
        if number is None:
            number = self._known[str(text)] = len(self.rows)
            self.rows.append("\n".join(printable(line.expandtabs()) for line in str(text).split("\n")))
        return number


class Rows:
    """Equal rows once, numbered as they come."""

    def __init__(self) -> None:
        self.rows: list[Sequence[Any]] = []
        self._known: dict[Hashable, int] = {}

    def add(self, row: tuple[Any, ...]) -> int:
        """Return the number of `row`, whose members must be hashable."""
        number = self._known.get(row)
        if number is None:
            number = self._known[row] = len(self.rows)
            self.rows.append(row)
        return number


def packed(values: Sequence[int]) -> list[int] | dict[str, list[int]]:
    """Return a column as it is, or as `{"runs": [value, length, ...]}` where that is shorter."""
    runs = [number for value, group in groupby(values) for number in (value, len(list(group)))]
    return {"runs": runs} if len(runs) < len(values) else list(values)


def spans(numbers: Iterable[int]) -> list[int]:
    """Return ascending numbers as `[first, length, ...]` of the stretches without a gap."""
    found: list[int] = []
    for number in numbers:
        if found and number == found[-2] + found[-1]:
            found[-1] += 1
        else:
            found += [number, 1]
    return found
