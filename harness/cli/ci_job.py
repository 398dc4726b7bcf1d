"""What a CI job gets without asking for it: the summary of its step, and annotations at the lines of scenarios."""

from __future__ import annotations

import os
import secrets
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.cli.screen import tell
from harness.model.result import RunResult

_SUMMARY = "GITHUB_STEP_SUMMARY"


@contextmanager
def hushed(options: Namespace, out: Callable[[str], None]) -> Iterator[None]:
    """Keep GitHub from obeying what is printed meanwhile: a hostile pod's text may look like a workflow command."""
    if not _annotates(options):
        yield
        return
    token = secrets.token_hex(16)
    out(f"::stop-commands::{token}\n")
    try:
        yield
    finally:
        out(f"::{token}::\n")


def annotate(options: Namespace, result: RunResult, out: Callable[[str], None]) -> None:
    """Print a workflow command for each finding, where the job is one of GitHub's or `--annotations github` says so."""
    if _annotates(options):
        from harness.reporting import annotations

        out(annotations.render(result, _in_repository))


def append_summary(options: Namespace, result: RunResult) -> None:
    """Append the report to the job's summary, where there is one; a summary that fails is told and is no more."""
    target = os.environ.get(_SUMMARY)
    if not target or options.no_summary:
        return
    from harness.reporting import markdown

    path = Path(target)
    try:
        taken = path.stat().st_size if path.exists() else 0
        with path.open("a", encoding="utf-8", errors="backslashreplace") as summary:
            summary.write(markdown.render(result, max(0, markdown.SUMMARY_LIMIT - taken)))
    except OSError as error:
        tell(f"${_SUMMARY}: {error.strerror or error}; the job has no summary\n")
    else:
        tell("the report is in the job's summary (--no-summary leaves it out)\n")


def _annotates(options: Namespace) -> bool:
    if options.annotations == "auto":
        return os.environ.get("GITHUB_ACTIONS") == "true"
    return bool(options.annotations == "github")


def _in_repository(file: str) -> str:
    """Return the path from the repository's root; as it is where it lies elsewhere."""
    root = os.environ.get("GITHUB_WORKSPACE") or os.curdir
    path = os.path.relpath(file, root)
    return file if path.startswith(os.pardir) else path
