"""Two runs side by side, as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model.result import Outcome
from harness.reporting.comparison.contrast import Contrast, Difference, Kind, Lonely, Times
from harness.reporting.comparison.listing import facts, verdict_of
from harness.reporting.history import sheet
from harness.reporting.history.markup import Markup, element, joined, page
from harness.reporting.history.records import Seen
from harness.reporting.tally import seconds
from harness.reporting.text import first_line

_TITLES = {
    Kind.OPPOSED: ("Opposed", "one run found the flow as declared, the other did not"),
    Kind.DOUBT: ("In doubt", "one of the runs has no proof either way"),
    Kind.UNLIKE: ("Unlike", "another verdict of the same side, or only what was seen differs"),
}


def render(contrast: Contrast) -> str:
    """Return the page."""
    title = f"{contrast.left.name} and {contrast.right.name}"
    return page(
        title,
        sheet.STYLE,
        element("header", element("h1", title), element("p", element("strong", verdict_of(contrast)))),
        _facts(contrast),
        _errors(contrast),
        *(_differences(contrast, kind) for kind in Kind),
        _lonely(f"Only left: {contrast.left.name}", contrast.only_left),
        _lonely(f"Only right: {contrast.right.name}", contrast.only_right),
        _times(contrast.times),
    )


def _facts(contrast: Contrast) -> Markup:
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            element("td", left),
            element("td", right),
            element("td", "" if left == right else "differs"),
        )
        for (name, left), (_, right) in zip(facts(contrast.left), facts(contrast.right), strict=True)
    ]
    heads = ("", f"left: {contrast.left.name}", f"right: {contrast.right.name}", "")
    return sheet.table("The runs", heads, rows)


def _errors(contrast: Contrast) -> Markup:
    rows = [
        element("tr", element("td", name), element("td", scenario), element("td", first_line(error)))
        for name, side in (("left", contrast.left), ("right", contrast.right))
        for scenario, error in side.errors
    ]
    if not rows:
        return joined()
    return element(
        "section",
        element("h2", "Scenarios that broke off"),
        sheet.table("What they lack is not gone, only unknown", ("run", "scenario", "error"), rows),
    )


def _differences(contrast: Contrast, kind: Kind) -> Markup:
    found = [each for each in contrast.differences if each.kind is kind]
    if not found:
        return joined()
    title, about = _TITLES[kind]
    rows = sheet.rows(found, _difference)
    return element(
        "section",
        element("h2", f"{title}: {len(found):,}"),
        sheet.table(about, ("step", "flow", "left", "right"), rows),
    )


def _difference(difference: Difference) -> Markup:
    return element(
        "tr",
        element("td", str(difference.key)),
        element("td", element("code", str(difference.flow))),
        _seen(difference.left, difference.left_why),
        _seen(difference.right, difference.right_why),
    )


def _seen(seen: Seen, why: str | None) -> Markup:
    reason = element("div", why, class_="faint") if why else None
    return element(
        "td", sheet.verdict(seen.verdict), f" declared {seen.declared or '?'}, {_saw(seen.observed)}", reason
    )


def _saw(observed: Outcome | None) -> str:
    return "never tried" if observed is None else f"seen {observed}"


def _lonely(title: str, flows: Sequence[Lonely]) -> Markup:
    if not flows:
        return joined()

    def row(each: Lonely) -> Markup:
        flow = element("code", str(each.flow))
        return element("tr", element("td", str(each.key)), element("td", flow), _seen(each.seen, None))

    content = sheet.table(f"{len(flows):,} in all", ("step", "flow", "seen"), sheet.rows(flows, row))
    return element("section", element("h2", f"{title}: {len(flows):,}"), sheet.folded("Flows", content, is_open=False))


def _times(times: Sequence[Times]) -> Markup:
    if not times:
        return joined()
    longest = max(max(each.left_s or 0, each.right_s or 0) for each in times) or 1

    def row(each: Times) -> Markup:
        return element(
            "tr",
            element("td", str(each.key)),
            element("td", _bar(each.left_s or 0, longest, "left")),
            element("td", seconds(each.left_s), class_="number"),
            element("td", _bar(each.right_s or 0, longest, "right")),
            element("td", seconds(each.right_s), class_="number"),
        )

    caption = "From the end of a step's changes to the first round that was wholly as declared; furthest apart first"
    heads = ("step", "left", "", "right", "")
    return element("section", element("h2", "Enforcement latency"), sheet.table(caption, heads, sheet.rows(times, row)))


def _bar(value: float, longest: float, side: str) -> Markup:
    wide = round(120 * value / longest, 1)
    bar = element("rect", x="0", y="1", width=wide, height="8", class_=side)
    return element("svg", bar, viewBox="0 0 120 10", class_="bar", aria_hidden="true")
