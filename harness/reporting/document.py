"""The result document, version 1: the stable JSON contract of design section 7.

It holds a `RunResult` whole, so that shards can be merged and old runs reported on anew:
`reading.parse` is the way back. Left out are only the raw lines that crossed the wire.

Every key is always there; what is not known is null. Times are in seconds, to the
millisecond (an answer's latency to the microsecond), places are `file:line:column`. Other
people's scripts read this: a key may be added to version 1, and readers pass over keys
that they do not know; a key that goes, or that means something else, needs a new version.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from harness.model.flow import Flow
from harness.model.result import (
    ClusterFacts,
    Explanation,
    FlowResult,
    PolicyVerdict,
    RunResult,
    ScenarioResult,
    SideExplanation,
    StepResult,
    Verdict,
)

SCHEMA = "netpol-harness/result/v1"
_ENCODE = json.JSONEncoder(allow_nan=False).encode
_DEPTH = 6  # of a flow: below the run, scenarios, one of them, steps, one of them, flows


def render(result: RunResult) -> str:
    """Return the document as ASCII JSON, each flow on a line of its own, so that two runs can be compared by `diff`."""
    return _encoded(build(result), _DEPTH) + "\n"


def build(result: RunResult) -> dict[str, Any]:
    """Return the document as plain data; what comes from an enumeration is a `StrEnum`, equal to its text.

    A prediction, in which nothing was judged, has null for the count of each verdict.
    """
    return {
        "schema": SCHEMA,
        "run": result.run or None,
        "started": result.started or None,
        "duration_s": _seconds(result.duration_s),
        "error": result.error,
        "interrupted": result.interrupted,
        "commit": result.commit,
        "shard": str(result.shard) if result.shard else None,
        "cluster": _cluster(result.cluster),
        "summary": _summary(result),
        "scenarios": [_scenario(scenario) for scenario in result.scenarios],
    }


def _cluster(cluster: ClusterFacts | None) -> dict[str, Any]:
    return {
        "kind": cluster.kind if cluster else None,
        "emulated": cluster.emulated if cluster else None,
        "cni": cluster.cni if cluster else None,
        "cni_version": cluster.cni_version if cluster else None,
        "kubernetes": cluster.kubernetes if cluster else None,
        "families": [str(family) for family in cluster.families] if cluster else None,
        "notes": list(cluster.notes) if cluster else None,
    }


def _summary(result: RunResult) -> dict[str, int | None]:
    flows = [flow for scenario in result.scenarios for step in scenario.steps for flow in step.flows]
    counts = Counter(flow.judgement.verdict for flow in flows if flow.judgement)
    is_judged = bool(counts) or not flows
    return {
        "scenarios": len(result.scenarios),
        "steps": sum(len(scenario.steps) for scenario in result.scenarios),
        "flows": len(flows),
        **{str(verdict): counts[verdict] if is_judged else None for verdict in Verdict},
    }


def _scenario(scenario: ScenarioResult) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "file": scenario.file,
        "about": scenario.about,
        "tags": list(scenario.tags),
        "error": scenario.error,
        "duration_s": _seconds(scenario.duration_s),
        "steps": [_step(step) for step in scenario.steps],
    }


def _step(step: StepResult) -> dict[str, Any]:
    return {
        "name": step.name,
        "at": str(step.location),
        "settled": step.settled,
        "change_s": _seconds(step.change_s),
        "barrier_s": _seconds(step.barrier_s),
        "first_correct_s": _seconds(step.first_correct_s),
        "settle_s": _seconds(step.settle_s),
        "rounds": step.rounds,
        "flaps": step.flaps,
        "duration_s": _seconds(step.duration_s),
        "expected_prediction": step.expected_prediction,
        "diagnostics": step.diagnostics,
        "start_leaks": None if step.start_leaks is None else [_ends(flow) for flow in step.start_leaks],
        "flows": [_flow(flow) for flow in step.flows],
    }


def _ends(flow: Flow) -> dict[str, Any]:
    return {
        "from": flow.source,
        "to": flow.destination,
        "port": flow.port,
        "protocol": flow.protocol,
        "via": flow.via,
        "family": flow.family,
    }


def _flow(result: FlowResult) -> dict[str, Any]:
    declared, observed, judgement = result.declared, result.observed, result.judgement
    return {
        **_ends(result.flow),
        "declared": declared.expected if declared else None,
        "declared_at": str(declared.location) if declared else None,
        "predicted": result.predicted.decision,
        "predicted_reason": result.predicted.reason,
        "observed": observed.outcome if observed else None,
        "arrived": observed.arrived if observed else None,
        "baseline": result.baseline,
        "verdict": judgement.verdict if judgement else None,
        "why": judgement.why if judgement else None,
        # True: `expect: predicted`, so that no author declared this one.
        "declared_as_predicted": declared.predicted if declared else None,
        "because": declared.because if declared else None,
        "answered_by": observed.answered_by if observed else None,
        "latency_s": _seconds(observed.elapsed_s, 6) if observed else None,
        "detail": observed.detail or None if observed else None,
        "alive": observed.alive if observed else None,
        "also_open_from": observed.also_open_from if observed else None,
        "settled": observed.settled if observed else None,
        "command": result.command,
        "explanation": _explanation(result.explanation) if result.explanation else None,
    }


def _explanation(explanation: Explanation) -> dict[str, Any]:
    """Return why a flow is predicted so; that it is about the flow that holds it goes without saying."""
    return {
        "predicted": explanation.prediction.decision,
        "predicted_reason": explanation.prediction.reason,
        "why": explanation.why,
        "sides": [_side(side) for side in explanation.sides],
    }


def _side(side: SideExplanation) -> dict[str, Any]:
    return {
        "direction": side.direction,
        "pod": side.pod,
        "predicted": side.prediction.decision,
        "predicted_reason": side.prediction.reason,
        "why": side.why,
        "policies": [_policy(policy) for policy in side.policies],
    }


def _policy(policy: PolicyVerdict) -> dict[str, Any]:
    """Return how one policy sees a flow; rules and peers count from 0, as they do in the API's own errors."""
    return {
        "policy": policy.policy,
        "at": str(policy.location) if policy.location else None,
        "rule": policy.rule,
        "peer": policy.peer,
        "decision": policy.decision,
        "reason": policy.reason,
        "misses": list(policy.misses),
    }


def _seconds(value: float | None, digits: int = 3) -> float | None:
    """Round a time; JSON has no infinity."""
    return None if value is None or not isfinite(value) else round(value, digits)


def _encoded(value: Any, depth: int, indent: str = "") -> str:
    """Encode as JSON with a line for each container that holds no other, or that is `depth` deep."""
    members: Iterable[Any] = value.values() if isinstance(value, Mapping) else value
    if not depth or not isinstance(value, (Mapping, list)) or not _is_nested(members):
        # ASCII, because the text of a pod may hold surrogates that no encoding takes.
        return _ENCODE(value)
    inner = indent + " "
    if isinstance(value, Mapping):
        lines = [f"{inner}{json.dumps(key)}: {_encoded(member, depth - 1, inner)}" for key, member in value.items()]
    else:
        lines = [inner + (_encoded(member, depth - 1, inner) if depth > 1 else _ENCODE(member)) for member in value]
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    return f"{opening}\n" + ",\n".join(lines) + f"\n{indent}{closing}"


def _is_nested(members: Iterable[Any]) -> bool:
    return any(isinstance(member, (Mapping, list)) for member in members)
