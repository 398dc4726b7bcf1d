"""When has a cluster settled? Which flows to try next, and when. Pure: the time is a parameter.

The rules of design section 2. Rounds overlap: a denied flow costs its full timeout, so the next round starts
on schedule and does not wait for it. A flow is settled once its newest `timing.rounds` samples agree, over at
least `timing.window_s`, all of them begun after the barrier; each flap asks for one sample and one window more.
The first rounds and the last cover every flow, those in between only what still moves; as the last one starts
after everything that moved was quiet for a window, the whole matrix has then stood still.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from harness.model.cluster import Timing
from harness.model.flow import Flow
from harness.model.result import Outcome

# Every host limits its ICMP errors (RFC 1812 4.3.2.8, RFC 4443 2.4; Linux: one a second to each peer after a
# burst of six), so on a flow that does not move at all they alternate with silence.
BY_ICMP = frozenset({Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.PROHIBITED})
# Rounds in between come a little later each time, but not rarer than one a window.
SLOWER = 1.25
# As long as the cluster is at work it needs its machines for itself: on two cores, rounds that came twice as often made
# Cilium a fifth slower with 30 pods.
BREATHS_AT_WORK = 4
# A cluster that needed long to take in the last policy, the sentinel's, may need a part of that for what it does
# pod by pod; and where nothing has moved at all, a little longer than it ever needed. No longer than that, though.
SHARE_OF_BARRIER = 0.25
MORE_THAN_EVER = 1.25
LONGEST_HOLD_S = 2.0
ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class PlannedRound:
    """A round to start now; `full` ones cover every flow."""

    index: int
    at: float
    flows: tuple[Flow, ...]
    full: bool


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What all rounds say of one flow; `index` is the round that shows it best, None if none did."""

    outcome: Outcome
    index: int | None
    settled: bool


class _State(Enum):
    MOVING = "moving"
    # If what is under way agrees with what is known, the flow is settled.
    WAITING = "waiting"
    SETTLED = "settled"


@dataclass(slots=True)
class _Sample:
    index: int
    at: float
    outcome: Outcome | None = None


@dataclass(slots=True)
class _Track:
    """The samples of one flow, in the order in which their rounds began."""

    before: Outcome | None = None
    samples: list[_Sample] = field(default_factory=list)
    gone: bool = False

    def streak(self, needed: int, window_s: float, since: float) -> tuple[_State, Outcome | None]:
        """Read back from the newest sample until enough agree; return the state, and what they agree on."""
        agreed: Outcome | None = None
        newest: float | None = None
        count = 0
        waiting = False
        for sample in reversed(self.samples):
            if sample.at < since:
                break
            if sample.outcome is Outcome.FAULT:
                if newest is None:
                    break  # a fault is no change, but what comes last must be an answer
                continue
            if sample.outcome is None:
                waiting = True
            else:
                merged = agree(agreed, sample.outcome)
                if merged is None:
                    break
                agreed = merged
            newest = sample.at if newest is None else newest
            count += 1
            if count >= needed and newest - sample.at >= window_s - ROUNDING_S:
                return (_State.WAITING if waiting else _State.SETTLED), agreed
        return _State.MOVING, agreed

    def flaps(self, cuts_count_since: float = -math.inf) -> int:
        """Count the changes beyond the first, against what stood before.

        A connection that was made and cut is what one change looks like from within: seen on the way it counts no
        more than the change itself. Seen between two equal answers it is a change, and one back, if it began at
        `cuts_count_since` or later.
        """
        changes = 0
        current = self.before
        was_cut = False
        for sample in self.samples:
            if sample.outcome is None or sample.outcome is Outcome.FAULT:
                continue
            if sample.outcome is Outcome.NO_DATA and current is not Outcome.NO_DATA:
                was_cut = was_cut or sample.at >= cuts_count_since
                continue
            merged = agree(current, sample.outcome)
            changes += 1 if merged is None else 2 * was_cut
            current = sample.outcome if merged is None else merged
            was_cut = False
        return max(0, changes + was_cut - 1)

    def is_moved_by(self, outcome: Outcome) -> bool:
        """Tell whether an answer shows that something has changed; a connection that was cut may be just late."""
        if self.before is None or outcome in (Outcome.FAULT, Outcome.NO_DATA):
            return False
        return agree(self.before, outcome) is None

    def known(self) -> list[_Sample]:
        return [sample for sample in self.samples if sample.outcome is not None]


def agree(one: Outcome | None, other: Outcome) -> Outcome | None:
    """Return what both samples of a flow at rest may show, None if it must have moved; None agrees with all."""
    if one is None or one is other:
        return other
    if one is Outcome.NO_ANSWER and other in BY_ICMP:
        return other
    if other is Outcome.NO_ANSWER and one in BY_ICMP:
        return one
    return None


class Settling:
    """The rounds of one matrix, from `started` on.

    `last` is what stood before the change: for counting flaps, and for telling whether anything has moved. For
    `breath_s` after the start of a full round that is still under way no other begins: probes that wait for each other
    would look like a cluster that is slow. `slowest_s` is how long this cluster took at worst to enforce a policy.
    """

    def __init__(
        self,
        flows: Iterable[Flow],
        timing: Timing,
        started: float,
        last: Mapping[Flow, Outcome] | None = None,
        *,
        breath_s: float = 0.0,
        slowest_s: float = 0.0,
    ) -> None:
        self._tracks = {flow: _Track((last or {}).get(flow)) for flow in flows}
        self._shortest_s = timing.window_s
        self._slowest_s = slowest_s
        self._started = started
        self._has_moved = False
        # One sample spans no time at all.
        self._needed = max(timing.rounds, 2 if timing.window_s > 0 else 1)
        self._interval_s = timing.window_s / max(1, self._needed - 1)
        self._pause_s = self._interval_s
        self._breath_s = breath_s
        self._deadline = started + timing.deadline_s
        self._next_at = started
        self._since = -math.inf
        self._counted = 0
        self._first: float | None = None
        self._pending: dict[int, PlannedRound] = {}
        self._newest: PlannedRound | None = None
        self._closing = False
        self._over = not self._tracks
        self.rounds = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be tried or waited for."""
        return self._over

    @property
    def may_be_last(self) -> bool:
        """Whether nothing more may be tried after the round that was begun last."""
        return self._closing or self._counted >= self._needed

    @property
    def next_at(self) -> float:
        """When to call `begin` again, if nothing is recorded before."""
        if self._first is not None and self._counted == self._needed - 1:
            # The last that is needed comes at the end of the window, however long that has become.
            return max(self._next_at, self._first + self.window_s)
        return self._next_at

    @property
    def window_s(self) -> float:
        """How long the matrix must hold still now, in seconds."""
        if math.isinf(self._since):
            return self._shortest_s
        hold_s = SHARE_OF_BARRIER * (self._since - self._started)
        if not self._has_moved:
            hold_s = max(hold_s, MORE_THAN_EVER * self._slowest_s)
        return max(self._shortest_s, min(hold_s, LONGEST_HOLD_S))

    def begin(self, now: float, since: float = -math.inf) -> PlannedRound | None:
        """Return the round to start now, None if none is due; `since` is the barrier (inf: not yet passed).

        Rounds before the barrier are samples for the history; they settle nothing.
        """
        # The first round after the barrier does not wait for its turn.
        if self._over or self._closing or (now < self.next_at and not (self._counted == 0 and now >= since)):
            return None
        if self._is_out_of_breath(now, since):
            return None
        self._since = since
        flows = self._choose(now)
        if not flows:
            self._over = not self._pending and self._is_all_settled()
            return None
        planned = PlannedRound(self.rounds, now, flows, full=len(flows) == len(self._tracks))
        for flow in flows:
            self._tracks[flow].samples.append(_Sample(planned.index, now))
        self._pending[planned.index] = planned
        self._newest = planned
        self.rounds += 1
        if now >= since:
            self._counted += 1
            self._first = now if self._first is None else self._first
        # The first rounds are spread evenly over the window; those before the barrier, and those after, thin out.
        if now < since or self._counted > self._needed:
            self._pause_s = min(max(self._shortest_s, self._interval_s), self._pause_s * SLOWER)
            self._next_at = now + self._pause_s
        else:
            self._next_at = now + self._interval_s
        return planned

    def record(self, index: int, outcomes: Mapping[Flow, Outcome], gone: Collection[Flow] = ()) -> None:
        """Take in the outcomes of a whole round; `gone` flows have lost their agent and are not tried again."""
        planned = self._pending.pop(index)
        for flow in planned.flows:
            track = self._tracks[flow]
            sample = next(sample for sample in reversed(track.samples) if sample.index == index)
            sample.outcome = outcomes[flow]
            track.gone = track.gone or flow in gone
            self._has_moved = self._has_moved or track.is_moved_by(outcomes[flow])
        if not self._pending:
            self._over = self._closing or self._is_confirmed()

    def conclude(self, flow: Flow) -> Conclusion:
        """Say what the rounds so far show of `flow`: the answer of its newest samples, or a fault that stayed."""
        track = self._tracks[flow]
        state, agreed = self._streak(track)
        known = track.known()
        if not known:
            return Conclusion(Outcome.FAULT, None, settled=False)
        settled = state is _State.SETTLED and not track.gone
        outcome = agreed if settled and agreed is not None else known[-1].outcome
        shown = next(sample for sample in reversed(known) if sample.outcome is outcome)
        return Conclusion(shown.outcome or Outcome.FAULT, shown.index, settled)

    def course(self, flow: Flow) -> tuple[tuple[int, Outcome], ...]:
        """Return what `flow` has shown, oldest first: each answer that differs from the one before, with its round."""
        changes: list[tuple[int, Outcome]] = []
        for sample in self._tracks[flow].samples:
            if sample.outcome is not None and (not changes or changes[-1][1] is not sample.outcome):
                changes.append((sample.index, sample.outcome))
        return tuple(changes)

    def has_flapped(self, flow: Flow) -> bool:
        """Tell whether a flow has changed more than once: by itself, or for answers that come late."""
        return self._tracks[flow].flaps(cuts_count_since=self._since) > 0

    def flaps(self) -> int:
        """Count the changes beyond the first of each flow, over all rounds and against what stood before."""
        return sum(track.flaps() for track in self._tracks.values())

    def _is_out_of_breath(self, now: float, since: float) -> bool:
        newest = self._newest
        if newest is None or not newest.full or not self._pending:
            return False
        return now < newest.at + self._breath_s * (BREATHS_AT_WORK if now < since else 1)

    def _choose(self, now: float) -> tuple[Flow, ...]:
        everything = tuple(self._tracks)
        if now >= self._deadline:
            if self._is_confirmed():
                return ()
            self._closing = True
            return everything
        if now < self._since:
            # Before the barrier rounds only feed the history: a few at a time will do.
            return everything if len(self._pending) < self._needed else ()
        if self._counted < self._needed:
            return everything
        moving = tuple(flow for flow, track in self._tracks.items() if self._state(track) is _State.MOVING)
        if moving or self._pending:
            return moving
        return () if self._is_confirmed() else everything

    def _state(self, track: _Track) -> _State:
        if track.gone:
            return _State.SETTLED
        return self._streak(track)[0]

    def _streak(self, track: _Track) -> tuple[_State, Outcome | None]:
        # What has flapped is believed less easily: flapping in step with our rounds looks like rest. Connections that
        # were cut while the cluster was at work are no sign of that.
        flaps = track.flaps(cuts_count_since=self._since)
        return track.streak(self._needed + flaps, self.window_s + self._shortest_s * flaps, self._since)

    def _is_all_settled(self) -> bool:
        return all(self._state(track) is _State.SETTLED for track in self._tracks.values())

    def _is_confirmed(self) -> bool:
        newest = self._newest
        return newest is not None and newest.full and not self._pending and self._is_all_settled()
