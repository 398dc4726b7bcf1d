"""The looks of the pages of this package and of comparisons: light and dark, wide and narrow, on screen and paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from harness.model.result import Verdict
from harness.reporting.history.markup import Markup, element, joined

T = TypeVar("T")
_MOST = 500
STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1b1f24; --faint: #59636e; --line: #d5dae0; --panel: #f5f7f9;
  --good: #116329; --bad: #b3151d; --doubt: #7a4d05; --first: #0757ba; --second: #7b3fb5; }
@media (prefers-color-scheme: dark) { :root { --page: #12161c; --text: #e3e8ee; --faint: #9aa5b1; --line: #333c47;
  --panel: #1a2028; --good: #56d364; --bad: #ff8078; --doubt: #e3b341; --first: #6cb2ff; --second: #cf9bff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.25rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 0 0 .25rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .4rem; } p { margin: .25rem 0 .75rem; }
.faint { color: var(--faint); }
section { margin-top: 2.25rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
a { color: var(--first); }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--first); outline-offset: 2px; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--first); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); padding-bottom: .25rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--faint); font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.names { overflow-wrap: normal; white-space: nowrap; }
td:not(.number, .names) { min-width: 7.5rem; }
code { font: 13px/1.5 ui-monospace, monospace; }
.verdict { display: inline-block; white-space: nowrap; font-weight: 600; padding: 0 .4rem;
  border: 1px solid currentColor; border-radius: .25rem; font-size: 13px; }
.good { color: var(--good); } .bad { color: var(--bad); } .doubt { color: var(--doubt); }
.zero { color: var(--faint); font-weight: 400; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem;
  margin: 1rem 0; }
figure { margin: 0; padding: .6rem .75rem; background: var(--panel); border-radius: .4rem; }
figcaption { font-size: 14px; } svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--faint); font: 12px system-ui, sans-serif; } .axis { stroke: var(--line); }
.key { display: inline-block; width: 1.6rem; height: .7rem; vertical-align: middle; }
.median, .p95 { fill: none; stroke: var(--first); stroke-width: 2; }
.p95 { stroke: var(--second); stroke-dasharray: 5 4; }
.dot { fill: var(--first); } .square { fill: var(--second); }
.upgrade { stroke: var(--faint); stroke-dasharray: 2 3; }
.leak { fill: var(--bad); } .outage { fill: url(#stripes); stroke: var(--bad); }
.doubtful { fill: url(#dots); stroke: var(--faint); }
.stripe { stroke: var(--bad); stroke-width: 3; } .speck { fill: var(--faint); }
.hidden { position: absolute; width: 0; height: 0; }
.bar { width: 8rem; } .left { fill: var(--first); } .right { fill: var(--second); }
details { margin: .5rem 0; } summary { cursor: pointer; font-weight: 600; }
@media (max-width: 40rem) { body { padding: .75rem; font-size: 14px; } th, td { padding: .25rem .4rem; } }
@media print { body { max-width: none; padding: 0; } section, figure, tr { break-inside: avoid; }
.scroll { overflow: visible; } }
"""

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
