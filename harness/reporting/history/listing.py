"""A history as text: for each lane its runs, and what the latest of them changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model.result import Verdict
from harness.reporting.history import lanes, wording
from harness.reporting.history.changes import Change, Kind, of_kind
from harness.reporting.history.overview import Lane, Overview, RunLine
from harness.reporting.style import TONES, Look, Tone
from harness.reporting.tally import plural, seconds
from harness.reporting.text import clipped, padded, printable, wrapped

_MOST = 10  # flows of one kind; the JSON document has all
_TONES = {Kind.REGRESSION: Tone.BAD, Kind.RECOVERY: Tone.GOOD, Kind.SHIFT: Tone.DOUBT}
_COLUMNS = (("started", 16), ("run", 8), ("commit", 7), ("LEAK", 6), ("OUTAGE", 6), ("doubt", 6), ("MATCH", 7))


def render(overview: Overview, *, width: int = 80, colour: bool = False) -> str:
    """Return the whole text, ending in a newline."""
    look = Look.of(width, colour=colour)
    return "".join(f"{line}\n".replace("\N{NO-BREAK SPACE}", " ") for line in _lines(overview, look))


def _lines(overview: Overview, look: Look) -> Iterator[str]:
    headers = overview.headers
    shown = sum(len(lane.runs) for lane in overview.lanes)
    if not headers:
        yield from wrapped(f"{overview.name}: no run {_chosen(overview)}".rstrip(), look.width)
        return
    span = f"{headers[0].moment} to {headers[-1].moment} UTC"
    which = f", the last {shown} below" if shown < len(headers) else ""
    yield from wrapped(f"{overview.name}: {plural(len(headers), 'run')}, {span}{which}", look.width)
    for lane in overview.lanes:
        yield ""
        yield from _lane(lane, overview, look)


def _chosen(overview: Overview) -> str:
    selection = overview.selection
    return f"on CNI {selection.cni}" if selection.cni else ""


def _lane(lane: Lane, overview: Overview, look: Look) -> Iterator[str]:
    yield from (look.style.paint(line, Tone.STRONG) for line in wrapped(lane.label, look.width))
    yield look.style.paint(_heading(), Tone.FAINT)
    for line in lane.runs:
        yield from _run(line, look)
    yield from _latency(lane, look)
    yield from _changes(lane, overview, look)
    yield from _failing(lane, overview, look)
    yield from _flakes(lane, look)


def _heading() -> str:
    cells = [padded(name, size) if at < 3 else f"{name:>{size}}" for at, (name, size) in enumerate(_COLUMNS)]
    return f"  {' '.join(cells)}  latency"


def _run(line: RunLine, look: Look) -> Iterator[str]:
    header = line.header
    names = (header.moment, header.run, wording.revision(header.commit))
    cells = [padded(clipped(printable(name), size), size) for name, (_, size) in zip(names, _COLUMNS[:3], strict=True)]
    verdicts = (Verdict.LEAK, Verdict.OUTAGE, Verdict.INCONCLUSIVE, Verdict.MATCH)
    for verdict, (_, size) in zip(verdicts, _COLUMNS[3:], strict=True):
        number = line.tally[verdict]
        cells.append(look.style.paint(f"{number:>{size},}", TONES[verdict] if number else Tone.FAINT))
    time = seconds(line.latency.median_s) if line.latency else "?"
    yield f"  {' '.join(cells)}  {time}"
    remarks = [wording.counted(line.changes)] if line.changes else []
    if line.tally[Verdict.KNOWN]:
        remarks.append(f"{line.tally[Verdict.KNOWN]:,} KNOWN")
    remarks += ["interrupted"] if header.interrupted else []
    remarks += [f"stopped: {header.error.partition(chr(10))[0]}"] if header.error else []
    if remarks:
        yield from wrapped("; ".join(remarks), look.width, " " * 19)


def _latency(lane: Lane, look: Look) -> Iterator[str]:
    known = [line.latency.median_s for line in lane.runs if line.latency]
    if not known:
        return
    drawn = wording.sparkline([line.latency.median_s if line.latency else None for line in lane.runs])
    last = next(line.latency for line in reversed(lane.runs) if line.latency)
    text = (
        f"enforced after {seconds(min(known))} to {seconds(max(known))} (medians of {plural(len(known), 'run')}); "
        f"last {seconds(last.median_s)}, 95 % of {plural(last.steps, 'step')} within {seconds(last.p95_s)}"
    )
    yield from wrapped(f"{drawn[-look.width + 4 :]} {text}", look.width, "  ", "    ")


def _changes(lane: Lane, overview: Overview, look: Look) -> Iterator[str]:
    runs = len(lane.runs) + lane.earlier
    latest = lane.latest.header.name
    versions = lanes.versions(lane.latest.header)
    if versions:
        latest += f" on {versions}"
    if runs == 1:
        yield from wrapped(f"{latest}: the first such run, so there is nothing to compare it with", look.width, "  ")
        return
    if not lane.changes:
        yield from wrapped(f"{latest}: nothing changed", look.width, "  ")
        return
    yield from wrapped(f"{latest}: {wording.counted(lane.latest.changes)}", look.width, "  ", "    ")
    for kind in Kind:
        yield from _kind(of_kind(lane.changes, kind), kind, overview, look)


def _kind(changes: Sequence[Change], kind: Kind, overview: Overview, look: Look) -> Iterator[str]:
    if kind in (Kind.NEW, Kind.GONE):
        # Mostly whole steps come and go.
        grouped = wording.by_step((change.key, change.flow) for change in changes)
        items = [f"{key}: {plural(len(flows), 'flow')}, {flows[0]} first" for key, flows in grouped.items()]
    else:
        items = [f"{change.key}: {change.flow}: {wording.changed(change, overview.run_name)}" for change in changes]
    yield from _list(str(kind).upper(), items, look, _TONES.get(kind))


def _failing(lane: Lane, overview: Overview, look: Look) -> Iterator[str]:
    new = {(change.key, change.flow) for change in lane.changes if change.kind in (Kind.REGRESSION, Kind.NEW)}
    standing = [each for each in lane.failing if (each.key, each.flow) not in new]
    items = [
        f"{each.key}: {each.flow}: {wording.seen(each.last.seen)}, since {overview.run_name(each.since)}"
        for each in standing
    ]
    yield from _list("STILL FAILING", items, look, Tone.BAD)


def _flakes(lane: Lane, look: Look) -> Iterator[str]:
    items = [
        f"{flake.key}: {flake.flow}: {wording.turns(flake.verdicts)} in {wording.conditions(flake)}"
        for flake in sorted(lane.flakes, key=lambda flake: -flake.flips)
    ]
    yield from _list("FLAKE", items, look, Tone.DOUBT)


def _list(label: str, items: Sequence[str], look: Look, tone: Tone | None) -> Iterator[str]:
    for item in items[:_MOST]:
        first, *rest = wrapped(item, look.width, f"  {label}  ", " " * 6)
        yield f"  {look.style.paint(label, tone)}{first[2 + len(label) :]}"
        yield from rest
    if len(items) > _MOST:
        yield from wrapped(f"and {len(items) - _MOST:,} more; --json has them all", look.width, f"  {label}  ")
