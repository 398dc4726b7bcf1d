"""Runs as large as anybody has, made up in a moment: for the HTML page, its tests and its benchmark."""

from __future__ import annotations

from collections.abc import Iterator

from harness.errors import SourceLocation
from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.result import (
    ClusterFacts,
    Decision,
    FlowResult,
    Judgement,
    Observation,
    Outcome,
    Prediction,
    RunResult,
    ScenarioResult,
    StepResult,
    Verdict,
)
from harness.model.scenario import Declaration, Expected

_ALLOW, _DENY = Prediction(Decision.ALLOW), Prediction(Decision.DENY)
_TAGS = ("segmentation", "egress", "ports", "dns", "upgrade")


def large_run(*, scenarios: int, pods: int, steps: int = 1) -> RunResult:
    """Build a run of `scenarios * steps * pods * pods` flows, of which about one in a hundred is wrong."""
    cluster = ClusterFacts("kind", emulated=False, cni="calico", cni_version="v3.32.2", kubernetes="v1.36.1")
    made = tuple(_scenario(number, pods, steps) for number in range(scenarios))
    return RunResult("a1b2c3", "2026-11-23T03:10:00Z", 812.5, cluster, made, commit="0123abc")


def _scenario(number: int, pods: int, steps: int) -> ScenarioResult:
    file = f"scenarios/large/case-{number}.scenario.yaml"
    played = tuple(_step(file, number, position, pods) for position in range(steps))
    tags = (_TAGS[number % len(_TAGS)], _TAGS[(number * 3 + 1) % len(_TAGS)])
    return ScenarioResult(f"case-{number}", file, "Only even pods reach odd ones.", tags, played, duration_s=3.25)


def _step(file: str, number: int, position: int, pods: int) -> StepResult:
    slow = (number * 7 + position * 3) % 23 / 10
    return StepResult(
        f"step {position}",
        tuple(_flows(file, number, pods)),
        SourceLocation(file, 20 + 9 * position, 3),
        settled=(number + position) % 41 != 40,
        barrier_s=0.2 + slow / 2,
        first_correct_s=0.25 + slow,
        settle_s=0.9 + slow,
        rounds=5,
        flaps=3 if number % 17 == 16 else 0,
        duration_s=2.5 + slow,
    )


def _flows(file: str, number: int, pods: int) -> Iterator[FlowResult]:
    names = [Endpoint(f"{'abcde'[index * 5 // pods]}-team/app-{index}") for index in range(pods)]
    allow = Declaration(Expected.ALLOW, SourceLocation(file, 24, 7))
    deny = Declaration(Expected.DENY, SourceLocation(file, 25, 7))
    for row, source in enumerate(names):
        for column, destination in enumerate(names):
            flow = Flow(source, destination, 8080, L4Protocol.TCP, Via.POD, Family.IPV4)
            is_wrong = (row * 31 + column * 17 + number * 5) % 97 == 0 and number % 2 == 0
            yield _judged(flow, deny if (row + column) % 3 else allow, (row * pods + column) % 400, is_wrong=is_wrong)


def _judged(flow: Flow, declared: Declaration, tick: int, *, is_wrong: bool) -> FlowResult:
    is_allowed = declared.expected is Expected.ALLOW
    if is_allowed is not is_wrong:
        seen = Observation(Outcome.OPEN, arrived=True, answered_by=flow.destination, elapsed_s=0.001 + tick / 1e5)
        why = f"open: {flow.destination} sent the nonce back"
    else:
        seen = Observation(Outcome.NO_ANSWER, arrived=False, alive=True, elapsed_s=0.4 + tick / 1e5)
        why = "the client saw no answer, not in the destination's log, open in the baseline"
    verdict = (Verdict.OUTAGE if is_allowed else Verdict.LEAK) if is_wrong else Verdict.MATCH
    predicted = _ALLOW if is_allowed else _DENY
    return FlowResult(flow, declared, predicted, seen, Outcome.OPEN, Judgement(verdict, why))
