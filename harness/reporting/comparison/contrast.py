"""What differs between two runs, whoever's clusters they were of.

Pure. A flow that both runs have is *opposed* when one run found it good (MATCH, KNOWN) and the other bad (LEAK,
OUTAGE); *in doubt* when the verdicts differ and one of them decides nothing (INCONCLUSIVE, IGNORED); *unlike* when
only what was seen differs, or the verdicts are of one side. Neither run is the right one: the order is only left and
right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from harness.model.flow import Flow
from harness.model.result import Outcome, Verdict
from harness.reporting.history import latency
from harness.reporting.history.changes import BAD, GOOD, differing
from harness.reporting.history.encoding import milliseconds
from harness.reporting.history.overview import Latency, measure
from harness.reporting.history.records import OUTCOMES, RunHeader, RunRecord, Seen, StepKey, StepRecord


class Kind(StrEnum):
    """How a flow that both runs have may differ, the gravest first."""

    OPPOSED = "opposed"
    DOUBT = "in doubt"
    UNLIKE = "unlike"


class Difference(NamedTuple):
    """One flow that differs; `left_why` and `right_why` are sentences where the runs kept them."""

    kind: Kind
    key: StepKey
    flow: Flow
    left: Seen
    right: Seen
    left_why: str | None
    right_why: str | None


class Lonely(NamedTuple):
    """A flow that only one run has."""

    key: StepKey
    flow: Flow
    seen: Seen


class Times(NamedTuple):
    """Enforcement latency of one step on both sides, in seconds, None where unknown."""

    key: StepKey
    left_s: float | None
    right_s: float | None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs: what it is called here, what it came to, how fast it was, and what broke in it.

    `answer_s` is the median time of a probe that was answered, over the flows that were open in both runs.
    """

    name: str
    header: RunHeader
    tally: Counter[Verdict]
    enforcement: Latency | None
    answer_s: float | None
    errors: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two runs side by side; `shared` counts the flows that both have, `alike` those of them that do not differ."""

    left: Side
    right: Side
    shared: int
    alike: int
    differences: tuple[Difference, ...]
    only_left: tuple[Lonely, ...]
    only_right: tuple[Lonely, ...]
    times: tuple[Times, ...]

    @property
    def is_alike(self) -> bool:
        """Whether the runs have the same flows, with the same verdicts for the same reasons."""
        return not self.differences and not self.only_left and not self.only_right


def build(left: RunRecord, right: RunRecord, left_name: str, right_name: str) -> Contrast:
    """Compare two runs, step by step in the order of the left one, then of the right one."""
    ours, theirs = ({step.key: step for step in run.steps()} for run in (left, right))
    differences: list[Difference] = []
    only_left: list[Lonely] = []
    only_right: list[Lonely] = []
    answers: list[tuple[float, float]] = []
    shared = 0
    for key in dict.fromkeys([*ours, *theirs]):
        one, other = ours.get(key), theirs.get(key)
        if one is None or other is None:
            only_left += _all(one)
            only_right += _all(other)
            continue
        places = _places(one, other)
        shared += len(places)
        differences += _differences(one, other, places)
        answers += _answers(one, other, places)
        only_left += _lonely(one, {index for index, _ in places})
        only_right += _lonely(other, {index for _, index in places})
    order = list(Kind)
    return Contrast(
        _side(left, left_name, [mine for mine, _ in answers]),
        _side(right, right_name, [yours for _, yours in answers]),
        shared,
        shared - len(differences),
        tuple(sorted(differences, key=lambda difference: order.index(difference.kind))),
        tuple(only_left),
        tuple(only_right),
        tuple(_times(ours, theirs)),
    )


def _places(one: StepRecord, other: StepRecord) -> list[tuple[int, int]]:
    """Return the places, left and right, of the flows that both steps have."""
    if one.cells.flows == other.cells.flows:
        return [(index, index) for index in range(len(one.cells.flows))]
    known = {flow: index for index, flow in enumerate(other.cells.flows)}
    return [(index, known[flow]) for index, flow in enumerate(one.cells.flows) if flow in known]


def _differences(one: StepRecord, other: StepRecord, places: list[tuple[int, int]]) -> list[Difference]:
    if one.cells.flows == other.cells.flows:
        unlike = set(differing(one.cells.verdicts, other.cells.verdicts))
        unlike |= set(differing(one.cells.observed, other.cells.observed))
        places = [(index, index) for index in sorted(unlike)]
    found = []
    for mine, yours in places:
        left, right = one.cells[mine], other.cells[yours]
        if (left.verdict, left.observed) != (right.verdict, right.observed):
            flow = one.cells.flows[mine]
            why = one.reasons.get(mine), other.reasons.get(yours)
            found.append(Difference(_kind(left.verdict, right.verdict), one.key, flow, left, right, *why))
    return found


def _kind(left: Verdict, right: Verdict) -> Kind:
    if left is right or {left, right} <= GOOD or {left, right} <= BAD:
        return Kind.UNLIKE
    return Kind.OPPOSED if {left, right} <= GOOD | BAD else Kind.DOUBT


def _answers(one: StepRecord, other: StepRecord, places: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Return how long the probes took that both runs saw answered: of others the time is the prober's own patience."""
    is_open = OUTCOMES.encode(Outcome.OPEN)
    found = []
    for mine, yours in places:
        if one.cells.observed[mine] == other.cells.observed[yours] == is_open:
            left, right = latency.decode(one.latencies[mine]), latency.decode(other.latencies[yours])
            if left is not None and right is not None:
                found.append((left, right))
    return found


def _all(step: StepRecord | None) -> list[Lonely]:
    return [] if step is None else _lonely(step, set())


def _lonely(step: StepRecord, shared: set[int]) -> list[Lonely]:
    return [
        Lonely(step.key, flow, step.cells[index]) for index, flow in enumerate(step.cells.flows) if index not in shared
    ]


def _times(ours: Mapping[StepKey, StepRecord], theirs: Mapping[StepKey, StepRecord]) -> list[Times]:
    """Return the steps that both runs timed, those first whose times are furthest apart."""
    found = [
        Times(key, step.first_correct_s, theirs[key].first_correct_s)
        for key, step in ours.items()
        if key in theirs and step.first_correct_s is not None and theirs[key].first_correct_s is not None
    ]
    return sorted(found, key=lambda times: -abs((times.left_s or 0) - (times.right_s or 0)))


def _side(run: RunRecord, name: str, answers: list[float]) -> Side:
    tally: Counter[Verdict] = Counter()
    for step in run.steps():
        tally.update(step.cells.tally())
    return Side(
        name,
        run.header,
        tally,
        measure(milliseconds(step.first_correct_s) for step in run.steps()),
        median(answers) if answers else None,
        tuple((scenario.name, scenario.error) for scenario in run.scenarios if scenario.error is not None),
    )
