"""A world that changes with time, and what came of watching it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.model.flow import Flow
from harness.model.result import Outcome
from harness.probing.settle import PlannedRound, Settling

World = Callable[[Flow, float], Outcome]


@dataclass
class Play:
    """A finished watch: what was planned, and when it was over."""

    settling: Settling
    over_at: float
    rounds: list[PlannedRound] = field(default_factory=list)

    def outcomes(self) -> dict[Flow, Outcome]:
        return {flow: self.settling.conclude(flow).outcome for flow in self.flows}

    def unsettled(self) -> set[Flow]:
        return {flow for flow in self.flows if not self.settling.conclude(flow).settled}

    @property
    def flows(self) -> tuple[Flow, ...]:
        return self.rounds[0].flows


# Called with a world, flows and a timing; see `play` in conftest.py.
Player = Callable[..., Play]


def always(outcome: Outcome) -> World:
    """Return a world that stands still."""
    return lambda _flow, _now: outcome


def turning(before: Outcome, after: Outcome, at: float) -> World:
    """Return a world that changes once."""
    return lambda _flow, now: after if now >= at else before


def but(one: Flow, its: World, others: World) -> World:
    """Return a world in which one flow goes its own way."""
    return lambda flow, now: (its if flow == one else others)(flow, now)
