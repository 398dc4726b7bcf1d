"""Plain data that knows where in its file each key and value stands."""

from __future__ import annotations

import re
from typing import Any

from harness.errors import Problem, SourceLocation

Path = tuple[str | int, ...]

# The breaks that libyaml counts lines by; Python's own splitlines knows others.
BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_PLAIN = re.compile(r"[^\s,{}\[\]#]{1,80}")
_LONGEST_PART = 80


# Shared by all that are no mappings, which most nodes are; never written to.
_NO_KEYS: dict[str, tuple[int, int]] = {}


class Node:
    """Where a value stands; lines and columns count from 0, as YAML's own marks do.

    `keys` are the positions of a mapping's keys; `indexes` the places that the items of a
    list had in the file, where some were taken out since.
    """

    __slots__ = ("children", "column", "indexes", "keys", "line", "style")

    def __init__(self, line: int, column: int, style: str | None = None) -> None:
        self.line = line
        self.column = column
        self.style = style
        self.children: dict[str, Node] | list[Node] | None = None
        self.keys: dict[str, tuple[int, int]] = _NO_KEYS
        self.indexes: list[int] | None = None

    def child(self, part: str | int) -> Node | None:
        """Return the node under a key or an index, or None where there is none."""
        if isinstance(self.children, dict):
            return self.children.get(part) if isinstance(part, str) else None
        if isinstance(self.children, list) and isinstance(part, int) and 0 <= part < len(self.children):
            return self.children[part]
        return None


class Source:
    """The text of one file; its lines are split only when a problem has to show one."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._lines: list[str] | None = None

    def line(self, number: int) -> str | None:
        """Return the line at `number`, counted from 0, or None past the end."""
        if self._lines is None:
            self._lines = BREAK.split(self.text)
        return self._lines[number] if 0 <= number < len(self._lines) else None

    def problem(self, line: int, column: int, subject: str, fault: str, remedy: str | None = None) -> Problem:
        """Make the problem at `line` and `column`, both counted from 0."""
        return Problem(SourceLocation(self.file, line + 1, column + 1), subject, fault, remedy, self.line(line))


class Document:
    """One YAML document: `data` as plain values, and the position of each."""

    def __init__(self, source: Source, data: Any, node: Node) -> None:
        self.source = source
        self.data = data
        self.node = node
        self._indentations: dict[Node, int] = {}

    @classmethod
    def empty(cls, file: str) -> Document:
        """Make the document of a file that holds none, for problems with that."""
        return cls(Source(file, ""), None, Node(0, 0))

    @property
    def file(self) -> str:
        """The file's name, as it was given."""
        return self.source.file

    def locate(self, path: Path, *, key: bool = False, offset: tuple[int, int] | None = None) -> SourceLocation:
        """Return where `path` stands, or the longest part of it that exists.

        `key` asks for the last key itself and not its value; `offset` is a place in the text
        that stands there, as (line, column) from 0.
        """
        line, column, node = self._find(path, key=key)
        if offset is not None and node is not None:
            line, column = self._inside(node, path, offset)
        return SourceLocation(self.file, line + 1, column + 1)

    def problem(
        self,
        path: Path,
        fault: str,
        remedy: str | None = None,
        *,
        key: bool = False,
        subject: str | None = None,
        offset: tuple[int, int] | None = None,
    ) -> Problem:
        """Make a problem at `path`, which is also its subject unless `subject` is given."""
        location = self.locate(path, key=key, offset=offset)
        shown = self.subject(path) if subject is None else subject
        return Problem(location, shown, fault, remedy, self.source.line(location.line - 1))

    def subject(self, path: Path) -> str:
        """Write `path` for a person: `steps.0.apply`, with the places that list items have in the file."""
        parts: list[str] = []
        node: Node | None = self.node
        for part in path:
            shown = str(part)
            if node is not None and node.indexes is not None and isinstance(part, int) and part < len(node.indexes):
                shown = str(node.indexes[part])
            # A key may hold what an escape sequence spelt; it must not reach a terminal.
            shown = "".join(char if char.isprintable() else "?" for char in shown[:_LONGEST_PART])
            parts.append(shown if len(shown) < _LONGEST_PART else f"{shown[:-1]}…")
            node = node.child(part) if node is not None else None
        return ".".join(parts)

    def written(self, path: Path) -> str:
        """Return the plain scalar at `path` as its author spelt it: `1.10`, whatever number that is."""
        line, column, _ = self._find(path, key=False)
        found = _PLAIN.match((self.source.line(line) or "")[column:])
        return found.group() if found else ""

    def _find(self, path: Path, *, key: bool) -> tuple[int, int, Node | None]:
        node = self.node
        for depth, part in enumerate(path):
            child = node.child(part)
            if child is None:
                return node.line, node.column, None
            if key and depth == len(path) - 1 and isinstance(part, str):
                return *node.keys[part], None
            node = child
        return node.line, node.column, node

    def _inside(self, node: Node, path: Path, offset: tuple[int, int]) -> tuple[int, int]:
        line, column = offset
        if node.style == "|":
            return node.line + 1 + line, self._indentation(node, path) + column
        quote = 1 if node.style in ("'", '"') else 0
        written = (self.source.line(node.line) or "")[node.column + quote :][:column]
        # Escapes and folded lines put the text elsewhere: then the value's own start must do.
        if line == 0 and len(written) == column and "\\" not in written and "''" not in written:
            return node.line, node.column + quote + column
        return node.line, node.column

    def _indentation(self, node: Node, path: Path) -> int:
        """Return the spaces before each line of a block of text, by its first line that is not blank."""
        if node not in self._indentations:
            value = self.data
            for part in path:
                value = value[part]
            lines = str(value).split("\n")
            number = next((number for number, line in enumerate(lines) if line.strip(" ")), 0)
            written = self.source.line(node.line + 1 + number) or ""
            self._indentations[node] = max(0, len(written) - len(lines[number]))
        return self._indentations[node]
