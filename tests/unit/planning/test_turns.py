"""Turns: lanes that want one address outside are kept apart, and nobody waits who need not."""

from __future__ import annotations

from harness.errors import SourceLocation
from harness.model.flow import Family
from harness.model.scenario import Scenario, Step
from harness.model.topology import External, Namespace, ProbeSettings, Topology
from harness.plan import Lane, are_in_each_others_way
from harness.runner.turns import Turns

PLACE = SourceLocation("x.scenario.yaml", 1, 1)


def lane(number: int, **externals: str) -> Lane:
    """Build a lane with externals by name and address."""
    there = [External(name, {Family.IPV4: address}) for name, address in externals.items()]
    return Lane(number, Topology({"x": Namespace("x")}, externals={item.endpoint: item for item in there}), ())


def order(turns: Turns) -> list[int]:
    """Take all lanes and return their numbers."""
    taken = []
    while (found := turns.take()) is not None:
        taken.append(found.number)
    return taken


def test_lanes_are_in_each_others_way_by_address_unless_they_agree() -> None:
    """One host may serve both; two at one address cannot be."""
    office, customer = lane(1, office="203.0.113.10"), lane(2, customer="203.0.113.10")
    same, elsewhere = lane(3, office="203.0.113.10"), lane(4, office="203.0.113.11")

    assert are_in_each_others_way(office, customer)
    assert not are_in_each_others_way(office, same)
    assert not are_in_each_others_way(office, elsewhere)
    assert not are_in_each_others_way(office, lane(5))


def test_an_external_of_a_later_step_counts_too() -> None:
    """It is wanted as soon as the lane gets there."""
    later = lane(1, office="203.0.113.10").topology
    step = Step("s", PLACE, later, (), (), (), (), (), 0.0, later, (), (), None)
    scenario = Scenario("one", "about", (), "one.yaml", PLACE, Topology(), ProbeSettings(), (step,))

    assert are_in_each_others_way(Lane(1, Topology(), (scenario,)), lane(2, customer="203.0.113.10"))


def test_a_lane_in_nobodys_way_goes_before_one_that_would_wait() -> None:
    """While the office is up, the customer at its address comes last, though it was planned second."""
    lanes = [lane(1, office="203.0.113.10"), lane(2, customer="203.0.113.10"), lane(3), lane(4, cafe="203.0.113.20")]

    assert order(Turns(lanes, share_addresses=True)) == [1, 4, 3, 2]


def test_an_address_that_is_free_again_is_nobodys_way() -> None:
    """What was given back counts no more: the queue for an address goes before lanes that need none."""
    turns = Turns([lane(1, office="203.0.113.10"), lane(2), lane(3, customer="203.0.113.10")], share_addresses=True)
    first = turns.take()
    assert first is not None
    turns.give_back(first)

    assert order(turns) == [3, 2]


def test_where_each_has_a_network_of_its_own_the_plan_holds() -> None:
    """Private clusters meet nobody."""
    lanes = [lane(1), lane(2, office="203.0.113.10"), lane(3, customer="203.0.113.10")]

    assert order(Turns(lanes, share_addresses=False)) == [1, 2, 3]
    assert len(Turns(lanes, share_addresses=False)) == 3
