"""The page of one run."""

from __future__ import annotations

from harness import __version__
from harness.model.result import RunResult
from harness.reporting import summary, tally
from harness.reporting.html.page import assemble
from harness.reporting.html.payload import Payload
from harness.reporting.style import Tone
from harness.reporting.terminal import render_summary
from harness.reporting.text import printable

_STYLES = ("palette.css", "base.css", "report.css", "matrix.css", "evidence.css", "print.css")
_SCRIPTS = (
    "dom.js",
    "data.js",
    "marks.js",
    "evidence.js",
    "axes.js",
    "matrix.js",
    "timeline.js",
    "filters.js",
    "list.js",
    "main.js",
)
_TONES = {Tone.GOOD: "good", Tone.BAD: "bad", Tone.DOUBT: "doubt"}


def render(result: RunResult) -> str:
    """Return the whole page, which needs nothing beside it.

    Without a script, as in a viewer of artefacts that forbids them, it shows the terminal's summary.
    """
    sentence, tone = summary.outcome(result, tally.of_run(result))
    texts = {
        "outcome": printable(sentence),
        "tone": _TONES.get(tone, "doubt"),
        "summary": render_summary(result, width=100),
        "version": __version__,
    }
    data = Payload().build(result)
    return assemble("report.html", styles=_STYLES, scripts=_SCRIPTS, data=data, texts=texts)
