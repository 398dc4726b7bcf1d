"""What holds of every profile in every world."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.flow import Via
from harness.model.result import Decision
from harness.profiles.load import find, known_profiles
from harness.profiles.profile import NO_PROFILE, Profile
from harness.profiles.readings import PLAIN
from harness.profiles.world import World
from harness.semantics.evaluate import predict
from tests import builders as build
from tests.unit.predicting.strategies import World as Drawn
from tests.unit.predicting.strategies import worlds

PROFILES = tuple(profile for cni in known_profiles() if (profile := find(cni)))
VERSIONS = (None, "v1.14.2", "1.20.2", "v3.32.2", "v20251212-20ccfc88", "v20260820-69b56db7")


@given(worlds(), st.sampled_from(PROFILES), st.sampled_from(VERSIONS))
def test_only_what_differs_is_foretold(world: Drawn, profile: Profile, version: str | None) -> None:
    """A profile foretells allow or deny, never what the published semantics say already, and no flow to itself."""
    found = profile.at(version).foretell(world.topology, world.policies, world.flows)
    published = predict(world.topology, world.policies, found)

    assert {flow for flow, told in found.items() if told.decision is published[flow].decision} == set()
    assert {told.decision for told in found.values()} <= {Decision.ALLOW, Decision.DENY}
    assert not any(flow.is_to_itself for flow in found)


@given(worlds(), st.sampled_from(PROFILES), st.sampled_from(VERSIONS))
def test_every_foretelling_names_who_says_so(world: Drawn, profile: Profile, version: str | None) -> None:
    """KNOWN without a name, a reason and a link would be an excuse."""
    found = profile.at(version).foretell(world.topology, world.policies, world.flows)
    names = tuple(f"{each.name}: " for each in profile.deviations)

    assert all(told.listed.startswith(names) and "https://" in told.listed for told in found.values())


@given(worlds(), st.sampled_from(PROFILES))
def test_without_policies_nothing_is_foretold(world: Drawn, profile: Profile) -> None:
    """A CNI deviates in how it reads policies; where there are none, only what a pod's own labels cut is closed."""
    foretold = profile.at("1.20.2").foretell(world.topology, (), world.flows)

    assert all(item.without_policies and "init" in item.listed for item in foretold.values())


@given(worlds())
def test_no_profile_foretells_nothing(world: Drawn) -> None:
    """Where no CNI is known, every flow is judged by the published semantics alone."""
    assert NO_PROFILE.foretell(world.topology, world.policies, world.flows) == {}


@settings(max_examples=30)
@given(worlds(), st.sampled_from(PROFILES))
def test_the_order_of_policies_is_irrelevant(world: Drawn, profile: Profile) -> None:
    """What is foretold of a set of policies depends on no order, as what is predicted does not."""
    active = profile.at("1.20.2")
    told = [active.foretell(world.topology, each, world.flows) for each in permutations(world.policies)]

    assert all(each == told[0] for each in told)


@given(worlds(), st.sampled_from(sorted(PLAIN)))
def test_a_reading_leaves_the_flows_of_a_world_askable(world: Drawn, name: str) -> None:
    """Whatever a reading makes of a world, the predictor still knows both ends of every flow that it concerns."""
    reading = PLAIN[name]()
    given_world = World(world.topology, world.policies)
    concerned = [flow for flow in world.flows if reading.matters(given_world) and reading.concerns(given_world, flow)]
    topology, policies = reading.reread(given_world)

    assert len(predict(topology, policies, concerned)) == len(concerned)


def test_a_pod_without_endpoints_behind_a_service_concerns_no_reading() -> None:
    """A Service that nobody answers for has no ends to be taken otherwise."""
    topology = build.topology(services=[build.service(selector={"app": "nobody"})])
    policies = (build.policy(),)
    flow = build.flow(destination="shop/web", port=80, via=Via.SERVICE)
    world = World(topology, policies)

    readings = {name: make() for name, make in PLAIN.items()}
    concerned = {name for name, each in readings.items() if each.matters(world) and each.concerns(world, flow)}
    assert concerned == set()
