"""Rounds played over a world that changes with time, without waiting."""

from __future__ import annotations

import math
from collections.abc import Collection

import pytest

from harness.model.cluster import Timing
from harness.model.flow import Flow
from harness.model.result import Outcome
from harness.probing.settle import PlannedRound, Settling
from tests.unit.settling.world import Play, Player, World

QUICK_S = 0.002


@pytest.fixture(scope="session")
def play() -> Player:
    """Return a function that settles a world, from time 0 on, silent flows costing `timeout_s` each round."""

    def run(
        world: World,
        flows: Collection[Flow],
        timing: Timing,
        *,
        timeout_s: float = 0.15,
        barrier_at: float = -math.inf,
        last: dict[Flow, Outcome] | None = None,
        gone: Collection[Flow] = (),
        breath_s: float = 0.0,
        slowest_s: float = 0.0,
    ) -> Play:
        settling = Settling(flows, timing, 0.0, last, breath_s=breath_s, slowest_s=slowest_s)
        played = Play(settling, math.inf)
        flying: list[tuple[float, PlannedRound]] = []
        now = 0.0
        while not settling.is_over:
            for item in sorted(flying, key=lambda item: item[0]):
                if item[0] <= now:
                    flying.remove(item)
                    seen = {flow: world(flow, item[1].at) for flow in item[1].flows}
                    settling.record(item[1].index, seen, [flow for flow in item[1].flows if flow in gone])
            planned = settling.begin(now, barrier_at if barrier_at <= now else math.inf)
            if planned is not None:
                played.rounds.append(planned)
                silent = any(world(flow, now) in (Outcome.NO_ANSWER, Outcome.NO_DATA) for flow in planned.flows)
                flying.append((now + (timeout_s if silent else QUICK_S), planned))
            elif not settling.is_over:
                coming = [until for until, _ in flying] + [settling.next_at, barrier_at]
                now = min((moment for moment in coming if moment > now), default=now + 0.05)
            assert now < 1000, "never over"
        played.over_at = now
        return played

    return run
