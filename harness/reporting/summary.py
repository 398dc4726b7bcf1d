"""The end of a report: what a run came to, for those who read nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model.result import ClusterFacts, RunResult, StepResult, Verdict
from harness.reporting.causes import causes
from harness.reporting.style import TONES, Look, Tone
from harness.reporting.tally import BY_CONCERN, FAILURES, Tally, count, is_failed, of_run, phrase, plural, seconds
from harness.reporting.text import block, first_line, glued, wrapped

EMULATED = "emulated cluster: never evidence about a CNI"
_MOST = 20  # lines of a list
_DOUBTFUL = (Verdict.INCONCLUSIVE,)


def cluster(facts: ClusterFacts, look: Look) -> list[str]:
    """Return which cluster it was, and in detail what must be known of it."""
    parts = [facts.kind]
    if facts.cni:
        parts.append(f"CNI {facts.cni}" + (f" {facts.cni_version}" if facts.cni_version else ""))
    if facts.kubernetes:
        parts.append(f"Kubernetes {facts.kubernetes}")
    lines = wrapped(", ".join(parts), look.width, "cluster: ")
    if facts.emulated:
        lines += [look.style.paint(line, Tone.DOUBT) for line in wrapped(EMULATED, look.width, "  ")]
    for note in facts.notes if look.verbose else ():
        lines += wrapped(note, look.width, "  ")
    return lines


def lines(result: RunResult, look: Look) -> Iterator[str]:
    """Yield the summary, the outcome last, where a terminal leaves the eye."""
    tally = of_run(result)
    yield "-" * look.width
    if result.cluster:
        yield from cluster(result.cluster, look)
    steps = [(scenario.name, step) for scenario in result.scenarios for step in scenario.steps]
    yield from _sizes(result, tally, look)
    yield from _counts(tally, look)
    yield from _list(
        "failed", [f"{_name(*step)}: {_failures(step[1])}" for step in steps if _has_failed(step[1])], look
    )
    yield from _list("inconclusive", [text for step in steps for text in _reasons(*step, _DOUBTFUL)], look)
    yield from _list("never settled", [_name(*step) for step in steps if step[1].settled is False], look)
    leaks = [f"{_name(*step)}: {text}" for step in steps for text in start_leaks(step[1])]
    yield from _list("open at pod start", leaks, look)
    yield from _list("known deviations", [text for step in steps for text in _reasons(*step, (Verdict.KNOWN,))], look)
    errors = [
        f"{scenario.name} ({scenario.file}): {first_line(scenario.error)}"
        for scenario in result.scenarios
        if scenario.error is not None
    ]
    yield from _list("errors", errors, look)
    if result.error:
        yield look.style.paint("the run was stopped:", Tone.DOUBT)
        yield from block(result.error, look.width, "  ")
    told, tone = outcome(result, tally)
    yield from (look.style.paint(line, tone) for line in wrapped(told, look.width))


def start_leaks(step: StepResult) -> list[str]:
    """Return a line on what a fresh pod could do, or have done to it, before its policies were in force."""
    if not step.start_leaks:
        return []
    leaks = plural(len(step.start_leaks), "flow")
    return [f"{leaks} of fresh pods open before the policies that deny them: {step.start_leaks[0]}, for one"]


def brief(result: RunResult, look: Look) -> Iterator[str]:
    """Yield the cluster, the sizes, the counts and the outcome, without any list."""
    tally = of_run(result)
    if result.cluster:
        yield from cluster(result.cluster, look)
    yield from _sizes(result, tally, look)
    yield from _counts(tally, look)
    told, tone = outcome(result, tally)
    yield from (look.style.paint(line, tone) for line in wrapped(told, look.width))


def _sizes(result: RunResult, tally: Tally, look: Look) -> list[str]:
    steps = sum(len(scenario.steps) for scenario in result.scenarios)
    return wrapped(
        f"{plural(len(result.scenarios), 'scenario')}, {plural(steps, 'step')}, "
        f"{plural(sum(tally.values()), 'flow')} in {seconds(result.duration_s)}",
        look.width,
    )


def _counts(tally: Tally, look: Look) -> list[str]:
    """Return every verdict with its count, zeros too, in a line."""
    terms = [(verdict, f"{verdict} {tally.get(verdict, 0):,}") for verdict in BY_CONCERN]
    row = "  ".join(text for _, text in terms)
    if len(row) > look.width:
        return wrapped(" ".join(glued(text) for _, text in terms), look.width)
    return [
        "  ".join(look.style.paint(text, TONES[verdict] if tally.get(verdict) else None) for verdict, text in terms)
    ]


def _list(title: str, items: Sequence[str], look: Look) -> Iterator[str]:
    if not items:
        return
    yield f"{title}:"
    for item in items[:_MOST]:
        yield from wrapped(item, look.width, "  ", "    ")
    if len(items) > _MOST:
        yield f"  ... and {len(items) - _MOST:,} more"


def _name(scenario: str, step: StepResult) -> str:
    return f"{scenario} / {step.name}"


def _has_failed(step: StepResult) -> bool:
    return is_failed(count(step.flows))


def _failures(step: StepResult) -> str:
    tally = count(step.flows)
    return phrase({verdict: tally.get(verdict, 0) for verdict in FAILURES})


def _reasons(scenario: str, step: StepResult, verdicts: Sequence[Verdict]) -> list[str]:
    """Return a line for each reason, with how many flows it holds for."""
    found: dict[str, int] = {}
    for cause in causes(step.flows, verdicts):
        found[cause.why] = found.get(cause.why, 0) + len(cause.results)
    return [f"{_name(scenario, step)}: {plural(number, 'flow')}: {why}" for why, number in found.items()]


def outcome(result: RunResult, tally: Tally) -> tuple[str, Tone]:
    """Say what the run came to in one sentence, in the order that decides the exit code."""
    doubts = tally.get(Verdict.INCONCLUSIVE, 0)
    errors = sum(scenario.error is not None for scenario in result.scenarios)
    failures = phrase({verdict: tally.get(verdict, 0) for verdict in FAILURES})
    if result.interrupted:
        return f"INTERRUPTED: of what was tried, {phrase(tally)}", Tone.DOUBT
    if result.error is not None:
        found = f", after {failures}" if is_failed(tally) else ""
        return f"INCONCLUSIVE: the run was stopped{found}", Tone.DOUBT
    if is_failed(tally):
        return f"FAILED: {failures}", Tone.BAD
    if errors or doubts:
        parts = [f"{plural(errors, 'scenario')} with errors"] if errors else []
        parts += [f"{plural(doubts, 'flow')} without proof either way"] if doubts else []
        return f"INCONCLUSIVE: {', '.join(parts)}", Tone.DOUBT
    if result.shard and not result.scenarios:
        return f"NOTHING TO DO: no scenario is in shard {result.shard}", Tone.GOOD
    if not tally.get(Verdict.MATCH):
        return "NOTHING WAS JUDGED: there is no evidence of anything", Tone.DOUBT
    return f"PASSED: all {plural(tally[Verdict.MATCH], 'judged flow')} as declared", Tone.GOOD
