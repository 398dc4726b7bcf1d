"""What is kept of a run: each flow's verdict and evidence, each step's times, and whose cluster it was.

Pure. A matrix is kept as planes of one letter a flow, so that two runs that saw the same share one, and whole matrices
are compared as bytes. The letters are written into files: they are never changed, only added to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import Generic, NamedTuple, TypeVar

from harness.model.flow import Flow
from harness.model.result import ClusterFacts, Decision, FlowResult, Outcome, RunResult, StepResult, Verdict
from harness.model.scenario import Expected
from harness.reporting.history import latency
from harness.reporting.tally import verdict_of

E = TypeVar("E", bound=StrEnum)


class Alphabet(Generic[E]):
    """Letters for the values of an enum, and a space for None."""

    def __init__(self, letters: Mapping[E, str]) -> None:
        self._byte_of: dict[E | None, int] = {None: ord(" "), **{value: ord(char) for value, char in letters.items()}}
        self._value_of = {byte: value for value, byte in self._byte_of.items()}
        self.bytes = frozenset(self._value_of)

    def encode(self, value: E | None) -> int:
        """Return the letter of `value`, as a byte."""
        return self._byte_of[value]

    def decode(self, byte: int) -> E | None:
        """Return the value of a letter. Raises `KeyError` for one that stands for nothing."""
        return self._value_of[byte]


VERDICTS = Alphabet(
    {
        Verdict.MATCH: "M",
        Verdict.LEAK: "L",
        Verdict.OUTAGE: "O",
        Verdict.INCONCLUSIVE: "?",
        Verdict.IGNORED: "-",
        Verdict.KNOWN: "K",
    }
)
OUTCOMES = Alphabet(
    {
        Outcome.OPEN: "o",
        Outcome.NO_ANSWER: ".",
        Outcome.NO_DATA: "d",
        Outcome.REFUSED: "r",
        Outcome.RESET: "x",
        Outcome.UNREACHABLE: "u",
        Outcome.PROHIBITED: "p",
        Outcome.DNS_FAILURE: "n",
        Outcome.WRONG_ANSWER: "w",
        Outcome.FAULT: "f",
    }
)
EXPECTED = Alphabet(
    {Expected.ALLOW: "a", Expected.DENY: "d", Expected.DROP: "s", Expected.REJECT: "r", Expected.IGNORE: "i"}
)
DECISIONS = Alphabet({Decision.ALLOW: "a", Decision.DENY: "d", Decision.UNSPECIFIED: "u"})


class StepKey(NamedTuple):
    """What a step is called through all runs; a name that a run has twice counts on: `shop`, `shop #2`."""

    scenario: str
    step: str

    def __str__(self) -> str:
        return f"{self.scenario} / {self.step}"


class Seen(NamedTuple):
    """One cell: the verdict, and what it came from."""

    verdict: Verdict
    observed: Outcome | None
    declared: Expected | None
    predicted: Decision | None


@dataclass(frozen=True, slots=True)
class Cells:
    """A judged matrix, one letter a flow in each plane, in the order of `flows`."""

    flows: tuple[Flow, ...]
    verdicts: bytes
    observed: bytes
    declared: bytes
    predicted: bytes

    def __getitem__(self, index: int) -> Seen:
        return Seen(
            VERDICTS.decode(self.verdicts[index]) or Verdict.INCONCLUSIVE,
            OUTCOMES.decode(self.observed[index]),
            EXPECTED.decode(self.declared[index]),
            DECISIONS.decode(self.predicted[index]),
        )

    def tally(self) -> Counter[Verdict]:
        """Count the flows by verdict."""
        counts = {verdict: self.verdicts.count(VERDICTS.encode(verdict)) for verdict in Verdict}
        return Counter({verdict: number for verdict, number in counts.items() if number})


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step: its matrix, and its times in seconds, to the millisecond, None where unknown.

    `latencies` is a `latency` code for each flow: how long its probe took. `reasons` are the sentences behind the
    verdicts that need one, by the index of the flow. `start_leaks` counts flows of new pods that were open too early.
    """

    key: StepKey
    cells: Cells
    settled: bool | None = None
    barrier_s: float | None = None
    first_correct_s: float | None = None
    settle_s: float | None = None
    rounds: int | None = None
    flaps: int | None = None
    duration_s: float | None = None
    start_leaks: int | None = None
    latencies: bytes = b""
    reasons: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScenarioRecord:
    """One scenario, and the error that ended it early, if one did."""

    name: str
    file: str
    error: str | None
    duration_s: float | None
    steps: tuple[StepRecord, ...]


@dataclass(frozen=True, slots=True)
class RunHeader:
    """A run without its matrices; `run` and `started` together name it."""

    run: str
    started: str
    duration_s: float | None
    commit: str | None
    cluster: ClusterFacts | None
    error: str | None = None
    interrupted: bool = False

    @property
    def moment(self) -> str:
        """When it was started, to the minute and in UTC, as people write it; what is no instant stays as it is."""
        started = self.started
        return started[:16].replace("T", " ") if started[10:11] == "T" else started or "?"

    @property
    def name(self) -> str:
        """What people call it: `7c3f1a of 2026-11-29 02:00`."""
        return f"{self.run or '?'} of {self.moment}"

    @property
    def is_whole(self) -> bool:
        """Whether the run went to its end, so that what it lacks is really gone."""
        return self.error is None and not self.interrupted


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything that is kept of a run."""

    header: RunHeader
    scenarios: tuple[ScenarioRecord, ...]

    def steps(self) -> Iterator[StepRecord]:
        """Yield every step of every scenario."""
        return (step for scenario in self.scenarios for step in scenario.steps)


def record(result: RunResult) -> RunRecord:
    """Keep what matters of a run; texts lose what no UTF-8 file can hold, times what is below a millisecond."""
    cluster = result.cluster
    header = RunHeader(
        _text(result.run),
        _text(result.started),
        _seconds(result.duration_s),
        _optional(result.commit),
        cluster and _facts(cluster),
        _optional(result.error),
        result.interrupted,
    )
    names: Counter[str] = Counter()
    scenarios = []
    for scenario in result.scenarios:
        name = _counted(_text(scenario.name), names)
        taken: Counter[str] = Counter()
        steps = tuple(_step(StepKey(name, _counted(_text(step.name), taken)), step) for step in scenario.steps)
        seconds = _seconds(scenario.duration_s)
        scenarios.append(ScenarioRecord(name, _text(scenario.file), _optional(scenario.error), seconds, steps))
    return RunRecord(header, tuple(scenarios))


def cells(results: Sequence[FlowResult]) -> Cells:
    """Arrange results as planes; a flow that nobody judged proves nothing, so it is INCONCLUSIVE."""
    return Cells(
        tuple(result.flow for result in results),
        bytes(VERDICTS.encode(verdict_of(result)) for result in results),
        bytes(OUTCOMES.encode(result.observed.outcome if result.observed else None) for result in results),
        bytes(EXPECTED.encode(result.declared.expected if result.declared else None) for result in results),
        bytes(DECISIONS.encode(result.predicted.decision) for result in results),
    )


_SELF_EVIDENT = (Verdict.MATCH, Verdict.IGNORED)


def _step(key: StepKey, step: StepResult) -> StepRecord:
    return StepRecord(
        key,
        cells(step.flows),
        step.settled,
        _seconds(step.barrier_s),
        _seconds(step.first_correct_s),
        _seconds(step.settle_s),
        step.rounds,
        step.flaps,
        _seconds(step.duration_s),
        None if step.start_leaks is None else len(step.start_leaks),
        bytes(latency.encode(result.observed.elapsed_s if result.observed else None) for result in step.flows),
        {
            index: _text(result.judgement.why)
            for index, result in enumerate(step.flows)
            if result.judgement and result.judgement.verdict not in _SELF_EVIDENT
        },
    )


def _facts(cluster: ClusterFacts) -> ClusterFacts:
    return ClusterFacts(
        _text(cluster.kind),
        cluster.emulated,
        _optional(cluster.cni),
        _optional(cluster.cni_version),
        _optional(cluster.kubernetes),
        tuple(sorted(cluster.families)),
        tuple(_text(note) for note in cluster.notes),
    )


def _counted(name: str, taken: Counter[str]) -> str:
    """Return `name`, with its number where it was there before; a written `#2` cannot be mistaken for a counted one."""
    taken[name] += 1
    unique = name if taken[name] == 1 else f"{name} #{taken[name]}"
    return unique if unique == name else _counted(unique, taken)


def _text(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _optional(text: str | None) -> str | None:
    return None if text is None else _text(text)


def _seconds(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else round(value, 3)
