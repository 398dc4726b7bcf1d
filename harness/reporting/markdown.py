"""Markdown for a comment on a pull request and for a CI job's summary: failures first, the evidence folded away.

Hosts cut off what is too long, or drop all of it, so a page never exceeds its limit: first the
evidence of the later steps is left out, then their lines, and the end says how much. Whatever a scenario or a
pod can put in stands in code, which no host makes links, mentions or HTML of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from harness.model.result import ClusterFacts, RunResult, ScenarioResult, StepResult, Verdict
from harness.reporting import terminal
from harness.reporting.causes import Cause, causes
from harness.reporting.failures import shape
from harness.reporting.grouping import bundles
from harness.reporting.marking import code, fence, folded
from harness.reporting.summary import EMULATED, outcome
from harness.reporting.tally import BY_CONCERN, count, is_clean, of_run, phrase, plural, seconds
from harness.reporting.text import clipped, first_line, printable

COMMENT_LIMIT = 65_000  # bytes; GitHub's comments and issues end at 65,536 characters
SUMMARY_LIMIT = 900 * 1024  # bytes; a step's summary over 1,024 KiB is not shown at all
_TAIL = 200  # bytes kept for saying what was left out
_WIDTH = 110
_CELL = 300
_MOST_SHAPES = 4
_MOST_CAUSES = 8
_SLOWEST = 10


def render(result: RunResult, limit: int = COMMENT_LIMIT) -> str:
    """Return the page, of at most `limit` bytes in UTF-8; a limit that not even the head fits in gives an empty one."""
    page = _Page(limit)
    page.add(_head(result))
    steps = [(scenario, step) for scenario in result.scenarios for step in scenario.steps]
    of_note = [(scenario, step) for scenario, step in steps if not is_clean(step) and not _is_lost(scenario, step)]
    of_note.sort(key=lambda pair: _concern(pair[1]))
    page.section("What needs a look", [_step(*pair) for pair in of_note])
    page.section("What did not come to its end", [[_died(item)] for item in result.scenarios if item.error is not None])
    page.section("Open while pods started", [[text] for pair in steps for text in _started(*pair)])
    page.section("Known deviations", [[text] for pair in steps for text in _known(*pair)])
    page.section(
        "Enforcement latency", [[_latency(steps)]] if any(step.settle_s is not None for _, step in steps) else []
    )
    page.section("All steps", [[_all_steps(steps)]] if steps else [])
    return page.text()


class _Page:
    """Takes what fits, and counts what does not."""

    def __init__(self, limit: int) -> None:
        self._left = limit - _TAIL
        self._parts: list[str] = []
        self._dropped = 0

    def add(self, *alternatives: str) -> bool:
        """Add the first of the texts that fits, the longest given first; tell whether there was one."""
        for number, text in enumerate(alternatives):
            size = len(text.encode()) + 1
            if size <= self._left:
                self._left -= size
                self._parts.append(text)
                self._dropped += number
                return True
        self._dropped += 1
        return False

    def section(self, title: str, parts: Sequence[Sequence[str]]) -> None:
        """Add a title and what stands below it, each part in the first of its lengths that fits."""
        if parts and self.add(f"\n### {title}\n"):
            for part in parts:
                self.add(*part)

    def text(self) -> str:
        """Return the page, with how much is missing from it."""
        if self._parts and self._dropped:
            self._parts.append(f"_{plural(self._dropped, 'part')} did not fit; the other reports hold everything._\n")
        return "\n".join(self._parts)


def _head(result: RunResult) -> str:
    tally = of_run(result)
    told, _ = outcome(result, tally)
    verdicts = [verdict for verdict in BY_CONCERN if tally.get(verdict) or verdict is Verdict.MATCH]
    lines = [f"## netpol-harness: {told}", ""]
    lines += _table(list(map(str, verdicts)), [[f"{tally.get(verdict, 0):,}" for verdict in verdicts]])
    steps = sum(len(scenario.steps) for scenario in result.scenarios)
    lines += [
        "",
        f"{plural(len(result.scenarios), 'scenario')}, {plural(steps, 'step')} in {seconds(result.duration_s)}",
    ]
    lines[-1] += "".join(f", {name} {code(value)}" for name, value in _identity(result))
    if result.cluster and result.cluster.emulated:
        lines += ["", f"> **{EMULATED}**"]
    if result.error:
        lines += ["", *fence(result.error.splitlines()[:40])]
    return "\n".join(lines) + "\n"


def _identity(result: RunResult) -> Iterator[tuple[str, str]]:
    if result.cluster:
        yield "cluster", _cluster(result.cluster)
    if result.run:
        yield "run", result.run
    if result.commit:
        yield "commit", result.commit


def _cluster(facts: ClusterFacts) -> str:
    cni = " ".join(part for part in (facts.cni, facts.cni_version) if part)
    parts = [facts.kind, f"CNI {cni}" if cni else "", f"Kubernetes {facts.kubernetes}" if facts.kubernetes else ""]
    return clipped(printable(", ".join(filter(None, parts))), _CELL)


def _is_lost(scenario: ScenarioResult, step: StepResult) -> bool:
    """Tell whether a step was never played because its scenario died, which is told once."""
    return scenario.error is not None and not any(flow.observed for flow in step.flows)


def _concern(step: StepResult) -> int:
    tally = count(step.flows)
    return min((place for place, verdict in enumerate(BY_CONCERN) if tally.get(verdict)), default=len(BY_CONCERN))


def _step(scenario: ScenarioResult, step: StepResult) -> list[str]:
    """Return a step with its evidence, and without it."""
    found = causes(step.flows, (Verdict.LEAK, Verdict.OUTAGE, Verdict.INCONCLUSIVE))
    title = f"**{code(scenario.name)} / {code(step.name)}**: {phrase(count(step.flows))}"
    lines = [title + (" (expect: predicted: no author declared this)" if step.expected_prediction else ""), ""]
    if step.settled is False:
        lines += ["- never settled: the answers kept changing"]
    for cause in found[:_MOST_CAUSES]:
        lines += _cause(cause, step)
    if len(found) > _MOST_CAUSES:
        left = sum(len(cause.results) for cause in found[_MOST_CAUSES:])
        lines += [f"- and {plural(left, 'more flow')} for {plural(len(found) - _MOST_CAUSES, 'other reason')}"]
    brief = "\n".join(lines) + "\n"
    evidence = terminal.render_step(scenario, step, width=_WIDTH).splitlines()
    return [brief + "\n" + folded("matrix and evidence", fence(evidence)), brief]


def _cause(cause: Cause, step: StepResult) -> Iterator[str]:
    at = cause.first.declared.location if cause.first.declared else step.location
    shapes = bundles(cause.flows)
    told = ", ".join(code(clipped(shape(bundle), _CELL)) for bundle in shapes[:_MOST_SHAPES])
    more = sum(bundle.flows for bundle in shapes[_MOST_SHAPES:])
    yield f"- **{cause.verdict}**: {told}" + (f" and {plural(more, 'more flow')}" if more else "")
    yield f"  - why: {code(clipped(printable(cause.why), 2 * _CELL))}"
    yield f"  - declared at {code(f'{at.file}:{at.line}')}"


def _died(scenario: ScenarioResult) -> str:
    why = clipped(printable(first_line(scenario.error or "")), 2 * _CELL)
    return f"- **{code(scenario.name)}** ({code(scenario.file)}): {code(why)}"


def _known(scenario: ScenarioResult, step: StepResult) -> Iterator[str]:
    for cause in causes(step.flows, (Verdict.KNOWN,)):
        why = clipped(printable(cause.why), 2 * _CELL)
        yield f"- {code(scenario.name)} / {code(step.name)}: {plural(len(cause.results), 'flow')}: {code(why)}"


def _started(scenario: ScenarioResult, step: StepResult) -> Iterator[str]:
    """Tell of flows that were open before the policies reached a fresh pod; no verdict says so."""
    if step.start_leaks:
        shapes = bundles(step.start_leaks)
        told = ", ".join(code(clipped(shape(bundle), _CELL)) for bundle in shapes[:_MOST_SHAPES])
        yield f"- {code(scenario.name)} / {code(step.name)}: {plural(len(step.start_leaks), 'flow')}: {told}"


def _latency(steps: Sequence[tuple[ScenarioResult, StepResult]]) -> str:
    """Say how long the cluster took to enforce, over all steps, and name the slowest ones."""
    kinds = {
        "barrier": [step.barrier_s for _, step in steps],
        "first correct": [step.first_correct_s for _, step in steps],
        "settled": [step.settle_s for _, step in steps],
    }
    rows = []
    for name, times in kinds.items():
        known = sorted(time for time in times if time is not None)
        if known:
            high = known[min(len(known) - 1, int(len(known) * 0.95))]
            rows.append([name, str(len(known)), seconds(median(known)), seconds(high), seconds(known[-1])])
    lines = _table(["after the change", "steps", "median", "95 %", "slowest"], rows)
    settled = [pair for pair in steps if pair[1].settle_s is not None]
    slowest = sorted(settled, key=lambda pair: -(pair[1].settle_s or 0))[:_SLOWEST]
    lines += ["", folded(f"the {len(slowest)} slowest", _times(slowest))]
    return "\n".join(lines)


def _times(steps: Iterable[tuple[ScenarioResult, StepResult]]) -> list[str]:
    heads = ["scenario", "step", "barrier", "first correct", "settled", "rounds", "flaps"]
    return _table(
        heads,
        [
            [
                code(scenario.name),
                code(step.name),
                seconds(step.barrier_s),
                seconds(step.first_correct_s),
                seconds(step.settle_s),
                "?" if step.rounds is None else str(step.rounds),
                "?" if step.flaps is None else str(step.flaps),
            ]
            for scenario, step in steps
        ],
    )


def _all_steps(steps: Sequence[tuple[ScenarioResult, StepResult]]) -> str:
    rows = [[code(scenario.name), code(step.name), phrase(count(step.flows))] for scenario, step in steps]
    return folded(plural(len(steps), "step"), _table(["scenario", "step", "verdicts"], rows))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    # A pipe ends a cell even inside code, and hosts disagree on how to escape one there.
    lines = [" | ".join(cell.replace("|", "\N{BROKEN BAR}") for cell in row) for row in [heads, *rows]]
    return [f"| {lines[0]} |", "|" + " --- |" * len(heads), *(f"| {line} |" for line in lines[1:])]
