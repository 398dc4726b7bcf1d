"""Predictor and data plane are two implementations of the semantics, written apart: here they check each other."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import HealthCheck, given, note, settings

from harness.cluster.interface import Cluster
from harness.cluster.local.provider import LocalProvider
from harness.model.flow import Family, Flow, Via
from harness.model.policy import NetworkPolicy
from harness.model.result import CLOSED, Decision, Outcome
from harness.model.topology import ProbeSettings
from harness.runner.settings import RunSettings
from harness.runner.stage import Stage
from harness.scenario.policies import decode_policy
from harness.scenario.rename import Renaming, renamed
from harness.semantics.evaluate import predict
from tests.live.worlds import World, as_scenario, worlds

pytestmark = [pytest.mark.netns, pytest.mark.slow]

EXAMPLES = 300
PROBES = ProbeSettings(via=(Via.POD, Via.SERVICE), families=(Family.IPV4, Family.IPV6))
QUICK_S, PATIENT_S = 0.1, 1.0
_SERIAL = itertools.count()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Keep one cluster for all examples; each has namespaces of its own."""
    with LocalProvider(run="agreement").open() as opened:
        yield opened


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    """Count what was compared, so that a test that compares nothing fails."""
    counts: Counter[str] = Counter()
    yield counts
    compared = counts["allow"] + counts["deny"]

    assert counts["examples"] >= EXAMPLES
    assert min(counts["allow"], counts["deny"]) > compared * 0.1
    assert compared > counts["unspecified"]


def typed(world: World) -> list[NetworkPolicy]:
    """Decode the policies as the predictor reads them."""

    def report(path: tuple[str | int, ...], fault: str, _: str | None) -> None:
        pytest.fail(f"the generator made a policy that the API would reject: {path}: {fault}")

    decoded = [decode_policy(item, item["metadata"]["namespace"], report, None) for item in world.policies]
    return [policy for policy in decoded if policy is not None]


def look(stage: Stage, flows: list[Flow], timeout_s: float) -> dict[Flow, Outcome]:
    """Try every flow once, but for Services with a backend that does not listen: it refuses whatever is allowed."""
    found, impossible = stage.targets(flows)

    assert impossible == {}

    targets = {flow: target for flow, target in found.items() if len(target.alive_by) == len(target.names)}
    outcomes = stage.prober().round(targets, lambda _: timeout_s).result()
    return {flow: item.outcome for flow, item in outcomes.items()}


def disagreements(seen: Mapping[Flow, Outcome], expected: Mapping[Flow, Decision]) -> dict[str, str]:
    """Return the flows whose outcome is not what was predicted."""
    return {
        str(flow): f"predicted {expected[flow]}, observed {outcome}"
        for flow, outcome in seen.items()
        if (expected[flow] is Decision.ALLOW) != (outcome is Outcome.OPEN)
        or (expected[flow] is Decision.DENY and outcome not in CLOSED)
    }


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(world=worlds())
def test_the_data_plane_does_what_the_predictor_says(cluster: Cluster, tally: Counter[str], world: World) -> None:
    """On random topologies and policies every flow that the semantics decide is observed as predicted."""
    note(as_scenario(world))
    predicted = predict(world.topology, typed(world), world.topology.flows(PROBES))
    decided = {flow: item.decision for flow, item in predicted.items() if item.decision is not Decision.UNSPECIFIED}
    renaming = Renaming.build(world.topology.namespaces, f"t{next(_SERIAL)}-")
    stage = Stage(cluster, RunSettings("agreement"), renaming)
    try:
        stage.add(world.topology)
        cluster.apply([renamed(item, renaming) for item in world.policies])
        wrong = disagreements(look(stage, list(decided), QUICK_S), decided)
        if wrong:
            # A busy machine answers late: what counts is what remains with patience.
            again = [flow for flow in decided if str(flow) in wrong]
            wrong = disagreements(look(stage, again, PATIENT_S), decided)
    finally:
        stage.close()
    tally.update(str(item.decision) for item in predicted.values())
    tally["examples"] += 1

    assert wrong == {}
