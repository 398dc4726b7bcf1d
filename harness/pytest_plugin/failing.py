"""What a test item has to say when it does not pass: at the scenario's own file and line, never a traceback of ours."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.errors import SourceLocation
from harness.model.result import FlowResult, ScenarioResult, StepResult, Verdict
from harness.reporting import terminal
from harness.reporting.tally import count, phrase

_FAILURES = (Verdict.LEAK, Verdict.OUTAGE)


class ItemError(Exception):
    """Something that a person must read; `headline` is its one line, `location` where to look."""

    def __init__(self, headline: str, text: str, location: SourceLocation) -> None:
        super().__init__(f"{location.file}:{location.line}: {headline}\n{text}".rstrip())
        self.headline = headline
        self.location = location


class MismatchError(ItemError):
    """Flows that leak, or are out."""


class InconclusiveError(ItemError):
    """Flows for which there is no proof either way."""


class SetUpError(ItemError):
    """A scenario that could not be played, or not to its end."""


def verdict(flows: Sequence[FlowResult]) -> Verdict | None:
    """Return the gravest verdict among `flows` that keeps an item from passing, None where there is none."""
    found = {flow.judgement.verdict for flow in flows if flow.judgement}
    if any(flow.judgement is None for flow in flows):
        found.add(Verdict.INCONCLUSIVE)
    return next((each for each in (*_FAILURES, Verdict.INCONCLUSIVE) if each in found), None)


def mismatch(scenario: ScenarioResult, step: StepResult, flows: Sequence[FlowResult]) -> MismatchError:
    """Tell of flows that differ from what is declared."""
    return MismatchError(_headline(flows), _told(scenario, step, flows), _place(step, flows, _FAILURES))


def inconclusive(scenario: ScenarioResult, step: StepResult, flows: Sequence[FlowResult]) -> InconclusiveError:
    """Tell of flows for which there is no proof."""
    where = _place(step, flows, (Verdict.INCONCLUSIVE,))
    return InconclusiveError(_headline(flows), _told(scenario, step, flows), where)


def representation(excinfo: pytest.ExceptionInfo[BaseException], error: ItemError) -> Any:
    """Return what pytest shows and sends between processes: the text, with the headline for its summary."""
    shown: Any = excinfo.getrepr(style="value", chain=False)
    crash = getattr(shown, "reprcrash", None)
    if crash is not None:
        crash.path, crash.lineno = error.location.file, error.location.line
        crash.message = error.headline
    return shown


def first_and_rest(text: str) -> tuple[str, str]:
    """Return the first line of a text, and the others."""
    first, _, rest = text.partition("\n")
    return first, rest


def width() -> int:
    """Return the columns for a report: the terminal's, within what reads well."""
    return max(80, min(120, shutil.get_terminal_size().columns))


def _headline(flows: Sequence[FlowResult]) -> str:
    wrong = [flow for flow in flows if flow.judgement and flow.judgement.verdict in _FAILURES]
    wrong = wrong or [flow for flow in flows if flow.judgement and flow.judgement.verdict is Verdict.INCONCLUSIVE]
    tally = phrase(count(flows))
    if not wrong or wrong[0].judgement is None:
        return tally
    # The first one by name: mostly it says what went wrong.
    return f"{wrong[0].judgement.verdict} {wrong[0].flow} ({tally})"


def _told(scenario: ScenarioResult, step: StepResult, flows: Sequence[FlowResult]) -> str:
    return terminal.render_step(scenario, replace(step, flows=tuple(flows)), width=width())


def _place(step: StepResult, flows: Sequence[FlowResult], verdicts: Sequence[Verdict]) -> SourceLocation:
    """Return where the first wrong flow was declared: a wrong expectation is mended there."""
    for flow in flows:
        if flow.declared and flow.judgement and flow.judgement.verdict in verdicts:
            return flow.declared.location
    return step.location
