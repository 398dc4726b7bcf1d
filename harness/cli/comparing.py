"""`compare`: finds the two runs that are meant, and shows them side by side."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.cli.history import hand_over, is_history, load
from harness.cli.screen import has_colour, say, width
from harness.errors import ExitCode, UsageError
from harness.model.result import ClusterFacts
from harness.reporting.comparison import contrast, export, listing, page
from harness.reporting.history.reading import Listed
from harness.reporting.history.records import RunHeader, RunRecord
from harness.reporting.history.store import open_history

_LATEST = "latest"
_MOST = 10


def compare(options: Namespace) -> ExitCode:
    """Show what differs between two runs."""
    if options.by and not options.history:
        raise UsageError("--by looks in a history", remedy="add --history FILE")
    left, right = (_find(text, options.history, options.by) for text in (options.left, options.right))
    found = contrast.build(left, right, options.left, options.right)
    hand_over(options, lambda: export.render(found), lambda: page.render(found))
    if "-" not in (options.json, options.html):
        say(listing.render(found, width=width(sys.stdout), colour=has_colour(options.color, sys.stdout)))
    return ExitCode.MISMATCH if options.exit_code and not found.is_alike else ExitCode.MATCH


def _find(text: str, history: str | None, by: str | None) -> RunRecord:
    """Return the run that `text` means."""
    if history is not None:
        return _from_history(Path(history), text, by)
    path, mark, run = text.rpartition("#")
    if mark and not Path(text).exists():
        return _from_history(Path(path), run or _LATEST, None)
    if is_history(Path(text)):
        return _from_history(Path(text), _LATEST, None)
    (found,) = load(Path(text))
    return found


def _from_history(path: Path, text: str, by: str | None) -> RunRecord:
    with open_history(path) as opened:
        index = opened.index()
        if not index:
            raise UsageError("there is no run in it", where=str(path))
        chosen = _by_value(index, by, text, path) if by else _by_name(index, text, path)
        return opened.read(chosen.number)


def _by_name(index: Sequence[Listed], text: str, path: Path) -> Listed:
    """Return the run whose id or start begins with `text`; `latest` is the last one."""
    if text == _LATEST:
        return index[-1]
    exact = [each for each in index if text in (each.header.run, each.header.started)]
    found = exact or [
        each for each in index if each.header.run.startswith(text) or each.header.started.startswith(text)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        fault, known = f"'{text}' is the beginning of {len(found)} runs", found
    else:
        fault, known = f"no run '{text}'", list(index)
    names = ", ".join(f"{each.header.run} ({each.header.started})" for each in known[-_MOST:])
    raise UsageError(fault, where=str(path), remedy=f"{'the latest' if len(known) > _MOST else 'runs'}: {names}")


def _by_value(index: Sequence[Listed], by: str, text: str, path: Path) -> Listed:
    """Return the latest run with this value of a fact about its cluster."""
    value_of = _FACTS[by]
    found = [each for each in index if value_of(each.header) == text]
    if found:
        return found[-1]
    known = ", ".join(sorted({value for each in index if (value := value_of(each.header))})) or "none"
    raise UsageError(f"no run has {by} '{text}'", where=str(path), remedy=f"there are: {known}")


def _fact(read: Callable[[ClusterFacts], str | None]) -> Callable[[RunHeader], str | None]:
    return lambda header: read(header.cluster) if header.cluster else None


_FACTS: Mapping[str, Callable[[RunHeader], str | None]] = {
    "cni": _fact(lambda facts: facts.cni),
    "cni-version": _fact(lambda facts: facts.cni_version),
    "kubernetes": _fact(lambda facts: facts.kubernetes),
    "kind": _fact(lambda facts: facts.kind),
    "commit": lambda header: header.commit,
}
