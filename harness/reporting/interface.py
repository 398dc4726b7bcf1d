"""What a reporter is: data in, a string out."""

from __future__ import annotations

from typing import Protocol

from harness.model.result import RunResult


class Reporter(Protocol):
    """Renders a run. A module with a fitting `render` is a reporter; none of them prints or opens a file.

    Every part of a `RunResult` may be missing (a run that died early, a prediction
    that never ran), and every text in it may come from a hostile pod.
    """

    def render(self, result: RunResult, /) -> str:
        """Return the whole report, ending in a newline."""
        ...
