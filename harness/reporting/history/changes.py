"""What changed from run to run, by exact definitions.

Pure. Verdicts that decide are MATCH and KNOWN, which are *good*, and LEAK and OUTAGE, which are *bad*; INCONCLUSIVE
and IGNORED decide nothing: they neither make a change nor hide one. Each flow of a run is compared with the
latest earlier comparable run (see `lanes`) that decided it:

- regression: good, now bad;
- recovery: bad, now good;
- shift: another verdict of the same side (LEAK and OUTAGE, MATCH and KNOWN).

Every change of a decided verdict is exactly one of these. Beside them, against the latest earlier comparable run that
had the scenario:

- new: the flow was not there, or no run had the scenario; where no comparable run is earlier, nothing is new;
- gone: it was there, and this run, which played the scenario to its end, lacks it. What a run did not play is not gone,
  and what was gone starts anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from harness.model.flow import Flow
from harness.model.result import Verdict
from harness.reporting.history.encoding import milliseconds
from harness.reporting.history.records import VERDICTS, Cells, RunHeader, RunRecord, Seen, StepKey, StepRecord

GOOD = frozenset({Verdict.MATCH, Verdict.KNOWN})
BAD = frozenset({Verdict.LEAK, Verdict.OUTAGE})
_DECIDING = frozenset(VERDICTS.encode(verdict) for verdict in GOOD | BAD)
_BAD_BYTES = frozenset(VERDICTS.encode(verdict) for verdict in BAD)
_UNDECIDED_IS_0 = bytes(byte if byte in _DECIDING else 0 for byte in range(256))
_NOTHING = Cells((), b"", b"", b"", b"")
_CHUNK = 32  # bytes compared at once: most runs are like the one before


class Kind(StrEnum):
    """What may have happened to a flow between two runs."""

    REGRESSION = "regression"
    RECOVERY = "recovery"
    SHIFT = "shift"
    NEW = "new"
    GONE = "gone"


class Play(NamedTuple):
    """One step of one run; runs that saw the same share the very object `cells`."""

    key: StepKey
    cells: Cells
    barrier_ms: int | None = None
    first_correct_ms: int | None = None
    settle_ms: int | None = None
    flaps: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One run of a timeline; `played` are the scenarios that it played to their ends."""

    header: RunHeader
    plays: tuple[Play, ...]
    played: frozenset[str]


class Sighting(NamedTuple):
    """A cell, and the run, by its place in the timeline, that saw it."""

    run: int
    seen: Seen


class Change(NamedTuple):
    """What happened to one flow; `before` is None for a new one, `after` for one that is gone."""

    kind: Kind
    key: StepKey
    flow: Flow
    before: Sighting | None
    after: Sighting | None


class Failing(NamedTuple):
    """A flow whose last decided verdict is bad, and the first run of the unbroken row in which it was so."""

    key: StepKey
    flow: Flow
    since: int
    last: Sighting


def entry(record: RunRecord) -> Entry:
    """Arrange a record for comparison."""
    whole = record.header.is_whole
    return Entry(
        record.header,
        tuple(_play(step) for step in record.steps()),
        frozenset(scenario.name for scenario in record.scenarios if whole and scenario.error is None),
    )


def _play(step: StepRecord) -> Play:
    barrier, correct, settle = map(milliseconds, (step.barrier_s, step.first_correct_s, step.settle_s))
    return Play(step.key, step.cells, barrier, correct, settle, step.flaps)


@dataclass(slots=True)
class _Standing:
    """What is known of one step's flows so far, by the index of the flow in `cells`.

    `since` is the run that began what was last decided of a flow, where that is not the run in which the step was
    first seen, `born`; `left` what was decided, and not by `cells`.
    """

    cells: Cells
    run: int  # the latest that saw exactly these cells
    born: int
    letters: bytearray | None = None
    since: dict[int, int] = field(default_factory=dict)
    left: dict[int, Sighting] = field(default_factory=dict)

    @property
    def decided(self) -> bytearray:
        """The last deciding letter of each flow, 0 where there is none; made when first asked for, mostly never."""
        if self.letters is None:
            self.letters = bytearray(self.cells.verdicts.translate(_UNDECIDED_IS_0))
        return self.letters

    def latest(self, index: int) -> Sighting:
        """Return the latest sighting that decided a flow; of one that was never decided, the last."""
        if self.decided[index] and self.cells.verdicts[index] not in _DECIDING:
            return self.left[index]
        return Sighting(self.run, self.cells[index])


class Course:
    """Follows comparable runs, oldest first, and says what changed with each."""

    def __init__(self) -> None:
        self._standings: dict[StepKey, _Standing] = {}
        self._is_first = True

    def follow(self, run: int, entry: Entry) -> list[Change]:
        """Take in one run, by its place in the timeline, and return its changes in the order of its steps."""
        changes: list[Change] = []
        for play in entry.plays:
            standing = self._standings.get(play.key)
            if standing is not None and standing.cells is play.cells:
                standing.run = run
                continue
            if standing is None:
                self._standings[play.key] = _Standing(play.cells, run, run)
                changes += [] if self._is_first else _new(run, play, frozenset())
                continue
            if standing.cells.flows != play.cells.flows:
                changes += _new(run, play, frozenset(standing.cells.flows))
                standing, gone = _arranged(run, play, standing, is_whole=play.key.scenario in entry.played)
                self._standings[play.key] = standing
                changes += gone
            changes += _decide(run, play, standing)
        present = {play.key for play in entry.plays}
        for key in [key for key in self._standings if key.scenario in entry.played and key not in present]:
            changes += _gone(key, self._standings.pop(key), frozenset())
        self._is_first = self._is_first and not entry.plays
        return changes

    def failing(self) -> list[Failing]:
        """Return every flow that stands at a bad verdict, step by step."""
        return [
            Failing(key, standing.cells.flows[index], standing.since.get(index, standing.born), standing.latest(index))
            for key, standing in self._standings.items()
            for index in _places(standing.decided, _BAD_BYTES)
        ]


def _arranged(run: int, play: Play, old: _Standing, *, is_whole: bool) -> tuple[_Standing, list[Change]]:
    """Return a standing over the flows that the step has now, with what is known of those it had; and what is gone."""
    flows = play.cells.flows
    present = frozenset(flows)
    if not is_whole:
        # The run broke off: what it lacks is not gone, so it is kept beside what is there.
        flows = (*flows, *(flow for flow in old.cells.flows if flow not in present))
    # Nothing is decided by these cells yet: `_decide` sees to that.
    standing = _Standing(_padded(_NOTHING, flows), run, run)
    known = {flow: index for index, flow in enumerate(old.cells.flows)}
    for index, flow in enumerate(flows):
        before = known.get(flow)
        if before is not None and old.decided[before]:
            standing.decided[index] = old.decided[before]
            standing.since[index] = old.since.get(before, old.born)
            standing.left[index] = old.latest(before)
    return standing, _gone(play.key, old, frozenset(flows))


def _decide(run: int, play: Play, standing: _Standing) -> list[Change]:
    """Compare the cells with what stood before, and let them stand."""
    changes = []
    old, new = standing.cells, _padded(play.cells, standing.cells.flows)
    decided = standing.decided
    for index in differing(old.verdicts, new.verdicts):
        verdict, before = new.verdicts[index], decided[index]
        if old.verdicts[index] in _DECIDING:
            standing.left[index] = Sighting(standing.run, old[index])
        if verdict not in _DECIDING:
            continue
        if before and before != verdict:
            kind = _kind(before, verdict)
            sighting = Sighting(run, new[index])
            changes.append(Change(kind, play.key, new.flows[index], standing.left[index], sighting))
        if before != verdict:
            decided[index], standing.since[index] = verdict, run
        standing.left.pop(index, None)
    standing.cells, standing.run = new, run
    return changes


def _kind(before: int, after: int) -> Kind:
    if (before in _BAD_BYTES) == (after in _BAD_BYTES):
        return Kind.SHIFT
    return Kind.REGRESSION if after in _BAD_BYTES else Kind.RECOVERY


def _places(letters: bytearray, wanted: frozenset[int]) -> list[int]:
    return [] if wanted.isdisjoint(letters) else [at for at, letter in enumerate(letters) if letter in wanted]


def _new(run: int, play: Play, known: frozenset[Flow]) -> list[Change]:
    return [
        Change(Kind.NEW, play.key, flow, None, Sighting(run, play.cells[index]))
        for index, flow in enumerate(play.cells.flows)
        if flow not in known
    ]


def _gone(key: StepKey, standing: _Standing, present: frozenset[Flow]) -> list[Change]:
    return [
        Change(Kind.GONE, key, flow, standing.latest(index), None)
        for index, flow in enumerate(standing.cells.flows)
        if flow not in present
    ]


def _padded(cells: Cells, flows: tuple[Flow, ...]) -> Cells:
    """Return `cells` over all of `flows`, which begin with its own; the others are not known."""
    missing = len(flows) - len(cells.flows)
    if not missing:
        return cells
    planes = (cells.verdicts, cells.observed, cells.declared, cells.predicted)
    return Cells(flows, *(plane + b" " * missing for plane in planes))


def differing(one: bytes, other: bytes) -> list[int]:
    """Return the places at which two equally long strings of bytes differ, in order."""
    if one == other:
        return []
    return [
        place
        for start in range(0, len(one), _CHUNK)
        if one[start : start + _CHUNK] != other[start : start + _CHUNK]
        for place, (left, right) in enumerate(
            zip(one[start : start + _CHUNK], other[start : start + _CHUNK], strict=True), start
        )
        if left != right
    ]


def courses(
    entries: Sequence[Entry], lane_of: Callable[[RunHeader], Hashable | None]
) -> tuple[dict[Hashable, Course], list[list[Change]]]:
    """Follow every lane of a timeline; return the courses, and what changed with each run.

    Runs whose lane is None are compared with nothing.
    """
    found: dict[Hashable, Course] = {}
    changes: list[list[Change]] = []
    for run, each in enumerate(entries):
        place = lane_of(each.header)
        changes.append([] if place is None else found.setdefault(place, Course()).follow(run, each))
    return found, changes


def of_kind(changes: Iterable[Change], kind: Kind) -> list[Change]:
    """Return the changes of one kind, in their order."""
    return [change for change in changes if change.kind is kind]
