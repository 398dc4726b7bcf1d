"""The words that every view of a history uses, so that they agree with each other.

Pure; whoever shows the texts escapes them for where they go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from harness.model.flow import Flow
from harness.model.result import Verdict
from harness.model.scenario import Expected
from harness.reporting.history.changes import Change, Kind
from harness.reporting.history.overview import Flake
from harness.reporting.history.records import Seen, StepKey
from harness.reporting.tally import plural

_BLOCKS = "▁▂▃▄▅▆▇█"
_NOUNS = {Kind.REGRESSION: "regression", Kind.SHIFT: "shift", Kind.NEW: "new flow", Kind.GONE: "flow"}


def revision(commit: str | None) -> str:
    """Say a commit as people do, by its first seven letters."""
    return commit[:7] if commit else "-"


def counted(changes: Counter[Kind]) -> str:
    """Say how many flows changed: `2 regressions, 1 recovery`; empty where none did."""
    terms = []
    for kind, number in ((kind, changes[kind]) for kind in Kind):
        if not number:
            continue
        if kind is Kind.RECOVERY:
            terms.append(f"{number:,} {'recovery' if number == 1 else 'recoveries'}")
        else:
            terms.append(plural(number, _NOUNS[kind]) + (" gone" if kind is Kind.GONE else ""))
    return ", ".join(terms)


def seen(cell: Seen) -> str:
    """Say a cell: `LEAK (declared deny, seen open)`."""
    parts = [f"declared {cell.declared or '?'}", f"seen {cell.observed}" if cell.observed else "never tried"]
    return f"{cell.verdict} ({', '.join(parts)})"


def changed(change: Change, name: Callable[[int], str]) -> str:
    """Say what happened to a flow, and since which run, which `name` calls by its place."""
    before, after = change.before, change.after
    if before is None:
        return f"new: {seen(after.seen)}" if after else "new"
    if after is None:
        return f"gone; was {seen(before.seen)} in {name(before.run)}"
    text = f"{before.seen.verdict} in {name(before.run)}, now {seen(after.seen)}"
    return text + redeclared(before.seen.declared, after.seen.declared)


def redeclared(before: Expected | None, after: Expected | None) -> str:
    """Say that the question changed, not only the answer; empty where it did not."""
    return "" if before is after else f"; it was declared {before or '?'} then"


def by_step(changes: Iterable[tuple[StepKey, Flow]]) -> dict[StepKey, list[Flow]]:
    """Put flows together by their steps, in their order."""
    found: dict[StepKey, list[Flow]] = {}
    for key, flow in changes:
        found.setdefault(key, []).append(flow)
    return found


def turns(verdicts: Sequence[Verdict]) -> str:
    """Say a row of verdicts, a long one by its end."""
    shown = " ".join(verdicts[-6:])
    return f"... {shown}" if len(verdicts) > 6 else shown


def conditions(flake: Flake) -> str:
    """Say how many runs of which commit a flake was seen in."""
    return f"{plural(flake.runs, 'run')} of {revision(flake.commit)}"


def sparkline(values: Sequence[float | None]) -> str:
    """Draw values as blocks from nothing to their highest, and a dot for what is not known."""
    known = [value for value in values if value is not None]
    top = max(known, default=0.0)
    return "".join(
        "." if value is None else _BLOCKS[min(7, int(8 * value / top))] if top else _BLOCKS[0] for value in values
    )
