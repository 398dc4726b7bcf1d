"""Watch a matrix until it has settled, and say of every flow what was seen, with its proof.

Never sees an expectation, so it cannot stop at the first answer that pleases.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from harness.model.cluster import Timing
from harness.model.flow import Endpoint, Flow
from harness.model.matrix import Matrix
from harness.model.result import Observation, Outcome
from harness.probing.prober import ProbeOutcome, Prober, RoundHandle, Target
from harness.probing.settle import Conclusion, PlannedRound, Settling

# An answer that takes three times as long as the slowest of the baseline is missing. If it was only late, its request
# has arrived, and is looked at again with all patience.
TIMES_SLOWEST = 3.0
LOG_DEADLINE_S = 5.0
# The slowest answer of the baseline is how long all of them took: so many times that is a round's own.
BREATHS = 1.5
# What a round may take for itself where nothing is known of answers yet.
FIRST_BREATH_S = 0.5
POLL_S = 0.05
# Of a flow that never settled so many of its last changes are told.
MOST_CHANGES = 12


class Clock(Protocol):
    """The time, and a way to let it pass."""

    def now(self) -> float:
        """Return the time in seconds from some fixed point."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Return when `event` is set, after `seconds` at most."""
        ...


class MonotonicClock:
    """The clock of this machine."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> None:
        """Sleep until `event` is set, for `seconds` at most."""
        event.wait(seconds)


@dataclass(frozen=True, slots=True)
class Round:
    """What a round saw that began at `at_s`; it may cover only the flows that still moved."""

    at_s: float
    outcomes: Mapping[Flow, Outcome]


@dataclass(frozen=True, slots=True)
class Settled:
    """A watched matrix. `settle_s` is the time of the last answer, whether `settled` or not.

    Times are in seconds from the end of the changes. `flaps` counts the changes beyond the
    first of each flow. `history` is ordered by `at_s`.
    """

    observations: Matrix[Observation]
    controls: Mapping[Flow, Observation]
    settled: bool
    settle_s: float
    rounds: int
    flaps: int
    history: tuple[Round, ...]


def observe(
    prober: Prober,
    targets: Mapping[Flow, Target],
    controls: Mapping[Flow, Target],
    timing: Timing,
    *,
    latencies: Mapping[Flow, float] | None = None,
    last: Mapping[Flow, Outcome] | None = None,
    since: float | None = None,
    after_barrier: Callable[[], float] | None = None,
    slowest_s: float = 0.0,
    cancelled: threading.Event | None = None,
    clock: Clock | None = None,
) -> Settled:
    """Probe every flow of `targets` until the matrix has settled or `timing.deadline_s` has passed.

    `latencies` are the baseline's answer times of the flows that were open in it; None says that this is the baseline.
    `controls` are self-probes, tried with every full round that may be the last. `since` is the clock's time at which
    the changes ended, from which times are counted; None is now. `after_barrier` is asked often and must not block: it
    returns the clock's time at which the barrier was passed, inf as long as it was not. `slowest_s` is the longest that
    this cluster is known to have taken until a policy was in force. Once `cancelled` is set, what is known is
    returned, unsettled. Raises nothing of its own: what goes wrong is a fault of its flow.
    """
    watch = _Watch(
        prober,
        targets,
        controls,
        timing,
        latencies=latencies,
        last=last,
        since=since,
        slowest_s=slowest_s,
        clock=clock or MonotonicClock(),
    )
    watch.run(after_barrier, cancelled or threading.Event())
    return watch.conclude()


class _Watch:
    def __init__(
        self,
        prober: Prober,
        targets: Mapping[Flow, Target],
        controls: Mapping[Flow, Target],
        timing: Timing,
        *,
        latencies: Mapping[Flow, float] | None,
        last: Mapping[Flow, Outcome] | None,
        since: float | None,
        slowest_s: float,
        clock: Clock,
    ) -> None:
        self.prober = prober
        self.targets = targets
        self.control_targets = controls
        self.timing = timing
        self.clock = clock
        self.patience = _patience(latencies, timing)
        self.since = clock.now() if since is None else since
        self.settling = Settling(targets, timing, clock.now(), last, breath_s=_breath_s(latencies), slowest_s=slowest_s)
        self.flying: dict[int, tuple[PlannedRound, RoundHandle]] = {}
        self.results: dict[int, Mapping[Flow, ProbeOutcome]] = {}
        self.times: dict[int, float] = {}
        self.control_handle: RoundHandle | None = None
        self.woken = threading.Event()
        self.was_cancelled = False

    def run(self, after_barrier: Callable[[], float] | None, cancelled: threading.Event) -> None:
        """Start rounds as they fall due, and take in their answers as they come."""
        while not self.settling.is_over:
            if cancelled.is_set():
                self.was_cancelled = True
                return
            self.woken.clear()
            self._take_in()
            since = after_barrier() if after_barrier is not None else -math.inf
            now = self.clock.now()
            planned = self.settling.begin(now, since)
            if planned is not None:
                self._start(planned)
            elif not self.settling.is_over:
                due_s = self.settling.next_at - now
                self.clock.wait(self.woken, min(POLL_S, due_s) if due_s > 0 else POLL_S)

    def _start(self, planned: PlannedRound) -> None:
        targets = {flow: self.targets[flow] for flow in planned.flows}
        self.flying[planned.index] = (planned, self.prober.round(targets, self._patience_for, self.woken.set))
        self.times[planned.index] = planned.at - self.since
        if planned.full and self.control_targets and self.settling.may_be_last:
            # Those of the last full round count. On a batch of their own: a dead listener must not hold up the rest.
            self.control_handle = self.prober.round(self.control_targets, lambda _: self.timing.ceiling_s)

    def _patience_for(self, flow: Flow) -> float:
        # Answers that come and go may be late ones, on a machine short of CPU time: more patience tells.
        return self.timing.ceiling_s if self.settling.has_flapped(flow) else self.patience(flow)

    def _take_in(self) -> None:
        for index, (_, handle) in list(self.flying.items()):
            if handle.is_done():
                del self.flying[index]
                outcomes = handle.result(0.0)
                self.results[index] = outcomes
                gone = [flow for flow, outcome in outcomes.items() if outcome.lasting]
                self.settling.record(index, {flow: outcome.outcome for flow, outcome in outcomes.items()}, gone)

    def conclude(self) -> Settled:
        """Build the observations from the newest rounds, and gather the proof that belongs to them."""
        settle_s = self.clock.now() - self.since
        conclusions = {flow: self.settling.conclude(flow) for flow in self.targets}
        seen = {flow: self._seen(flow, conclusion) for flow, conclusion in conclusions.items()}
        controls = self._controls()
        arrived: dict[Flow, bool | None] = {}
        if not self.was_cancelled:
            arrived = self._arrived(seen)
            seen.update(self._second_look(seen, arrived))
        open_from = _open_sources(seen)

        def told(flow: Flow) -> Observation:
            found = _observation(seen[flow])
            settled = conclusions[flow].settled and not self.was_cancelled
            return replace(
                found,
                detail=found.detail if settled else self._course(flow, found.detail),
                arrived=found.arrived or arrived.get(flow),
                alive=_is_alive(self.targets[flow], controls),
                also_open_from=_another(flow, open_from),
                settled=settled,
            )

        observations = Matrix.build(self.targets, told)
        return Settled(
            observations=observations,
            controls={flow: _observation(outcome) for flow, outcome in controls.items()},
            settled=all(observation.settled for observation in observations.values()),
            settle_s=settle_s,
            rounds=self.settling.rounds,
            flaps=self.settling.flaps(),
            history=tuple(
                Round(self.times[index], {flow: outcome.outcome for flow, outcome in self.results[index].items()})
                for index in sorted(self.results)
            ),
        )

    def _seen(self, flow: Flow, conclusion: Conclusion) -> ProbeOutcome:
        if conclusion.index is None:
            return ProbeOutcome(Outcome.FAULT, "interrupted before it was tried", nonce="")
        return self.results[conclusion.index][flow]

    def _course(self, flow: Flow, detail: str) -> str:
        """Say how a flow's answers changed that never settled, after `detail`."""
        course = self.settling.course(flow)
        if len(course) < 2:
            return detail
        shown = [f"{outcome} at {self.times[index]:.1f} s" for index, outcome in course[-MOST_CHANGES:]]
        earlier = ["..."] if len(course) > MOST_CHANGES else []
        return "; ".join([*([detail] if detail else []), f"seen: {', '.join([*earlier, *shown])}"])

    def _controls(self) -> dict[Flow, ProbeOutcome]:
        if self.control_handle is None or self.was_cancelled:
            return {}
        return self.control_handle.result()

    def _arrived(self, seen: Mapping[Flow, ProbeOutcome]) -> dict[Flow, bool | None]:
        """Look up the nonces of the flows that were not open; their probes are over, so what has come has come."""
        nonces = {
            flow: outcome.nonce
            for flow, outcome in seen.items()
            if outcome.outcome is not Outcome.OPEN and outcome.nonce
        }
        return self.prober.arrived(nonces, self.targets, LOG_DEADLINE_S) if nonces else {}

    def _second_look(
        self, seen: Mapping[Flow, ProbeOutcome], arrived: Mapping[Flow, bool | None]
    ) -> dict[Flow, ProbeOutcome]:
        """Try again, with all patience, where the nonce arrived and the answer did not.

        A machine short of CPU time answers late, and late must not look like denied.
        """
        doubtful = {
            flow: self.targets[flow]
            for flow, outcome in seen.items()
            if outcome.outcome in (Outcome.NO_ANSWER, Outcome.NO_DATA) and arrived.get(flow)
        }
        if not doubtful:
            return {}
        again = self.prober.round(doubtful, lambda _: self.timing.ceiling_s).result()
        return {
            flow: replace(outcome, detail="late in every round before, and open with more patience")
            for flow, outcome in again.items()
            if outcome.outcome is Outcome.OPEN
        }


def _breath_s(latencies: Mapping[Flow, float] | None) -> float:
    return FIRST_BREATH_S if latencies is None else BREATHS * max(latencies.values(), default=0.0)


def _patience(latencies: Mapping[Flow, float] | None, timing: Timing) -> Callable[[Flow], float]:
    if latencies is None:
        return lambda _: timing.ceiling_s
    slowest_s = max(latencies.values(), default=0.0)
    open_s = min(timing.ceiling_s, max(timing.floor_s, TIMES_SLOWEST * slowest_s))
    return lambda flow: open_s if flow in latencies else timing.floor_s


def _observation(outcome: ProbeOutcome) -> Observation:
    return Observation(
        outcome=outcome.outcome,
        detail=outcome.detail,
        # An answer with the nonce proves that it arrived; the logs are read for the others only.
        arrived=True if outcome.outcome is Outcome.OPEN else None,
        answered_by=outcome.answered_by,
        elapsed_s=outcome.elapsed_s,
        request=outcome.request.to_wire() if outcome.request else None,
        reply=outcome.reply.to_wire() if outcome.reply else None,
    )


def _is_alive(target: Target, controls: Mapping[Flow, ProbeOutcome]) -> bool | None:
    answers = [controls[flow].outcome for flow in target.alive_by if flow in controls]
    if not answers or len(answers) < len(target.alive_by):
        return None
    if all(outcome is Outcome.OPEN for outcome in answers):
        return True
    # A control that could not be tried says nothing of the listener.
    return None if all(outcome in (Outcome.OPEN, Outcome.FAULT) for outcome in answers) else False


def _open_sources(seen: Mapping[Flow, ProbeOutcome]) -> dict[tuple[object, ...], list[Endpoint]]:
    sources: dict[tuple[object, ...], list[Endpoint]] = defaultdict(list)
    for flow, outcome in seen.items():
        if outcome.outcome is Outcome.OPEN and not flow.is_to_itself:
            sources[flow[1:]].append(flow.source)
    return sources


def _another(flow: Flow, open_from: Mapping[tuple[object, ...], list[Endpoint]]) -> Endpoint | None:
    return next((source for source in open_from.get(flow[1:], ()) if source != flow.source), None)
