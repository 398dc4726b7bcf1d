"""Plots as inline SVG: what failed in each run, and how long enforcement took.

They add to tables that say the same in numbers; each has a sentence for those who cannot see it. What differs does so
in shape as well as in colour: bars are full, striped or dotted, lines whole or dashed.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

from harness.model.result import Verdict
from harness.reporting.history import lanes
from harness.reporting.history.markup import Markup, element, joined
from harness.reporting.history.overview import RunLine
from harness.reporting.tally import plural, seconds

_WIDTH, _HEIGHT = 480, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 12, 24
_NAMES = {"median": "median", "p95": "95 % within"}
_BARS = ((Verdict.LEAK, "leak"), (Verdict.OUTAGE, "outage"), (Verdict.INCONCLUSIVE, "doubtful"))

# Patterns are named once for the whole page.
PATTERNS = element(
    "svg",
    element(
        "defs",
        element(
            "pattern",
            element("path", d="M0 0V6", class_="stripe"),
            id="stripes",
            width="6",
            height="6",
            patternUnits="userSpaceOnUse",
            patternTransform="rotate(45)",
        ),
        element(
            "pattern",
            element("circle", cx="2", cy="2", r="1", class_="speck"),
            id="dots",
            width="4",
            height="4",
            patternUnits="userSpaceOnUse",
        ),
    ),
    class_="hidden",
    aria_hidden="true",
)


def failures(runs: Sequence[RunLine]) -> Markup:
    """Draw a bar a run of the flows that failed, or lacked proof."""
    totals = [sum(line.tally[verdict] for verdict, _ in _BARS) for line in runs]
    top = _rounded(max(totals, default=0) or 1)
    parts = [_axes(runs, top, f"{top:,.0f}")]
    for place, line in enumerate(runs):
        base = float(_HEIGHT - _BOTTOM)
        wide = max(2.0, min(24.0, 0.7 * _step(runs)))
        for verdict, style in _BARS:
            tall = _scale(line.tally[verdict], top)
            if tall:
                base -= tall
                title = element("title", f"{line.header.name}: {line.tally[verdict]:,} {verdict}")
                at = _x(runs, place) - wide / 2
                parts.append(element("rect", title, x=at, y=base, width=wide, height=tall, class_=style))
    last = ", ".join(f"{runs[-1].tally[verdict]:,} {verdict}" for verdict, _ in _BARS)
    return _drawn(f"Flows that failed or lacked proof in {plural(len(runs), 'run')}; the last: {last}", parts)


def latencies(runs: Sequence[RunLine], longest_s: float) -> Markup:
    """Draw the median and the 95th percentile of each run, on a scale up to `longest_s`.

    A dotted line stands before a run whose versions are not those of the run before.
    """
    top = _rounded(longest_s or 1)
    parts = [_axes(runs, top, seconds(top)), *_upgrades(runs)]
    known = [(place, line.latency) for place, line in enumerate(runs) if line.latency]
    for style, values in (
        ("p95", [latency.p95_s for _, latency in known]),
        ("median", [latency.median_s for _, latency in known]),
    ):
        places = [place for place, _ in known]
        parts += _line(runs, places, [_HEIGHT - _BOTTOM - _scale(value, top) for value in values], style, values)
    last = known[-1][1] if known else None
    said = f"the last median {seconds(last.median_s)}, 95 % within {seconds(last.p95_s)}" if last else "none is known"
    return _drawn(f"Enforcement latency in {plural(len(runs), 'run')}; {said}", parts)


def _line(
    runs: Sequence[RunLine], places: Sequence[int], heights: Sequence[float], style: str, values: Sequence[float]
) -> list[Markup]:
    """Return a line with a mark at each run: round for the median, square for the other."""
    points = [(_x(runs, place), y) for place, y in zip(places, heights, strict=True)]
    parts = [element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=style)]
    for place, (x, y), value in zip(places, points, values, strict=True):
        title = element("title", f"{runs[place].header.name}: {_NAMES[style]} {seconds(value)}")
        if style == "median":
            parts.append(element("circle", title, cx=x, cy=y, r="3", class_="dot"))
        else:
            parts.append(element("rect", title, x=x - 2.5, y=y - 2.5, width="5", height="5", class_="square"))
    return parts


def _drawn(label: str, parts: Sequence[Markup]) -> Markup:
    return element("svg", joined(*parts), viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=label)


def _axes(runs: Sequence[RunLine], top: float, highest: str) -> Markup:
    """Return three lines across, the value of the highest, and the days of the first run and the last."""
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = _HEIGHT - _BOTTOM - _scale(share * top, top)
        lines.append(element("path", d=f"M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}", class_="axis"))
    base = _HEIGHT - 6
    texts = [
        element("text", highest, x=_LEFT - 6, y=_TOP + 4, text_anchor="end"),
        element("text", "0", x=_LEFT - 6, y=_HEIGHT - _BOTTOM + 4, text_anchor="end"),
        element("text", runs[0].header.started[:10], x=_LEFT, y=base),
    ]
    if len(runs) > 1:
        texts.append(element("text", runs[-1].header.started[:10], x=_WIDTH - _RIGHT, y=base, text_anchor="end"))
    return joined(*lines, *texts)


def _upgrades(runs: Sequence[RunLine]) -> list[Markup]:
    """Return a line before each run whose versions are not those of the run before."""
    found = []
    for place in range(1, len(runs)):
        before, after = lanes.versions(runs[place - 1].header), lanes.versions(runs[place].header)
        if before != after:
            x = _x(runs, place) - _step(runs) / 2
            title = element("title", f"{before} to {after}")
            found.append(element("path", title, d=f"M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}", class_="upgrade"))
    return found


def _step(runs: Sequence[RunLine]) -> float:
    return (_WIDTH - _LEFT - _RIGHT) / len(runs)


def _x(runs: Sequence[RunLine], place: int) -> float:
    return _LEFT + (place + 0.5) * _step(runs)


def _scale(value: float, top: float) -> float:
    return (_HEIGHT - _TOP - _BOTTOM) * min(1.0, value / top)


def _rounded(value: float) -> float:
    """Return the next number above that people count by: 1, 2 or 5 and noughts."""
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))
