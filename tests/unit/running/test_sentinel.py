"""The sentinel on a cluster in memory: a barrier is passed by its own turn and by nothing older."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from harness.model.scenario import ObjectRef
from harness.runner.sentinel import Sentinel
from harness.runner.settings import RunSettings
from tests.fake import QUICK, FakeCluster, obedient


class LateCluster(FakeCluster):
    """Enforces what it had taken in when it was `stuck`, until it catches up."""

    def __init__(self) -> None:
        super().__init__(self._late)
        self._taken_in: Mapping[ObjectRef, Mapping[str, Any]] | None = None

    def stuck(self) -> None:
        self._taken_in = dict(self.objects)

    def catch_up(self) -> None:
        self._taken_in = None

    def _late(self, cluster: FakeCluster, *probe: Any) -> str:
        enforcing = copy.copy(cluster)
        if self._taken_in is not None:
            enforcing.objects = dict(self._taken_in)
        return obedient(enforcing, *probe)


@pytest.fixture
def late() -> LateCluster:
    """A cluster that can fall behind."""
    return LateCluster()


@pytest.fixture
def sentinel(late: LateCluster) -> Iterator[Sentinel]:
    """A sentinel that has proved the cluster."""
    opened = Sentinel(late, RunSettings("t1"), 0, lanes=2)
    opened.bring_up()
    yield opened
    opened.close()


@pytest.mark.parametrize("lane", [0, 1])
def test_each_turn_is_passed_where_policies_are_taken_in(sentinel: Sentinel, lane: int) -> None:
    """Turn after turn, in every lane."""
    assert all(sentinel.turnstiles[lane].turn().join() is not None for _ in range(5))


def test_a_barrier_of_two_turns_takes_two_policies(late: LateCluster) -> None:
    """A cluster that works on many pods at once may take the sentinel's first policy in before the step's own."""
    late.timing = replace(QUICK, turns=2)
    opened = Sentinel(late, RunSettings("t1"), 0)
    opened.bring_up()
    before = len(late.applied)
    passed = opened.turnstiles[0].turn().join()
    ports = [item["spec"]["ingress"][0]["ports"][0]["port"] for item in late.applied[before:]]
    opened.close()

    assert passed is not None
    assert len(set(ports)) == 2


def test_no_turn_is_passed_by_what_was_in_force_before_the_cluster_was_stuck(
    late: LateCluster, sentinel: Sentinel
) -> None:
    """The port that a turn opens may still be open from before: that says nothing of this turn."""
    turnstile = sentinel.turnstiles[0]
    turnstile.turn().join()
    late.stuck()

    assert [turnstile.turn().join() for _ in range(4)] == [None] * 4


def test_the_barrier_is_one_again_once_the_cluster_has_caught_up(late: LateCluster, sentinel: Sentinel) -> None:
    """A turn after a missed one first sees that one taken in, and then its own."""
    turnstile = sentinel.turnstiles[0]
    late.stuck()
    missed = turnstile.turn().join()
    late.catch_up()
    caught_up = turnstile.turn().join()
    late.stuck()

    assert (missed, turnstile.turn().join()) == (None, None)
    assert caught_up is not None


def test_a_turn_that_nobody_waited_for_counts_as_missed(late: LateCluster, sentinel: Sentinel) -> None:
    """A step that was given up leaves its barrier behind, and nobody knows what is in force."""
    turnstile = sentinel.turnstiles[0]
    late.stuck()
    turnstile.turn()

    assert turnstile.turn().join() is None


def test_one_lane_that_missed_does_not_hold_up_another(late: LateCluster, sentinel: Sentinel) -> None:
    """Each has its own policy and ports."""
    late.stuck()
    missed = sentinel.turnstiles[0].turn().join()
    late.catch_up()

    assert missed is None
    assert sentinel.turnstiles[1].turn().join() is not None
