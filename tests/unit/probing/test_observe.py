"""Watching a matrix: what is tried, for how long, and which proof comes with each flow."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest

from harness.model.cluster import Timing
from harness.model.result import Outcome
from harness.probing.observe import Settled, observe
from harness.probing.prober import Target
from tests.builders import flow
from tests.unit.probing.world import HandClock, ScriptedProber, World

OPEN, SILENT, FAULT = Outcome.OPEN, Outcome.NO_ANSWER, Outcome.FAULT
TIMING = Timing(rounds=3, window_s=0.2, deadline_s=5.0, floor_s=0.15, ceiling_s=2.0)
ONE, TWO = flow(source="shop/one"), flow(source="shop/two")
SELF = flow(source="shop/web")
TARGET = Target("192.0.2.1", 8080, frozenset({"shop/web"}), alive_by=(SELF,))


def _observe(world: World, logged: Any = None, **options: Any) -> tuple[Settled, ScriptedProber]:
    clock = HandClock()
    prober = ScriptedProber(clock, world, logged or {})
    settled = observe(prober, {ONE: TARGET, TWO: TARGET}, {SELF: TARGET}, TIMING, clock=clock, **options)
    return settled, prober


def test_an_open_matrix_settles_in_one_window() -> None:
    """Three rounds over the window, and nothing else to wait for."""
    settled, _ = _observe(lambda *_: OPEN)

    assert (settled.settled, settled.rounds, settled.flaps, settled.settle_s < 0.3) == (True, 3, 0, True)


def test_a_denied_flow_costs_one_window_and_one_timeout() -> None:
    """Rounds overlap, so three timeouts pass at the same time."""
    settled, _ = _observe(lambda flow, *_: SILENT if flow == ONE else OPEN, latencies={ONE: 0.01, TWO: 0.01})

    assert (settled.settled, settled.settle_s < TIMING.window_s + TIMING.floor_s + 0.1) == (True, True)


@pytest.mark.parametrize(
    ("latencies", "waits"),
    [
        (None, [2.0, 2.0]),
        ({}, [0.15, 0.15]),
        ({ONE: 0.001}, [0.15, 0.15]),
        ({ONE: 0.125}, [0.375, 0.15]),
        ({ONE: 0.125, TWO: 0.25}, [0.75, 0.75]),
        ({ONE: 3.0}, [2.0, 0.15]),
    ],
)
def test_patience_comes_from_the_baseline(latencies: Any, waits: list[float]) -> None:
    """Three times its slowest answer, within floor and ceiling, for what was open in it; the floor for the rest."""
    _, prober = _observe(lambda *_: OPEN, latencies=latencies)

    assert [prober.rounds[0][ONE], prober.rounds[0][TWO]] == waits


def test_a_denial_comes_with_its_proof() -> None:
    """Not arrived, the listener alive, and another source let in."""
    settled, _ = _observe(lambda flow, *_: SILENT if flow == ONE else OPEN)
    seen = settled.observations[ONE]

    assert (seen.outcome, seen.arrived, seen.alive, seen.also_open_from) == (SILENT, False, True, "shop/two")


def test_a_dead_listener_is_not_alive() -> None:
    """A destination that does not answer itself proves no denial."""
    settled, _ = _observe(lambda *_: Outcome.REFUSED)
    seen = settled.observations[ONE]

    assert (seen.alive, seen.also_open_from, settled.controls[SELF].outcome) == (False, None, Outcome.REFUSED)


def test_a_control_that_failed_says_nothing() -> None:
    """The listener may be alive or not: unknown."""
    settled, _ = _observe(lambda flow, *_: FAULT if flow == SELF else SILENT)

    assert settled.observations[ONE].alive is None


def test_an_unread_log_stays_unknown() -> None:
    """None is passed on: it is neither arrived nor not."""
    settled, _ = _observe(lambda *_: SILENT, logged={ONE: None})

    assert (settled.observations[ONE].arrived, settled.observations[TWO].arrived) == (None, False)


def test_open_flows_are_not_looked_up() -> None:
    """The answer itself proves that the question arrived."""
    settled, _ = _observe(lambda *_: OPEN)

    assert settled.observations[ONE].arrived is True


def test_a_late_answer_is_not_taken_for_a_denial() -> None:
    """Where the nonce arrived, the flow is tried again with all patience, and then believed."""
    settled, _ = _observe(
        lambda flow, _now, wait: SILENT if flow == ONE and wait < 1.0 else OPEN, logged={ONE: True}, latencies={}
    )

    assert (settled.observations[ONE].outcome, settled.settled) == (OPEN, True)


def test_an_arrival_that_is_never_answered_stays_silent() -> None:
    """The second look finds nothing either: the nonce arrived, and the reply is lost."""
    settled, prober = _observe(lambda flow, *_: SILENT if flow == ONE else OPEN, logged={ONE: True}, latencies={})
    seen = settled.observations[ONE]

    assert (seen.outcome, seen.arrived, prober.rounds[-1]) == (SILENT, True, {ONE: TIMING.ceiling_s})


def test_silence_without_an_arrival_is_not_tried_again() -> None:
    """Denied is denied: a second look at every denial would double the cost."""
    _, prober = _observe(lambda *_: SILENT, latencies={})

    assert all(ONE not in waits or waits[ONE] == TIMING.floor_s for waits in prober.rounds)


def test_history_tells_what_each_round_saw() -> None:
    """Times count from the end of the changes, so that the first correct round can be found."""
    settled, _ = _observe(lambda _flow, now, _wait: SILENT if now >= 100.05 else OPEN, latencies={}, since=99.0)

    assert [(round(item.at_s, 2), item.outcomes[ONE]) for item in settled.history[:2]] == [(1.0, OPEN), (1.1, SILENT)]


def test_flaps_count_against_what_stood_before() -> None:
    """A flow that was denied before and after, and open in between, changed twice."""
    settled, _ = _observe(
        lambda _flow, now, _wait: OPEN if now < 100.05 else SILENT, latencies={}, last={ONE: SILENT, TWO: OPEN}
    )

    assert settled.flaps == 1


def test_the_window_counts_from_the_barrier() -> None:
    """Rounds before it are history; settling takes a whole window after it."""
    passed_at = 100.9
    clock = HandClock()
    prober = ScriptedProber(clock, lambda _flow, now, _wait: SILENT if now >= passed_at else OPEN)
    settled = observe(
        prober,
        {ONE: TARGET},
        {},
        TIMING,
        latencies={},
        after_barrier=lambda: passed_at if clock.now() >= passed_at else math.inf,
        clock=clock,
    )

    assert (settled.observations[ONE].outcome, settled.settled, settled.settle_s >= 1.1) == (SILENT, True, True)


def test_a_flow_that_never_settles_is_marked_alone() -> None:
    """The settled flows beside it keep their evidence."""
    settled, _ = _observe(
        lambda flow, now, _wait: SILENT if flow == ONE and int(now / 0.13) % 2 else OPEN, latencies={}
    )
    marks = {flow: seen.settled for flow, seen in settled.observations.items()}

    assert (marks, settled.settled, settled.flaps > 0) == ({ONE: False, TWO: True}, False, True)


def test_a_flow_that_never_settles_is_told_with_its_course() -> None:
    """What it showed, and when: who reads it must see whether a policy flaps or a machine answers late."""
    settled, _ = _observe(
        lambda flow, now, _wait: SILENT if flow == ONE and int(now / 0.13) % 2 else OPEN, latencies={}
    )
    one, two = (settled.observations[flow].detail for flow in (ONE, TWO))

    assert one.startswith("open; seen: no-answer at 0.0 s, open at 0.2 s, no-answer at 0.3 s, open at 0.4 s, ")
    assert "seen" not in two


def test_what_comes_and_goes_is_given_all_patience() -> None:
    """An answer that is late looks like one that comes and goes, until it is waited for."""

    def late(flow: object, now: float, wait: float) -> Outcome:
        return SILENT if flow == ONE and wait < 1.0 and int(now / 0.13) % 2 else OPEN

    settled, prober = _observe(late, latencies={ONE: 0.01, TWO: 0.01}, last={ONE: OPEN, TWO: OPEN})
    waits = {round_[ONE] for round_ in prober.rounds if ONE in round_}

    assert (settled.settled, settled.observations[ONE].outcome) == (True, OPEN)
    assert waits == {0.15, 2.0}


def test_a_cancelled_watch_returns_what_it_knows() -> None:
    """The matrix is total also then, and settled nowhere."""
    cancelled = threading.Event()
    cancelled.set()
    settled, _ = _observe(lambda *_: OPEN, cancelled=cancelled)

    assert {(seen.outcome, seen.settled) for seen in settled.observations.values()} == {(FAULT, False)}


def test_a_matrix_without_flows_is_settled() -> None:
    """A step may leave nothing to try."""
    settled = observe(ScriptedProber(HandClock(), lambda *_: OPEN), {}, {}, TIMING, clock=HandClock())

    assert (settled.settled, len(settled.observations), settled.rounds) == (True, 0, 0)
