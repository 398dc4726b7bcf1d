"""The looks of the pages of this package and of comparisons: light and dark, wide and narrow, on screen and paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from harness.model.result import Verdict
from harness.reporting.assets import asset
from harness.reporting.history.markup import Markup, element, joined

T = TypeVar("T")
_MOST = 500
STYLE = asset("palette.css") + asset("plain.css")

# A mark as well as a word: neither colour nor letters alone must tell verdicts apart.
_MARKS = {
    Verdict.MATCH: ("\N{CHECK MARK}", "good"),
    Verdict.LEAK: ("\N{BALLOT X}", "bad"),
    Verdict.OUTAGE: ("\N{BALLOT X}", "bad"),
    Verdict.INCONCLUSIVE: ("?", "doubt"),
    Verdict.IGNORED: ("\N{EN DASH}", "faint"),
    Verdict.KNOWN: ("\N{ALMOST EQUAL TO}", "doubt"),
}


def verdict(value: Verdict) -> Markup:
    """Return a verdict as a word in a frame, with its mark."""
    mark, tone = _MARKS[value]
    return element("span", f"{mark} {value}", class_=f"verdict {tone}")


def number(value: int, tone: str) -> Markup:
    """Return a count as a table's cell, faint where it is nothing."""
    return element("td", f"{value:,}", class_=f"number {tone if value else 'zero'}")


def table(caption: str, heads: tuple[str, ...], rows: list[Markup], numbers: tuple[str, ...] = ()) -> Markup:
    """Return a table that scrolls by itself where it is too wide, by keyboard too; `numbers` names such columns."""
    head = element(
        "tr", *(element("th", name, scope="col", class_="number" if name in numbers else None) for name in heads)
    )
    whole = element("table", element("caption", caption), element("thead", head), element("tbody", joined(*rows)))
    return element("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def rows(items: Sequence[T], row: Callable[[T], Markup]) -> list[Markup]:
    """Return a row for each item, and in place of the 501st and all that follow how many they are."""
    found = [row(item) for item in items[:_MOST]]
    if len(items) > _MOST:
        more = f"and {len(items) - _MOST:,} more; the JSON document has them all"
        found.append(element("tr", element("td", more, colspan="9")))
    return found


def folded(title: str, content: Markup, *, is_open: bool) -> Markup:
    """Return content under a title that opens and closes it."""
    opened = {"open": ""} if is_open else {}
    return element("details", element("summary", title), content, **opened)
