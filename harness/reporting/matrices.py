"""The matrices of a step, with a legend: one mark a cell, told apart without colour."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from harness.model.flow import Flow
from harness.model.result import Decision, FlowResult, Verdict
from harness.reporting import drawing, table
from harness.reporting.grouping import NEUTRAL
from harness.reporting.style import TONES, Look, Tone
from harness.reporting.tally import plural, verdict_of
from harness.reporting.text import glued, wrapped

ALLOWED, DENIED, UNSPECIFIED = ".", "X", "~"
_MARKS = {
    Verdict.LEAK: "L",
    Verdict.OUTAGE: "O",
    Verdict.INCONCLUSIVE: "?",
    Verdict.IGNORED: NEUTRAL,
    Verdict.KNOWN: "K",
}
_PREDICTED = {Decision.ALLOW: ALLOWED, Decision.DENY: DENIED, Decision.UNSPECIFIED: UNSPECIFIED}
_OF_NOTE = "LO?K"
_MOST = 48  # rows or columns of a table that is shown for its failures; more scroll away

JUDGED_LEGEND = {
    ALLOWED: "allowed, as declared",
    DENIED: "denied, as declared",
    "L": "LEAK",
    "O": "OUTAGE",
    "?": "INCONCLUSIVE",
    "K": "KNOWN",
    NEUTRAL: "IGNORED",
}
PREDICTED_LEGEND = {
    ALLOWED: "allow",
    DENIED: "deny",
    UNSPECIFIED: "unspecified",
    NEUTRAL: "to itself: no policy sees it",
}
_JUDGED_TONES: dict[str, Tone] = {
    ALLOWED: Tone.GOOD,
    DENIED: Tone.GOOD,
    **{mark: TONES[verdict] for verdict, mark in _MARKS.items()},
}
_PREDICTED_TONES = {ALLOWED: Tone.GOOD, DENIED: Tone.BAD, UNSPECIFIED: Tone.DOUBT, NEUTRAL: Tone.FAINT}


def judged(flows: Sequence[FlowResult], look: Look, indent: str) -> list[str]:
    """Return a step's verdicts as tables and a legend; of huge ones, unless verbose, what did not match."""
    return _drawn([(flow.flow, _judged_mark(flow)) for flow in flows], JUDGED_LEGEND, _JUDGED_TONES, look, indent)


def predicted(flows: Sequence[FlowResult], look: Look, indent: str) -> list[str]:
    """Return a step's predictions as tables and a legend."""
    marks = [(flow.flow, NEUTRAL if flow.flow.is_to_itself else _PREDICTED[flow.predicted.decision]) for flow in flows]
    return _drawn(marks, PREDICTED_LEGEND, _PREDICTED_TONES, look, indent)


def _judged_mark(result: FlowResult) -> str:
    verdict = verdict_of(result)
    if verdict is Verdict.MATCH:
        return DENIED if result.declared and result.declared.expected.is_deny else ALLOWED
    return _MARKS[verdict]


def _drawn(
    marks: Sequence[tuple[Flow, str]], legend: Mapping[str, str], tones: Mapping[str, Tone], look: Look, indent: str
) -> list[str]:
    lines: list[str] = []
    for each in table.build(marks):
        shown, remark = _worth_showing(each, _OF_NOTE, look)
        drawn = drawing.draw(shown, look.width - len(indent), lambda mark: look.style.paint(mark, tones.get(mark)))
        lines += (
            [*(indent + line for line in drawn), *wrapped(remark, look.width, indent)]
            if remark
            else [indent + line for line in drawn]
        )
        lines.append("")
    used = {mark for _, mark in marks}
    terms = [glued(f"{mark} {meaning}") for mark, meaning in legend.items() if mark in used]
    return lines + wrapped("; ".join(terms), look.width, indent) if terms else lines


def _worth_showing(each: table.Table, of_note: Collection[str], look: Look) -> tuple[table.Table, str]:
    """Return the table, or where it is too long to be read, its rows and columns of note and a remark on the rest."""
    if look.verbose or max(len(each.rows), len(each.columns)) <= _MOST:
        return each, ""
    narrowed = each.narrowed(of_note)
    kept = narrowed.cut(_MOST).narrowed(of_note)
    if not kept.rows:
        return each, ""
    rows, columns = len(each.rows) - len(kept.rows), len(each.columns) - len(kept.columns)
    return kept, f"(left out: {plural(rows, 'row')} and {plural(columns, 'column')}; verbose shows them)"
