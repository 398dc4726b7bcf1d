"""The text of an issue about regressions, in Markdown: for a nightly job to file.

Its first line is the title. Names come from scenario files, reasons from pods: everything that is not ours stands as
code, in which no host finds a mention, a link or an image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from harness.reporting.history import lanes, wording
from harness.reporting.history.changes import Change, Kind, of_kind
from harness.reporting.history.overview import Lane, Overview
from harness.reporting.history.records import RunHeader, StepKey
from harness.reporting.tally import plural
from harness.reporting.text import clipped, printable

_MOST = 50  # flows of a lane: hosts cut an issue at 65,536 characters
_LONGEST = 300
_RUN_OF_TICKS = re.compile("`+")

Reasons = Mapping[tuple[int, StepKey, str], str]


def render(overview: Overview, reasons: Reasons) -> str:
    """Return the issue, or nothing where no lane's latest run has a regression.

    `reasons` are sentences by place of the run, step and flow as text; those that are not there are left out.
    """
    lanes_ = [lane for lane in overview.lanes if of_kind(lane.changes, Kind.REGRESSION)]
    if not lanes_:
        return ""
    number = sum(len(of_kind(lane.changes, Kind.REGRESSION)) for lane in lanes_)
    where = printable(lanes_[0].label) if len(lanes_) == 1 else f"{len(lanes_)} kinds of cluster"
    lines = [f"NetworkPolicy: {plural(number, 'regression')} on {where}"]
    for lane in lanes_:
        lines += ["", *_lane(lane, overview, reasons)]
    lines += ["", f"Told by `netpol-harness history {code_free(overview.name)} --issue`."]
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """Return any text as an inline code span on one line, whatever backticks it holds (CommonMark 6.1)."""
    shown = clipped(printable(text), _LONGEST)
    longest = max((len(run) for run in _RUN_OF_TICKS.findall(shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def code_free(text: str) -> str:
    """Return a text that cannot end the code span it stands in."""
    return printable(text).replace("`", "'")


def _lane(lane: Lane, overview: Overview, reasons: Reasons) -> Iterator[str]:
    latest = lane.latest.header
    changes = of_kind(lane.changes, Kind.REGRESSION)
    yield f"## {plural(len(changes), 'regression')} on {code(lane.label)}"
    yield ""
    versions = lanes.versions(latest) or "no version"
    yield f"Run {_run(latest)}, commit {code(latest.commit or 'unknown')}, {code(versions)}."
    yield from _since(changes, overview, latest)
    grouped: dict[StepKey, list[Change]] = {}
    for change in changes[:_MOST]:
        grouped.setdefault(change.key, []).append(change)
    for key, members in grouped.items():
        yield ""
        yield f"**{code(str(key))}**"
        yield ""
        for change in members:
            yield from _flow(change, overview, reasons)
    if len(changes) > _MOST:
        yield ""
        yield f"and {len(changes) - _MOST:,} more flows: `netpol-harness history --json` has them all."


def _since(changes: list[Change], overview: Overview, latest: RunHeader) -> Iterator[str]:
    """Say what else was different in the run that was the last to be good."""
    good = max((change.before.run for change in changes if change.before), default=None)
    if good is None:
        return
    header = overview.headers[good]
    parts = []
    if header.commit != latest.commit:
        parts.append(f"commit {code(header.commit or 'unknown')}")
    if lanes.versions(header) != lanes.versions(latest):
        parts.append(code(lanes.versions(header) or "no version"))
    then = ", ".join(parts) if parts else "the same commit and versions"
    yield f"Last good in run {_run(header)}: {then}."


def _flow(change: Change, overview: Overview, reasons: Reasons) -> Iterator[str]:
    after = change.after
    if after is None:
        return
    yield f"- {code(str(change.flow))}: {wording.changed(change, lambda run: _run(overview.headers[run]))}"
    reason = reasons.get((after.run, change.key, str(change.flow)))
    if reason:
        yield f"  - {code(reason)}"


def _run(header: RunHeader) -> str:
    return f"{code(header.run or '?')} of {code(header.moment)}"
