"""A history as one self-contained page: lanes side by side, then each with its plots, runs and changes."""

from __future__ import annotations

from harness.model.result import Verdict
from harness.reporting.history import lanes, plots, sheet, wording
from harness.reporting.history.changes import Change, Failing, Kind, Sighting, of_kind
from harness.reporting.history.markup import Markup, element, joined, page
from harness.reporting.history.overview import Flake, Lane, Overview, RunLine
from harness.reporting.tally import plural, seconds
from harness.reporting.text import first_line

_COUNTED = ((Verdict.LEAK, "bad"), (Verdict.OUTAGE, "bad"), (Verdict.INCONCLUSIVE, "doubt"), (Verdict.KNOWN, "doubt"))
_NUMBERS = ("LEAK", "OUTAGE", "INCONCLUSIVE", "KNOWN", "MATCH", "median", "95 %", "runs", "flips")
_TITLES = {
    Kind.REGRESSION: "Regressions",
    Kind.RECOVERY: "Recoveries",
    Kind.SHIFT: "Shifts",
    Kind.NEW: "New flows",
    Kind.GONE: "Flows gone",
}


def render(overview: Overview) -> str:
    """Return the page."""
    title = f"History: {overview.name}"
    return page(title, sheet.STYLE, plots.PATTERNS, _head(overview, title), *_body(overview))


def _head(overview: Overview, title: str) -> Markup:
    headers = overview.headers
    if not headers:
        return element("header", element("h1", title), element("p", "There is no run in it."))
    shown = sum(len(lane.runs) for lane in overview.lanes)
    text = f"{plural(len(headers), 'run')}, {headers[0].moment} to {headers[-1].moment} UTC"
    text += f"; the last {shown} are shown" if shown < len(headers) else ""
    return element("header", element("h1", title), element("p", text, class_="faint"), _glance(overview))


def _glance(overview: Overview) -> Markup:
    rows = [
        element(
            "tr",
            element("td", element("a", lane.label, href=f"#lane-{number}")),
            element("td", lane.latest.header.moment, class_="names"),
            *_counts(lane.latest),
            element("td", wording.counted(lane.latest.changes) or "nothing changed"),
        )
        for number, lane in enumerate(overview.lanes)
    ]
    heads = ("cluster", "latest run", *_NUMBERS[:7], "since the one before")
    return sheet.table("The latest run on each kind of cluster", heads, rows, _NUMBERS)


def _counts(line: RunLine) -> list[Markup]:
    cells = [sheet.number(line.tally[verdict], tone) for verdict, tone in _COUNTED]
    cells.append(sheet.number(line.tally[Verdict.MATCH], "good"))
    times = (line.latency.median_s, line.latency.p95_s) if line.latency else (None, None)
    return [*cells, *(element("td", seconds(value), class_="number") for value in times)]


def _body(overview: Overview) -> list[Markup]:
    known = [line.latency.p95_s for lane in overview.lanes for line in lane.runs if line.latency]
    # One scale for all, so that clusters can be compared by eye.
    longest = max(known, default=0.0)
    return [_lane(lane, number, overview, longest) for number, lane in enumerate(overview.lanes)]


def _lane(lane: Lane, number: int, overview: Overview, longest: float) -> Markup:
    latest = lane.latest.header
    about = f"Latest: {latest.name}" + (f" on {lanes.versions(latest)}" if lanes.versions(latest) else "")
    return element(
        "section",
        element("h2", lane.label, id=f"heading-{number}"),
        element("p", about, class_="faint"),
        _figures(lane, longest),
        _changes(lane, overview),
        _failing(lane, overview),
        _flakes(lane),
        _runs(lane),
        id=f"lane-{number}",
        aria_labelledby=f"heading-{number}",
    )


def _figures(lane: Lane, longest: float) -> Markup:
    failed = joined(
        "Flows that failed: full bars ", element("strong", "LEAK"), ", striped ", element("strong", "OUTAGE")
    )
    failed = joined(failed, ", dotted ", element("strong", "INCONCLUSIVE"))
    timed = "Time until policies were in force: whole line median, dashed line 95 % of the steps"
    return element(
        "div",
        element("figure", plots.failures(lane.runs), element("figcaption", failed, class_="faint")),
        element("figure", plots.latencies(lane.runs, longest), element("figcaption", timed, class_="faint")),
        class_="plots",
    )


def _changes(lane: Lane, overview: Overview) -> Markup:
    if len(lane.runs) + lane.earlier == 1:
        return element("p", "The first run on such a cluster: there is nothing to compare it with.")
    if not lane.changes:
        return element("p", "Nothing changed since the run before.")
    parts = []
    for kind in Kind:
        found = of_kind(lane.changes, kind)
        if found:
            rows = sheet.rows(found, lambda change: _change(change, overview))
            content = sheet.table(f"{len(found):,} in all", ("step", "flow", "before", "now"), rows)
            parts.append(sheet.folded(f"{_TITLES[kind]}: {len(found):,}", content, is_open=kind is Kind.REGRESSION))
    return joined(element("h3", "What the latest run changed"), *parts)


def _change(change: Change, overview: Overview) -> Markup:
    return element(
        "tr",
        element("td", str(change.key)),
        element("td", element("code", str(change.flow))),
        _sighting(change.before, overview),
        _sighting(change.after, overview),
    )


def _sighting(sighting: Sighting | None, overview: Overview) -> Markup:
    if sighting is None:
        return element("td", "not there")
    seen = sighting.seen
    evidence = f" declared {seen.declared or '?'}, {f'seen {seen.observed}' if seen.observed else 'never tried'}"
    name = element("span", f" in {overview.run_name(sighting.run)}", class_="faint")
    return element("td", sheet.verdict(seen.verdict), evidence, name)


def _failing(lane: Lane, overview: Overview) -> Markup | None:
    if not lane.failing:
        return None

    def row(failing: Failing) -> Markup:
        return element(
            "tr",
            element("td", str(failing.key)),
            element("td", element("code", str(failing.flow))),
            _sighting(failing.last, overview),
            element("td", overview.run_name(failing.since)),
        )

    content = sheet.table(
        f"{len(lane.failing):,} in all", ("step", "flow", "last", "since"), sheet.rows(lane.failing, row)
    )
    return sheet.folded(f"Failing now: {len(lane.failing):,}", content, is_open=len(lane.failing) <= 20)


def _flakes(lane: Lane) -> Markup | None:
    if not lane.flakes:
        return None

    def row(flake: Flake) -> Markup:
        return element(
            "tr",
            element("td", str(flake.key)),
            element("td", element("code", str(flake.flow))),
            element("td", wording.turns(flake.verdicts)),
            element("td", f"{flake.flips:,}", class_="number"),
            element("td", wording.conditions(flake)),
        )

    heads = ("step", "flow", "verdicts", "flips", "under the same conditions")
    flakes = sorted(lane.flakes, key=lambda flake: -flake.flips)
    caption = "Verdicts that changed on one commit and one cluster"
    return sheet.folded(
        f"Flakes: {len(flakes):,}", sheet.table(caption, heads, sheet.rows(flakes, row), _NUMBERS), is_open=True
    )


def _runs(lane: Lane) -> Markup:
    rows = []
    for line in reversed(lane.runs):
        header = line.header
        remarks = [wording.counted(line.changes)] if line.changes else []
        remarks += ["interrupted"] if header.interrupted else []
        remarks += [f"stopped: {first_line(header.error)}"] if header.error else []
        rows.append(
            element(
                "tr",
                element("td", header.moment, class_="names"),
                element("td", element("code", header.run), class_="names"),
                element("td", element("code", wording.revision(header.commit)), class_="names"),
                *_counts(line),
                element("td", lanes.versions(header)),
                element("td", "; ".join(remarks)),
            )
        )
    heads = ("started", "run", "commit", *_NUMBERS[:7], "versions", "remarks")
    caption = "The runs, latest first" + (f"; {lane.earlier:,} earlier ones are not shown" if lane.earlier else "")
    return joined(element("h3", "Runs"), sheet.table(caption, heads, rows, _NUMBERS))
