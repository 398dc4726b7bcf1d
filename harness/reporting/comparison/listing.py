"""Two runs side by side, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model.result import Verdict
from harness.reporting.comparison.contrast import Contrast, Kind, Lonely, Side, Times
from harness.reporting.history import lanes, wording
from harness.reporting.style import Look, Tone
from harness.reporting.tally import BY_CONCERN, plural, seconds
from harness.reporting.text import clipped, first_line, padded, printable, wrapped

_MOST = 20  # flows of one kind; the JSON document has all
_SLOWEST = 5
_LABEL = 12
_TONES = {Kind.OPPOSED: Tone.BAD, Kind.DOUBT: Tone.DOUBT}


def render(contrast: Contrast, *, width: int = 80, colour: bool = False) -> str:
    """Return the whole text, ending in a newline."""
    look = Look.of(width, colour=colour)
    return "".join(f"{line}\n" for line in _lines(contrast, look))


def verdict_of(contrast: Contrast) -> str:
    """Say in a sentence what the comparison came to."""
    if contrast.is_alike:
        return f"ALIKE: all {plural(contrast.shared, 'flow')} have the same verdicts for the same answers"
    terms = [
        f"{number:,} {kind}" for kind in Kind if (number := sum(each.kind is kind for each in contrast.differences))
    ]
    terms += [f"{len(contrast.only_left):,} only left"] if contrast.only_left else []
    terms += [f"{len(contrast.only_right):,} only right"] if contrast.only_right else []
    return f"DIFFERENT: {', '.join(terms)}; {contrast.alike:,} of {plural(contrast.shared, 'shared flow')} alike"


def _lines(contrast: Contrast, look: Look) -> Iterator[str]:
    yield from _table(contrast, look)
    yield ""
    for side, name in ((contrast.left, "left"), (contrast.right, "right")):
        for scenario, error in side.errors:
            yield from wrapped(f"ERROR {name}: {scenario}: {first_line(error)}", look.width, "", "      ")
    for kind in Kind:
        items = [
            f"{each.key}: {each.flow}: left {wording.seen(each.left)}, right {wording.seen(each.right)}"
            for each in contrast.differences
            if each.kind is kind
        ]
        yield from _list(str(kind).upper(), items, look, _TONES.get(kind))
    yield from _lonely("ONLY LEFT", contrast.only_left, look)
    yield from _lonely("ONLY RIGHT", contrast.only_right, look)
    yield from _times(contrast.times, look)
    tone = Tone.GOOD if contrast.is_alike else Tone.DOUBT
    yield from (look.style.paint(line, tone) for line in wrapped(verdict_of(contrast), look.width))


def facts(side: Side) -> list[tuple[str, str]]:
    """Return what is known of a run, by name: what every view shows at its top."""
    header = side.header
    known = header.cluster
    enforced = side.enforcement
    return [
        ("run", header.name),
        ("cluster", f"{known.kind}{' (emulated)' if known.emulated else ''}" if known else lanes.NO_CLUSTER),
        ("versions", lanes.versions(header) or "-"),
        ("families", "+".join(known.families) if known and known.families else "-"),
        ("commit", header.commit[:12] if header.commit else "-"),
        *((str(verdict), f"{side.tally[verdict]:,}") for verdict in BY_CONCERN if verdict is not Verdict.IGNORED),
        ("enforced", seconds(enforced.median_s) if enforced else "?"),
        ("95 %", seconds(enforced.p95_s) if enforced else "?"),
        ("answered", seconds(side.answer_s)),
    ]


def _table(contrast: Contrast, look: Look) -> Iterator[str]:
    room = (look.width - _LABEL - 4) // 2
    rows = [("", contrast.left.name, contrast.right.name)]
    rows += [
        (name, left, right)
        for (name, left), (_, right) in zip(facts(contrast.left), facts(contrast.right), strict=True)
    ]
    for number, (name, left, right) in enumerate(rows):
        cells = padded(clipped(printable(left), room), room), clipped(printable(right), room)
        line = f"{padded(name, _LABEL)}  {cells[0]}  {cells[1]}".rstrip()
        yield look.style.paint(line, None if number and left == right else Tone.STRONG)


def _lonely(label: str, flows: Sequence[Lonely], look: Look) -> Iterator[str]:
    grouped = wording.by_step((each.key, each.flow) for each in flows)
    items = [f"{key}: {plural(len(members), 'flow')}, {members[0]} first" for key, members in grouped.items()]
    yield from _list(label, items, look, None)


def _times(times: Sequence[Times], look: Look) -> Iterator[str]:
    times = [each for each in times if each.left_s != each.right_s]
    if not times:
        return
    slower = sum((each.right_s or 0) > (each.left_s or 0) for each in times)
    yield from wrapped(
        f"of {plural(len(times), 'step')} that took unlike long, {slower:,} took longer on the right; furthest apart:",
        look.width,
    )
    for each in times[:_SLOWEST]:
        yield from wrapped(f"{each.key}: {seconds(each.left_s)} and {seconds(each.right_s)}", look.width, "  ", "    ")


def _list(label: str, items: Sequence[str], look: Look, tone: Tone | None) -> Iterator[str]:
    for item in items[:_MOST]:
        first, *rest = wrapped(item, look.width, f"{label}  ", "    ")
        yield look.style.paint(label, tone) + first[len(label) :]
        yield from rest
    if len(items) > _MOST:
        yield from wrapped(f"and {len(items) - _MOST:,} more; --json has them all", look.width, f"{label}  ")
