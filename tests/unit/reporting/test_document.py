"""The result document, version 1."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given

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
from harness.reporting import document
from tests.builders import location
from tests.unit.reporting.strategies import FEW, runs

FLOW = Flow(Endpoint("guest/visitor"), Endpoint("shop/db"), 5432, L4Protocol.TCP, Via.POD, Family.IPV4)
DENY = Prediction(Decision.DENY)


def _run(result: FlowResult, *, cluster: ClusterFacts | None, run: str, settled: bool | None) -> RunResult:
    times = (0.01, 0.02, 0.31, 4, 0) if settled else (None,) * 5
    step = StepResult("segmented", (result,), location(), settled, *times)
    scenario = ScenarioResult("three-tier-shop", "three.scenario.yaml", "About it.", ("tag",), (step,))
    started = "2026-11-23T10:00:00Z" if run else ""
    return RunResult(run, started, 1.23456 if run else None, cluster, (scenario,))


# Design section 7, and the keys that were added to version 1 since.
DOCUMENT: dict[str, Any] = {
    "schema": "netpol-harness/result/v1",
    "run": "7c3f1a",
    "started": "2026-11-23T10:00:00Z",
    "duration_s": 1.235,
    "error": None,
    "interrupted": False,
    "commit": None,
    "shard": None,
    "cluster": {
        "kind": "local",
        "emulated": True,
        "cni": None,
        "cni_version": None,
        "kubernetes": None,
        "families": [],
        "notes": [],
    },
    "summary": {
        "scenarios": 1,
        "steps": 1,
        "flows": 1,
        "MATCH": 1,
        "LEAK": 0,
        "OUTAGE": 0,
        "INCONCLUSIVE": 0,
        "IGNORED": 0,
        "KNOWN": 0,
    },
    "scenarios": [
        {
            "name": "three-tier-shop",
            "file": "three.scenario.yaml",
            "about": "About it.",
            "tags": ["tag"],
            "error": None,
            "duration_s": None,
            "steps": [
                {
                    "name": "segmented",
                    "at": "shop.scenario.yaml:1:1",
                    "settled": True,
                    "change_s": None,
                    "barrier_s": 0.01,
                    "first_correct_s": 0.02,
                    "settle_s": 0.31,
                    "rounds": 4,
                    "flaps": 0,
                    "duration_s": None,
                    "expected_prediction": False,
                    "diagnostics": None,
                    "start_leaks": None,
                    "flows": [
                        {
                            "from": "guest/visitor",
                            "to": "shop/db",
                            "port": 5432,
                            "protocol": "TCP",
                            "via": "pod",
                            "family": "IPv4",
                            "declared": "deny",
                            "declared_at": "shop.scenario.yaml:27:5",
                            "predicted": "deny",
                            "predicted_reason": None,
                            "observed": "no-answer",
                            "arrived": False,
                            "baseline": "open",
                            "verdict": "MATCH",
                            "why": "proved",
                            "declared_as_predicted": False,
                            "because": None,
                            "answered_by": None,
                            "latency_s": 0.000312,
                            "detail": None,
                            "alive": None,
                            "also_open_from": None,
                            "settled": True,
                            "command": None,
                            "explanation": None,
                        }
                    ],
                }
            ],
        }
    ],
}


def _keys(value: Any) -> Any:
    """Return the keys of a document in their order, all the way down, without the values."""
    if isinstance(value, dict):
        return [(key, _keys(member)) for key, member in value.items()]
    return (
        ([_keys(member) for member in value if isinstance(member, dict)] or None) if isinstance(value, list) else None
    )


def test_the_document_is_that_of_the_design() -> None:
    """The same keys in the same order, times in seconds, the place of the rule as file:line:column."""
    result = FlowResult(
        FLOW,
        Declaration(Expected.DENY, location(line=27, column=5)),
        DENY,
        Observation(Outcome.NO_ANSWER, arrived=False, elapsed_s=0.0003124),
        Outcome.OPEN,
        Judgement(Verdict.MATCH, "proved"),
    )
    actual = document.build(_run(result, cluster=ClusterFacts("local", emulated=True), run="7c3f1a", settled=True))

    assert (actual, _keys(actual)) == (DOCUMENT, _keys(DOCUMENT))


def test_a_prediction_has_every_key_and_null_for_what_only_a_run_knows() -> None:
    """`predict --json` prints the same document."""
    actual = document.build(_run(FlowResult(FLOW, None, DENY), cluster=None, run="", settled=None))
    (step,) = actual["scenarios"][0]["steps"]
    known = {key: value for key, value in step["flows"][0].items() if value is not None}

    assert (_keys(actual), actual["run"], actual["cluster"]["kind"], actual["summary"]["MATCH"], known) == (
        _keys(DOCUMENT),
        None,
        None,
        None,
        {
            "from": "guest/visitor",
            "to": "shop/db",
            "port": 5432,
            "protocol": "TCP",
            "via": "pod",
            "family": "IPv4",
            "predicted": "deny",
        },
    )


def test_an_unspecified_prediction_carries_its_reason() -> None:
    """The reason code has a key of its own."""
    result = FlowResult(FLOW, None, Prediction(Decision.UNSPECIFIED, "hairpin"))
    flow = document.build(_run(result, cluster=None, run="", settled=None))["scenarios"][0]["steps"][0]["flows"][0]

    assert (flow["predicted"], flow["predicted_reason"]) == ("unspecified", "hairpin")


def test_a_scenario_that_died_says_why_and_has_no_steps() -> None:
    """A set-up that failed is there with its error; a run without flows counts zeros."""
    result = RunResult("id", "", 1.0, None, (ScenarioResult("a", "a.yaml", "", (), (), "no room"),))
    actual = document.build(result)
    (scenario,) = actual["scenarios"]

    assert (scenario["error"], scenario["steps"], actual["summary"]["MATCH"]) == ("no room", [], 0)


@FEW
@given(runs())
def test_the_text_is_the_document(result: RunResult) -> None:
    """Whatever is in a run, the text is ASCII JSON that reads back as what was built."""
    text = document.render(result)

    assert (text.isascii(), json.loads(text)) == (True, document.build(result))


def test_a_flow_is_a_line() -> None:
    """Two documents can be compared line by line."""
    text = document.render(_run(FlowResult(FLOW, None, DENY), cluster=None, run="", settled=None))

    assert sum(line.lstrip().startswith('{"from": "guest/visitor"') for line in text.splitlines()) == 1


def test_what_json_cannot_say_is_null() -> None:
    """JSON has no infinity and no NaN."""
    result = RunResult("id", "", float("inf"), None, ())

    assert document.build(result)["duration_s"] is None
