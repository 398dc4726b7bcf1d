"""When a matrix counts as settled: design section 2, played over worlds that change with time."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.cluster import Timing
from harness.model.flow import Flow
from harness.model.result import Outcome
from harness.probing.settle import Settling, agree
from tests.builders import flow
from tests.unit.settling.world import Player, always, but, turning

TIMING = Timing(rounds=3, window_s=0.2, deadline_s=5.0)
OPEN, SILENT, REFUSED, FAULT = Outcome.OPEN, Outcome.NO_ANSWER, Outcome.REFUSED, Outcome.FAULT
CUT = Outcome.NO_DATA
FLOWS = tuple(flow(source=f"shop/pod-{number}") for number in range(96))
FIRST, SECOND = FLOWS[:2]


def flapping(_flow: Flow, now: float) -> Outcome:
    """Change every 0.13 s."""
    return OPEN if int(now / 0.13) % 2 else SILENT


def test_a_world_that_stands_still_takes_the_fewest_rounds(play: Player) -> None:
    """Three equal rounds over the window, each of every flow, are enough."""
    played = play(always(OPEN), FLOWS, TIMING)

    assert [(round_.at, round_.full) for round_ in played.rounds] == [(0.0, True), (0.1, True), (0.2, True)]


def test_rounds_do_not_wait_for_the_timeouts_of_earlier_ones(play: Player) -> None:
    """A denied flow costs its timeout once, after the window, and not once a round."""
    played = play(always(SILENT), FLOWS, TIMING, timeout_s=2.0)

    assert (len(played.rounds), played.over_at) == (3, pytest.approx(2.2))


def test_gradual_enforcement_is_seen_to_its_end(play: Player) -> None:
    """32 of 96 flows denied, then all of them: any change keeps the whole matrix from counting as settled."""
    played = play(lambda flow, now: SILENT if now >= (0.05 if flow in FLOWS[:32] else 0.25) else OPEN, FLOWS, TIMING)

    assert (set(played.outcomes().values()), played.unsettled()) == ({SILENT}, set())


def test_rounds_in_between_cover_only_what_moves(play: Player) -> None:
    """A flow that stands still is left alone until the last round, which covers all."""
    played = play(but(FIRST, turning(OPEN, SILENT, 0.15), always(OPEN)), FLOWS, TIMING)

    between, last = played.rounds[3:-1], played.rounds[-1]
    assert ({round_.flows for round_ in between}, last.full) == ({(FIRST,)}, True)


def test_the_last_round_starts_a_window_after_the_last_change(play: Player) -> None:
    """The whole matrix must have stood still for the window, not each flow at a time of its own."""
    changed_at = 0.15
    played = play(but(FIRST, turning(OPEN, SILENT, changed_at), always(OPEN)), FLOWS, TIMING)

    assert played.rounds[-1].at >= changed_at + TIMING.window_s


def test_a_flow_that_flaps_is_unsettled_and_alone_in_it(play: Player) -> None:
    """Unsettled flows are reported as such at the deadline; those that settled are kept."""
    played = play(but(FIRST, flapping, always(OPEN)), FLOWS, TIMING)

    assert (played.unsettled(), played.rounds[-1].full) == ({FIRST}, True)


def test_a_matrix_that_never_settles_ends_at_the_deadline(play: Player) -> None:
    """A step costs its deadline and one timeout at the most."""
    played = play(flapping, FLOWS[:3], TIMING, timeout_s=0.15)

    assert TIMING.deadline_s <= played.over_at <= TIMING.deadline_s + TIMING.window_s + 0.15


def test_rounds_before_the_barrier_settle_nothing(play: Player) -> None:
    """Three equal all-open rounds once passed in 0.15 s, and the policy came into force seconds later."""
    played = play(turning(OPEN, SILENT, 1.0), FLOWS, TIMING, barrier_at=1.0)

    counting = [round_ for round_ in played.rounds if round_.at >= 1.0]
    assert (set(played.outcomes().values()), len(counting), counting[0].at) == ({SILENT}, 3, 1.0)


def test_without_a_barrier_nothing_settles(play: Player) -> None:
    """What was seen before the cluster took in the change is about the old state."""
    played = play(always(OPEN), FLOWS[:2], TIMING, barrier_at=900.0)

    assert (played.unsettled(), played.over_at < TIMING.deadline_s + 1) == (set(FLOWS[:2]), True)


def test_where_nothing_has_moved_it_holds_as_long_as_the_cluster_ever_needed(play: Player) -> None:
    """A sentinel that overtook the change is seen at once; its effect comes when it always came."""
    was_open = dict.fromkeys(FLOWS, OPEN)
    world = turning(OPEN, SILENT, 0.8)
    hasty = play(world, FLOWS, TIMING, barrier_at=0.05, last=was_open)
    careful = play(world, FLOWS, TIMING, barrier_at=0.05, last=was_open, slowest_s=1.0)

    assert set(hasty.outcomes().values()) == {OPEN}  # what this rule is for
    assert (set(careful.outcomes().values()), careful.unsettled()) == ({SILENT}, set())


def test_what_has_moved_needs_no_longer_hold(play: Player) -> None:
    """The change is in force, so the usual window is enough, and no more rounds are."""
    world = turning(OPEN, SILENT, 0.05)
    played = play(world, FLOWS, TIMING, barrier_at=0.05, last=dict.fromkeys(FLOWS, OPEN), slowest_s=1.5)

    assert played.over_at < 0.6
    assert len([round_ for round_ in played.rounds if round_.at >= 0.05]) == 3


def test_a_connection_that_was_cut_is_no_movement(play: Player) -> None:
    """It may be just late, on a machine that has other things to do."""
    world = but(FIRST, always(CUT), always(OPEN))
    played = play(world, FLOWS[:3], TIMING, barrier_at=0.05, last=dict.fromkeys(FLOWS[:3], OPEN), slowest_s=1.0)

    assert played.rounds[-1].at >= 1.0


def test_the_baseline_holds_for_the_window_only(play: Player) -> None:
    """There is no change whose effect could be late."""
    assert play(always(OPEN), FLOWS, TIMING, slowest_s=1.0).rounds[-1].at == pytest.approx(0.2)


def test_a_barrier_that_took_long_asks_for_a_longer_window(play: Player) -> None:
    """What a cluster does pod by pod it does slowly, too."""
    played = play(turning(OPEN, SILENT, 3.9), FLOWS, TIMING, barrier_at=4.0, last=dict.fromkeys(FLOWS, OPEN))

    assert played.rounds[-1].at - 4.0 == pytest.approx(1.0)


def test_flaps_add_to_a_long_hold_and_do_not_multiply_it(play: Player) -> None:
    """A slow cluster whose answers came late a few times is believed before the deadline."""

    def world(_flow: Flow, now: float) -> Outcome:
        return SILENT if now < 10.0 and int(now) % 2 else OPEN

    slow = Timing(rounds=3, window_s=0.4, deadline_s=30.0)
    played = play(world, FLOWS[:3], slow, barrier_at=8.1, last=dict.fromkeys(FLOWS[:3], OPEN))

    assert (played.unsettled(), played.settling.flaps() > 9) == (set(), True)
    assert played.settling.has_flapped(FIRST)


def test_a_round_is_left_alone_for_as_long_as_it_needs(play: Player) -> None:
    """Rounds that overlap slow each other down; while the cluster is at work they come more rarely still."""
    played = play(always(SILENT), FLOWS, TIMING, timeout_s=0.9, barrier_at=2.0, breath_s=0.4)
    starts = [round_.at for round_ in played.rounds]
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]

    assert min(gap for gap, start in zip(gaps, starts, strict=False) if start + gap < 2.0) >= 0.8
    assert min(gaps) >= 0.4


def test_cuts_before_the_barrier_ask_for_no_more_samples(play: Player) -> None:
    """While programs are swapped, connections break. The flaps are told, and the usual rounds are enough."""

    def cut(_flow: Flow, now: float) -> Outcome:
        return CUT if 0.3 < now < 0.6 else OPEN

    played = play(cut, FLOWS[:3], TIMING, barrier_at=1.0, last=dict.fromkeys(FLOWS[:3], OPEN))

    assert len([round_ for round_ in played.rounds if round_.at >= 1.0]) == 3
    assert (played.unsettled(), played.settling.flaps() > 0) == (set(), True)


def test_a_fault_is_no_change_but_is_tried_again(play: Player) -> None:
    """A flow is not settled by a fault, nor restarted by it."""
    played = play(but(FIRST, lambda _flow, now: FAULT if 0.15 < now < 0.5 else OPEN, always(OPEN)), FLOWS, TIMING)

    assert (played.outcomes()[FIRST], played.unsettled(), played.settling.flaps()) == (OPEN, set(), 0)


def test_a_fault_that_stays_is_the_outcome(play: Player) -> None:
    """Retried until the deadline, then reported, and never settled."""
    played = play(but(FIRST, always(FAULT), always(OPEN)), FLOWS, TIMING)

    assert (played.outcomes()[FIRST], played.unsettled()) == (FAULT, {FIRST})


def test_a_source_that_is_gone_is_not_waited_for(play: Player) -> None:
    """A channel that ended stays ended: the rest settles as if the flow were not there."""
    played = play(but(FIRST, always(FAULT), always(OPEN)), FLOWS, TIMING, gone=[FIRST])

    assert (len(played.rounds), played.unsettled(), played.outcomes()[FIRST]) == (3, {FIRST}, FAULT)


def test_silence_between_icmp_errors_is_no_change(play: Player) -> None:
    """Hosts limit their ICMP errors, so a refused flow is silent now and then; what was said counts."""
    played = play(turning(REFUSED, SILENT, 0.05), FLOWS, TIMING)

    assert (set(played.outcomes().values()), len(played.rounds), played.settling.flaps()) == ({REFUSED}, 3, 0)


def test_a_single_round_still_spans_the_window(play: Player) -> None:
    """One sample spans no time; the window asks for a second."""
    played = play(always(OPEN), FLOWS, Timing(rounds=1, window_s=0.2))

    assert [round_.at for round_ in played.rounds] == [0.0, 0.2]


def test_no_flows_are_settled_at_once() -> None:
    """An empty matrix has nothing to wait for."""
    assert Settling((), TIMING, 0.0).is_over


@pytest.mark.parametrize(
    ("last", "seen", "flaps"),
    [
        (None, [OPEN, OPEN, OPEN], 0),
        (None, [OPEN, SILENT, SILENT], 0),
        (None, [OPEN, SILENT, OPEN], 1),
        (OPEN, [SILENT, SILENT, SILENT], 0),
        (OPEN, [SILENT, OPEN, SILENT], 2),
        (OPEN, [OPEN, FAULT, SILENT], 0),
        (SILENT, [OPEN, SILENT, SILENT], 1),
        # A connection cut by the change is a part of it; cut between two answers, it is a change and one back.
        (OPEN, [CUT, SILENT, SILENT], 0),
        (SILENT, [CUT, OPEN, OPEN], 0),
        (OPEN, [CUT, OPEN, OPEN], 1),
        (OPEN, [OPEN, OPEN, CUT], 0),
        (OPEN, [SILENT, SILENT, CUT], 1),
        (None, [CUT, CUT, CUT], 0),
    ],
)
def test_flaps_are_the_changes_beyond_the_first(last: Outcome | None, seen: list[Outcome], flaps: int) -> None:
    """One change is what the step asked for; every further one is a flap."""
    settling = Settling([FIRST], Timing(rounds=3, window_s=0.2), 0.0, {FIRST: last} if last else None)
    for number, outcome in enumerate(seen):
        planned = settling.begin(number * 0.1)
        settling.record(planned.index, {FIRST: outcome})

    assert settling.flaps() == flaps


def test_answers_may_come_in_any_order() -> None:
    """Open flows answer before earlier, silent ones have timed out: the order of the rounds counts."""
    settling = Settling([FIRST], TIMING, 0.0)
    indexes = [settling.begin(at).index for at in (0.0, 0.1, 0.2)]
    for index, outcome in zip(reversed(indexes), [SILENT, SILENT, OPEN], strict=True):
        settling.record(index, {FIRST: outcome})

    assert (settling.is_over, settling.conclude(FIRST).outcome) == (False, SILENT)


def test_nothing_is_settled_while_answers_are_missing() -> None:
    """Two rounds of three that agree are not three."""
    settling = Settling([FIRST], TIMING, 0.0)
    first, second, _ = (settling.begin(at).index for at in (0.0, 0.1, 0.2))
    settling.record(first, {FIRST: OPEN})
    settling.record(second, {FIRST: OPEN})

    assert (settling.is_over, settling.conclude(FIRST).settled, settling.begin(0.3)) == (False, False, None)


ANSWERS = st.sampled_from([outcome for outcome in Outcome if outcome is not FAULT])


@given(one=ANSWERS, other=ANSWERS)
def test_agreement_is_mutual(one: Outcome, other: Outcome) -> None:
    """Whether two samples agree does not depend on which came first."""
    assert agree(one, other) == agree(other, one)


@given(first=ANSWERS, second=ANSWERS, changed_at=st.floats(0, 1.0), timeout_s=st.floats(0.01, 0.6))
def test_what_settles_is_what_stood_still(
    play: Player, first: Outcome, second: Outcome, changed_at: float, timeout_s: float
) -> None:
    """A settled flow shows in its last samples what the world was like then, for every world that changes once."""

    world = but(FIRST, turning(first, second, changed_at), always(first))
    played = play(world, [FIRST, SECOND], TIMING, timeout_s=timeout_s)
    samples = [world(FIRST, round_.at) for round_ in played.rounds if FIRST in round_.flows][-3:]

    merged = None
    for sample in samples:
        merged = agree(merged, sample)
    assert (played.unsettled(), played.outcomes()[FIRST]) == (set(), merged)
