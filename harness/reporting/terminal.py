"""The report that people read in a terminal: what did not match, why, and how to try it by hand.

What matches takes a line a step. Everything else is shown with its matrix. Readable without
colour; no line is wider than asked for, but for a command's word that cannot be broken.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.model.result import ClusterFacts, RunResult, ScenarioResult, StepResult, Verdict
from harness.reporting import failures, matrices, summary
from harness.reporting.style import Look, Tone
from harness.reporting.tally import count, is_clean, is_failed, phrase, plural, seconds
from harness.reporting.text import block, glued, wrapped

_INDENT = "  "
_MOST_DIAGNOSTICS = 20  # lines


def render(result: RunResult, *, width: int = 80, colour: bool = False, verbose: bool = False) -> str:
    """Return the whole report: which cluster, every scenario, the summary."""
    parts = [render_heading(result.cluster, width=width, colour=colour, verbose=verbose)]
    parts += [render_scenario(scenario, width=width, colour=colour, verbose=verbose) for scenario in result.scenarios]
    parts.append(render_summary(result, width=width, colour=colour, verbose=verbose))
    return _text("".join(parts).split("\n")[:-1])


def render_heading(
    cluster: ClusterFacts | None, *, width: int = 80, colour: bool = False, verbose: bool = False
) -> str:
    """Return which cluster a report is about and what must be known of it; empty where none was opened."""
    if cluster is None:
        return ""
    look = Look.of(width, colour=colour, verbose=verbose)
    lines = summary.cluster(cluster, look)
    return _text([*lines, ""])


def render_scenario(scenario: ScenarioResult, *, width: int = 80, colour: bool = False, verbose: bool = False) -> str:
    """Return one scenario: a line a step where all is well, otherwise all that is known."""
    look = Look.of(width, colour=colour, verbose=verbose)
    lines: list[str] = []
    if scenario.error is not None and not any(_was_played(step) for step in scenario.steps):
        return _text(_died(scenario, look))
    is_detailed = verbose or scenario.error is not None or not all(is_clean(step) for step in scenario.steps)
    if is_detailed:
        lines += ["", *_heading(scenario, look)]
    for step in scenario.steps:
        # Why the others were not is told once, below.
        if scenario.error is None or _was_played(step):
            lines += _step(scenario, step, look)
    if scenario.error is not None:
        lines += _died(scenario, look)
    if is_detailed:
        lines.append("")
    return _text(lines)


def render_step(
    scenario: ScenarioResult, step: StepResult, *, width: int = 80, colour: bool = False, verbose: bool = False
) -> str:
    """Return one step: a line where all is well, otherwise times, matrix and explanations."""
    return _text(_step(scenario, step, Look.of(width, colour=colour, verbose=verbose)))


def render_summary(result: RunResult, *, width: int = 80, colour: bool = False, verbose: bool = False) -> str:
    """Return the end of the report: counts, what failed, what lacks proof and why, the outcome in a sentence."""
    return _text(["", *summary.lines(result, Look.of(width, colour=colour, verbose=verbose))])


def render_brief(result: RunResult, *, width: int = 80, colour: bool = False) -> str:
    """Return which cluster it was and the outcome in a sentence, for a tool that tells of each failure itself."""
    return _text(summary.brief(result, Look.of(width, colour=colour, verbose=False)))


def _heading(scenario: ScenarioResult, look: Look) -> Iterator[str]:
    yield from (look.style.paint(line, Tone.STRONG) for line in wrapped(scenario.name, look.width))
    yield from wrapped(scenario.about, look.width, _INDENT)
    yield from wrapped(scenario.file, look.width, _INDENT)


def _died(scenario: ScenarioResult, look: Look) -> Iterator[str]:
    first, *rest = wrapped(f"{scenario.name} ({scenario.file})", look.width, "ERROR ")
    yield look.style.paint("ERROR", Tone.DOUBT) + first[len("ERROR") :]
    yield from rest
    yield from block(scenario.error or "", look.width, " " * 6)


def _step(scenario: ScenarioResult, step: StepResult, look: Look) -> Iterator[str]:
    clean = is_clean(step)
    label, tone = _label(step)
    counts = ", ".join(glued(term) for term in phrase(count(step.flows)).split(", "))
    text = f"{scenario.name} / {step.name}: {counts}"
    if clean and not look.verbose:
        text += _brief_times(step)
    if step.expected_prediction:
        text += " [expect: predicted]"
    first, *rest = wrapped(text, look.width, f"{label:<4}  ", " " * 6)
    yield look.style.paint(label, tone) + first[len(label) :]
    yield from rest
    if clean and not look.verbose:
        return
    inner = " " * 6
    yield from wrapped(_times(step), look.width, inner)
    for line in summary.start_leaks(step):
        yield from wrapped(line, look.width, inner)
    if step.expected_prediction:
        yield from wrapped("expect: predicted: this step tests the CNI, not what an author intended", look.width, inner)
    if step.flows:
        yield ""
        yield from matrices.judged(step.flows, look, _INDENT)
    yield from failures.explain(step.flows, look, _INDENT)
    if step.diagnostics and not clean:
        yield from ("", *wrapped("the cluster's own account:", look.width, _INDENT))
        yield from _diagnostics(step.diagnostics, look)
    yield ""


def _was_played(step: StepResult) -> bool:
    return step.duration_s is not None or any(flow.observed is not None and flow.observed.reply for flow in step.flows)


def _label(step: StepResult) -> tuple[str, Tone]:
    tally = count(step.flows)
    if is_failed(tally):
        return "FAIL", Tone.BAD
    if tally.get(Verdict.INCONCLUSIVE):
        return "????", Tone.DOUBT
    if not tally.get(Verdict.MATCH):
        return "none", Tone.DOUBT
    return "ok", Tone.GOOD


def _brief_times(step: StepResult) -> str:
    text = f", settled in {seconds(step.settle_s)}" if step.settle_s is not None else ""
    text += f", {plural(step.flaps, 'flap')}" if step.flaps else ""
    return f"{text}, {plural(len(step.start_leaks), 'leak')} at pod start" if step.start_leaks else text


def _times(step: StepResult) -> str:
    """Say when what happened; `?` stands for what is not known."""
    settled = {
        True: f"settled after {seconds(step.settle_s)}",
        False: "NEVER SETTLED",
        None: "settling not known",
    }[step.settled]
    rounds = "? rounds" if step.rounds is None else plural(step.rounds, "round")
    flaps = "? flaps" if step.flaps is None else plural(step.flaps, "flap")
    return (
        f"{settled} (barrier {seconds(step.barrier_s)}, first correct {seconds(step.first_correct_s)}), "
        f"{rounds}, {flaps}, {seconds(step.duration_s)} in all"
    )


def _diagnostics(text: str, look: Look) -> list[str]:
    lines = block(text, look.width, _INDENT * 2)
    if look.verbose or len(lines) <= _MOST_DIAGNOSTICS:
        return lines
    return [*lines[:_MOST_DIAGNOSTICS], f"{_INDENT * 2}... {len(lines) - _MOST_DIAGNOSTICS:,} more lines"]


def _text(lines: list[str] | Iterator[str]) -> str:
    """Join lines, with never two empty ones in a row."""
    kept: list[str] = []
    for line in lines:
        if line or not kept or kept[-1]:
            kept.append(line)
    return "".join(f"{line}\n" for line in kept)
