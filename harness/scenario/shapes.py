"""Read a JSON-like document that others wrote, reporting each wrong shape at its path.

Nothing here raises on any document. A null counts as absent, as it does to the API server when it
decodes a field; only inside a list or as a label's value is it a fault, because there
the server reads a zero value (`ingress: [null]` allows everything) and other clients drop it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.scenario.names import shown

Path = tuple[str | int, ...]
Report = Callable[[Path, str, str | None], None]

_PLAIN_TEXT = re.compile(r"[\w./-]{1,60}")
_SUGGESTED = 50
_NO_HINTS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document, its path, and whom to tell of faults."""

    value: Any
    path: Path
    report: Report

    def fault(self, fault: str, remedy: str | None = None) -> None:
        """Report that this value is wrong."""
        self.report(self.path, fault, remedy)

    def child(self, key: Any, value: Any) -> Node:
        """Return the node of an entry or a field of this one."""
        step = key if type(key) in (str, int) else str(key)
        return Node(value, (*self.path, step), self.report)

    def record(
        self, *known: str, hints: Mapping[str, str] = _NO_HINTS, otherwise: str | None = None
    ) -> dict[str, Node]:
        """Return a node for each of the `known` fields, absent ones included, and report all others.

        `hints` says where a stray field belongs; `otherwise` is the remedy for one that
        resembles nothing. The answer has every field absent when this is no mapping.
        """
        fields = self._mapping() or {}
        unknown = [key for key in fields if key not in known]
        for count, key in enumerate(unknown):
            text = str(key)
            # A hostile file has them by the hundred thousand, and looking for a near word is what takes time.
            near = suggestion(text, known) if count < _SUGGESTED else None
            remedy = hints.get(text) or near or otherwise or f"known here: {', '.join(known)}"
            self.child(key, fields[key]).fault(f"unknown field {shown(text)}", remedy)
        return {key: self.child(key, fields.get(key)) for key in known}

    def entries(self, *, empty_entry: bool = False) -> Iterator[Node]:
        """Yield the nodes of a list; nothing when absent or no list. `empty_entry`: {} would be a legal entry."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            self.fault(f"must be a list, not {described(self.value)}", _list_remedy(self.value, empty_entry))
            return
        for index, value in enumerate(self.value):
            entry = self.child(index, value)
            if value is None:
                remedy = "remove it, or write {} if the empty entry is meant" if empty_entry else "remove it"
                entry.fault("an entry that is null", remedy)
            else:
                yield entry

    def texts(self, remedy: str | None = None) -> Iterator[tuple[str, Node, str]]:
        """Yield key, node and value of a mapping from text to text; `remedy` is for values that are no scalars."""
        for key, value in (self._mapping() or {}).items():
            entry = self.child(key, value)
            if not isinstance(key, str):
                entry.fault(f"a key must be text, not {described(key)}", f"put it in quotes: {_quoted(key)}")
            elif value is None:
                entry.fault("has no value", 'write "" if the empty value is meant')
            elif (text := entry.text(remedy)) is not None:
                yield key, entry, text

    def text(self, remedy: str | None = None) -> str | None:
        """Return the text; None when absent or, after a report with `remedy` if no scalar, something else."""
        if self.value is None or isinstance(self.value, str):
            return self.value
        if isinstance(self.value, bool | int | float):
            remedy = f"put it in quotes: {_quoted(self.value)}"
        self.fault(f"must be text, not {described(self.value)}", remedy)
        return None

    def whole_number(self) -> int | None:
        """Return the number; None when absent or, after a report, something else."""
        if self.value is None or (isinstance(self.value, int) and not isinstance(self.value, bool)):
            return self.value
        self.fault(f"must be a whole number, not {described(self.value)}", numeral_remedy(self.value))
        return None

    def _mapping(self) -> Mapping[Any, Any] | None:
        if self.value is None or isinstance(self.value, Mapping):
            return self.value
        self.fault(f"must be a mapping, not {described(self.value)}")
        return None


def described(value: Any) -> str:
    """Say in a few words what kind of value this is, for 'must be X, not …'."""
    match value:
        case None:
            return "null"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() if value.bit_length() > 64:
            return "a huge number"  # too long to print, or even (over 4300 digits) to turn into text
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {shown(value)}"
        case list():
            return "a list"
        case Mapping():
            return "a mapping"
        case _:
            return f"a {type(value).__name__}"


def numeral_remedy(value: Any) -> str | None:
    """Return how to write `value` as the whole number it stands for, where it stands for one."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return f"write the number without quotes: {int(value)}"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        return f"write {int(value)}"
    return None


def suggestion(word: str, known: tuple[str, ...]) -> str | None:
    """Return `did you mean …?` for a misspelt word, capitals apart; None when nothing is near."""
    by_lower = {choice.lower(): choice for choice in known}
    near = difflib.get_close_matches(word.lower()[:100], by_lower, n=1)
    return f"did you mean '{by_lower[near[0]]}'?" if near else None


def _list_remedy(value: Any, empty_entry: bool) -> str | None:
    match value:
        case str() if _PLAIN_TEXT.fullmatch(value):
            return f"write a list of one: [{value}]"
        case Mapping() if value:
            return "start each entry with '- '"
        case Mapping():
            return "write [] for an empty list" + (", [{}] for a list with one empty entry" if empty_entry else "")
        case _:
            return None


def _quoted(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 64:
        return '"…"'
    return f'"{str(value).lower()}"' if isinstance(value, bool) else f'"{value}"'
