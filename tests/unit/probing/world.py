"""A prober over a world that changes with a clock turned by hand: nothing waits, and nothing is random."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.model.flow import Flow
from harness.model.result import Outcome
from harness.probing.prober import ProbeOutcome, Target

QUICK_S = 0.002
# Of a flow, at a time, when it is waited for so long.
World = Callable[[Flow, float, float], Outcome]


@dataclass
class HandClock:
    """Time passes only when somebody waits."""

    time: float = 100.0

    def now(self) -> float:
        return self.time

    def wait(self, _event: threading.Event, seconds: float) -> None:
        self.time += seconds


@dataclass
class Asked:
    """A round of the scripted prober."""

    clock: HandClock
    until: float
    outcomes: dict[Flow, ProbeOutcome]

    def is_done(self) -> bool:
        return self.clock.now() >= self.until

    def result(self, timeout_s: float | None = None) -> dict[Flow, ProbeOutcome]:
        self.clock.time = max(self.clock.time, self.until if timeout_s is None else 0.0)
        return self.outcomes


@dataclass
class ScriptedProber:
    """Answers as the world is when a round begins; `logged` are the flows whose nonces arrive all the same."""

    clock: HandClock
    world: World
    logged: Mapping[Flow, bool | None] = field(default_factory=dict)
    rounds: list[dict[Flow, float]] = field(default_factory=list)
    nonces: itertools.count = field(default_factory=itertools.count)

    def round(
        self,
        targets: Mapping[Flow, Target],
        timeout_s: Callable[[Flow], float],
        _on_done: Callable[[], None] | None = None,
    ) -> Asked:
        waits = {flow: timeout_s(flow) for flow in targets}
        self.rounds.append(waits)
        now = self.clock.now()
        outcomes = {flow: self._probe(flow, now, wait) for flow, wait in waits.items()}
        took = max((seen.elapsed_s or 0.0 for seen in outcomes.values()), default=0.0)
        return Asked(self.clock, now + took, outcomes)

    def arrived(
        self, nonces: Mapping[Flow, str], _targets: Mapping[Flow, Target], _deadline_s: float
    ) -> dict[Flow, bool | None]:
        return {flow: self.logged.get(flow, False) for flow in nonces}

    def _probe(self, flow: Flow, now: float, wait: float) -> ProbeOutcome:
        outcome = self.world(flow, now, wait)
        took = wait if outcome in (Outcome.NO_ANSWER, Outcome.NO_DATA) else QUICK_S
        return ProbeOutcome(outcome, str(outcome), f"n-{next(self.nonces)}", flow.destination, took)
