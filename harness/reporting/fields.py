"""Readers of the parts of a foreign JSON document: each takes a value and returns it typed, or says what was expected.

They are put together to readers of whole objects; a fault carries its place, from the inside out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from typing import Any, TypeVar

from harness.errors import SourceLocation

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Readers = Mapping[str, Callable[[Any], Any]]


class WrongError(Exception):
    """A value that is not what it should be; `path` are the keys and indexes that lead to it, innermost first."""

    def __init__(self, fault: str, *path: str) -> None:
        super().__init__(fault)
        self.fault = fault
        self.path = path

    @property
    def place(self) -> str:
        """The path as people write it: `scenarios[0].steps[1].name`."""
        return ".".join(reversed(self.path)).replace(".[", "[")


def expected(kind: str, value: object) -> WrongError:
    """Build the error of a value that is not `kind`; null and what is missing are both nothing."""
    return WrongError(f"expected {kind}, found {_shown(value)}")


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):  # perhaps too deep to be shown
        return "an object" if isinstance(value, dict) else "a list"
    shown = ascii(value[:60] if isinstance(value, str) else value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def text(value: Any) -> str:
    """Read a text."""
    if type(value) is not str:
        raise expected("a text", value)
    return value


def flag(value: Any) -> bool:
    """Read a boolean."""
    if type(value) is not bool:
        raise expected("true or false", value)
    return value


def integer(value: Any) -> int:
    """Read a whole number."""
    if type(value) is not int:
        raise expected("a whole number", value)
    return value


def number(value: Any) -> float:
    """Read a finite number, such as seconds."""
    if type(value) is float and isfinite(value):
        return value
    if type(value) is not int or abs(value) > 1e300:
        raise expected("a number of seconds", value)
    return float(value)


def choice(choices: type[E]) -> Callable[[Any], E]:
    """Return a reader of the texts of an enumeration."""
    known = {member.value: member for member in choices}

    def read(value: Any) -> E:
        try:
            return known[value]
        except (KeyError, TypeError):  # a list is no key of anything
            raise expected(f"one of {', '.join(known)}", value) from None

    return read


@lru_cache(maxsize=4096)
def _place(value: str) -> SourceLocation:
    file, line, column = [*value.rsplit(":", 2), "", ""][:3]
    if not (line.isdecimal() and column.isdecimal() and len(line) + len(column) < 30):
        raise expected("file:line:column", value)
    return SourceLocation(file, int(line), int(column))


def location(value: Any) -> SourceLocation:
    """Read `file:line:column`; the file may hold colons."""
    return _place(text(value))


def many(read: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    """Return a reader of lists whose members `read` reads."""

    def each(value: Any) -> tuple[T, ...]:
        if type(value) is not list:
            raise expected("a list", value)
        found: list[T] = []
        try:
            found.extend(read(member) for member in value)
        except WrongError as error:
            # What was read before the fault is in the list already.
            raise WrongError(error.fault, *error.path, f"[{len(found)}]") from None
        return tuple(found)

    return each


def record(build: Callable[..., T], required: Readers, optional: Readers | None = None) -> Callable[[Any], T]:
    """Return a reader of an object: every field read by its reader, then `build` called with them all, by name.

    Where an optional field is null or missing, it is None. An underscore at the end of a name is for Python alone.
    """
    needed = [(name, name.rstrip("_"), read) for name, read in required.items()]
    known_or_null = list((optional or {}).items())

    def whole(value: Any) -> T:
        if type(value) is not dict:
            raise expected("an object", value)
        get = value.get
        found: dict[str, Any] = {}
        key = ""
        try:
            for name, key, read in needed:
                found[name] = read(get(key))
            for key, read in known_or_null:
                member = get(key)
                found[key] = None if member is None else read(member)
        except WrongError as error:
            raise WrongError(error.fault, *error.path, key) from None
        return build(**found)

    return whole
