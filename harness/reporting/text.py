"""Text as a terminal shows it: escaped, measured in columns, cut and wrapped.

Everything that a report prints went through `printable` first: pods, authors and API
servers choose these strings, and an escape sequence among them could rewrite the report.
"""

from __future__ import annotations

import unicodedata

ELLIPSIS = "..."


def printable(text: str) -> str:
    """Return `text` on one line, with everything that is no visible character escaped.

    That takes care of escape sequences, newlines, zero-width characters and the marks that
    reverse the direction of writing; other spaces become plain ones.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def width_of(text: str) -> int:
    """Return how many columns a terminal gives to printable `text`."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def padded(text: str, width: int) -> str:
    """Return `text` filled up with spaces to `width` columns; longer text stays as it is."""
    return text + " " * (width - width_of(text))


def clipped(text: str, width: int) -> str:
    """Return `text` in at most `width` columns, its end given up for an ellipsis where it is longer."""
    if width_of(text) <= width:
        return text
    if width < len(ELLIPSIS):
        return "." * width
    return split(text, width - len(ELLIPSIS))[0] + ELLIPSIS


def squeezed(text: str, width: int) -> str:
    """Return `text` in at most `width` columns without its middle: names differ most at their ends."""
    room = width - len(ELLIPSIS)
    if width_of(text) <= width or room < 2:
        return clipped(text, width)
    head, _ = split(text, room // 2)
    tail, _ = split(text[::-1], room - room // 2)
    return head + ELLIPSIS + tail[::-1]


def split(text: str, width: int) -> tuple[str, str]:
    """Return the longest start of `text` that fits in `width` columns, and the rest."""
    used = 0
    for index, char in enumerate(text):
        used += _columns(char)
        if used > width:
            return text[:index], text[index:]
    return text, ""


def wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """Return `text` as lines of at most `width` columns, `first` before the first, `rest` before the others.

    Breaks at spaces but not at no-break ones; a word that is too long for a line is cut. Empty text gives one line.
    """
    rest = " " * width_of(first) if rest is None else rest
    lines: list[str] = []
    line, prefix, is_fresh = first, first, True
    for word in text.split(" "):
        if not word:
            continue
        remaining = printable(word)
        if not is_fresh and width_of(line) + 1 + width_of(remaining) > width:
            lines.append(line)
            line, prefix, is_fresh = rest, rest, True
        while is_fresh and width_of(prefix) + width_of(remaining) > width:
            # Two columns at least, or a wide character would never fit.
            head, remaining = split(remaining, max(2, width - width_of(prefix)))
            lines.append(prefix + head)
            line, prefix = rest, rest
        if remaining:
            line += remaining if is_fresh else f" {remaining}"
            is_fresh = False
    if not is_fresh or not lines:
        lines.append(line)
    return [line.rstrip() for line in lines]


def block(text: str, width: int, indent: str) -> list[str]:
    """Return text of several lines, each indented; those that fit keep their spacing, carets under columns do."""
    lines = []
    for line in text.expandtabs().splitlines():
        shown = (indent + printable(line)).rstrip()
        lines += [shown] if width_of(shown) <= width else wrapped(line, width, indent, indent + "  ")
    return lines


def glued(text: str) -> str:
    """Return `text` with spaces at which `wrapped` does not break it."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def first_line(text: str) -> str:
    """Return the first line of `text`, with an ellipsis where there are more."""
    first, *rest = text.strip().splitlines() or [""]
    return f"{first} {ELLIPSIS}" if rest else first


def _escaped(char: str) -> str:
    if unicodedata.category(char) == "Zs":
        return " "
    return char.encode("unicode_escape").decode("ascii")


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
