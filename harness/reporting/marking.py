"""Markdown that hostile text cannot break out of: code in a line, code in a block, something folded away."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.reporting.text import printable

_TICKS = re.compile("`+")


def code(text: str) -> str:
    """Return foreign text as code within a line; backticks in it only make the marks around it longer."""
    shown = printable(text).strip()
    if not shown:
        return "(empty)"
    marks = "`" * (_longest(shown) + 1)
    # A blank inside is taken off again by the host; it keeps a backtick at the end from joining the marks.
    return f"{marks} {shown} {marks}" if shown[0] == "`" or shown[-1] == "`" else f"{marks}{shown}{marks}"


def fence(lines: Iterable[str]) -> list[str]:
    """Return foreign lines as a block of code."""
    shown = [printable(line) for line in lines]
    marks = "`" * max(3, max((_longest(line) for line in shown), default=0) + 1)
    return [f"{marks}text", *shown, marks]


def folded(title: str, lines: Iterable[str]) -> str:
    """Return Markdown that opens on demand; `title` is ours and plain."""
    # The blank lines switch the host from HTML back to Markdown.
    return "\n".join(["<details>", f"<summary>{title}</summary>", "", *lines, "", "</details>", ""])


def _longest(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)
