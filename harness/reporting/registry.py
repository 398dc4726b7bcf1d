"""Reports by name: a dotted path each, imported on use, so that a missing library hurts only its user.

A new report is a module with a fitting `render` (see `interface`) and a line here; the command line has an option of
that name then, and so has whoever else reads this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple


class Report(NamedTuple):
    """Where a report's `render` is, and what it is in half a sentence."""

    path: str
    about: str


# In the order in which they are written: first what everything else can be rendered from.
REPORTS: Mapping[str, Report] = {
    "json": Report("harness.reporting.document:render", "the result document, version 1"),
    "junit": Report("harness.reporting.junit:render", "JUnit XML, a suite a scenario and a case a flow"),
    "codequality": Report("harness.reporting.codequality:render", "GitLab's code quality report (JSON)"),
    "markdown": Report("harness.reporting.markdown:render", "Markdown that fits a comment on a pull request"),
    "html": Report("harness.reporting.html:render", "one self-contained page: matrices, evidence, latency"),
}


def renderer(name: str) -> Callable[[Any], str]:
    """Import the `render` of the report called `name`, which must be in the table."""
    module, _, attribute = REPORTS[name].path.partition(":")
    render: Callable[[Any], str] = getattr(import_module(module), attribute)
    return render
