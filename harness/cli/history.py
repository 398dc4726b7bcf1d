"""What came of earlier runs: `history`, and the part of `run` that keeps a run."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from harness.cli.screen import has_colour, say, tell, width
from harness.errors import ExitCode, HarnessError, UsageError
from harness.reporting.history import export, issue, listing, page
from harness.reporting.history.changes import Kind
from harness.reporting.history.lanes import Across
from harness.reporting.history.overview import Overview, Selection, build
from harness.reporting.history.records import RunRecord, record
from harness.reporting.history.store import History, open_history
from harness.reporting.reading import parse

_SQLITE = b"SQLite format 3\0"


def history(options: Namespace) -> ExitCode:
    """Show a history, after adding to it what is to be added."""
    path = Path(options.file)
    selection = Selection(options.last, options.scenario, options.cni, Across(options.across))
    with open_history(path, create=bool(options.add)) as opened:
        if options.add:
            _add(opened, options.add)
        timeline = opened.timeline()
        overview = build(path.name, timeline.entries, selection)
        reasons = _reasons(opened, timeline.numbers, overview, selection) if options.issue else {}
    if options.issue:
        say(issue.render(overview, reasons))
    hand_over(options, lambda: export.render(overview), lambda: page.render(overview), quiet=options.issue)
    if not options.issue and "-" not in (options.json, options.html):
        say(listing.render(overview, width=width(sys.stdout), colour=has_colour(options.color, sys.stdout)))
    return ExitCode.MISMATCH if options.exit_code and overview.has_regressed else ExitCode.MATCH


def hand_over(
    options: Namespace, as_json: Callable[[], str], as_html: Callable[[], str], *, quiet: bool = False
) -> None:
    """Write the documents that were asked for. Raises `UsageError` where one cannot be written."""
    if [options.json, options.html].count("-") + quiet > 1:
        raise UsageError("only one thing can go to standard output", remedy="name a file for the others")
    for option, target, render in (("--json", options.json, as_json), ("--html", options.html, as_html)):
        if target == "-":
            say(render())
        elif target:
            try:
                Path(target).write_text(render(), encoding="utf-8")
            except OSError as error:
                raise UsageError(f"{option} {target}: {error.strerror or error}") from error


def load(path: Path) -> list[RunRecord]:
    """Return the runs in a file: all of a history, or the one of a result document. Raises `HarnessError`."""
    if is_history(path):
        with open_history(path) as other:
            return [other.read(each.number) for each in other.index()]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(f"{reason}", where=str(path), remedy="give a result document or a history") from error
    return [record(parse(text, str(path)))]


def is_history(path: Path) -> bool:
    """Tell whether a file begins as SQLite's do; what cannot be read does not."""
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def _add(opened: History, sources: list[str]) -> None:
    """Add the runs of every source that can be read; then raise `UsageError` with what was wrong with the others."""
    problems = []
    for source in sources:
        try:
            runs = load(Path(source))
        except HarnessError as error:
            problems.append(str(error))
            continue
        added = sum(opened.append(run) for run in runs)
        tell(f"{source}: {added} added{f', {len(runs) - added} there already' if added < len(runs) else ''}\n")
    if problems:
        raise UsageError("\n".join(problems), remedy="the other runs were added")


def _reasons(opened: History, numbers: tuple[int, ...], overview: Overview, selection: Selection) -> issue.Reasons:
    """Read the sentences behind the regressions: they are kept, but no part of a timeline."""
    wanted = {
        change.after.run
        for lane in overview.lanes
        for change in lane.changes
        if change.kind is Kind.REGRESSION and change.after
    }
    # Places count only the runs that were looked at; so do these.
    looked_at = [number for number, each in zip(numbers, opened.index(), strict=True) if selection.takes(each.header)]
    return {
        (run, step.key, str(step.cells.flows[index])): reason
        for run in wanted
        for step in opened.read(looked_at[run]).steps()
        for index, reason in step.reasons.items()
    }
