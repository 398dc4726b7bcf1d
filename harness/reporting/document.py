"""The result document, version 1: the stable JSON contract of design section 7.

Exactly its keys, in its order, every one of them always there; what is not known is
null. Times are in seconds, to the millisecond. Other people's scripts read this: a new
key needs a new version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from harness.model.result import FlowResult, RunResult, ScenarioResult, StepResult, Verdict

SCHEMA = "netpol-harness/result/v1"
_ENCODE = json.JSONEncoder(allow_nan=False).encode


def render(result: RunResult) -> str:
    """Return the document as ASCII JSON, each flow on a line of its own, so that two runs can be compared by `diff`."""
    return _encoded(build(result), "") + "\n"


def build(result: RunResult) -> dict[str, Any]:
    """Return the document as plain data.

    A prediction, in which nothing was judged, has null for the count of each verdict.
    """
    cluster = result.cluster
    return {
        "schema": SCHEMA,
        "run": result.run or None,
        "started": result.started or None,
        "duration_s": _seconds(result.duration_s),
        "cluster": {
            "kind": cluster.kind if cluster else None,
            "emulated": cluster.emulated if cluster else None,
            "cni": cluster.cni if cluster else None,
            "kubernetes": cluster.kubernetes if cluster else None,
        },
        "summary": _summary(result),
        "scenarios": [_scenario(scenario) for scenario in result.scenarios],
    }


def _summary(result: RunResult) -> dict[str, int | None]:
    flows = [flow for scenario in result.scenarios for step in scenario.steps for flow in step.flows]
    verdicts = [flow.judgement.verdict for flow in flows if flow.judgement]
    is_judged = bool(verdicts) or not flows
    return {
        "scenarios": len(result.scenarios),
        "steps": sum(len(scenario.steps) for scenario in result.scenarios),
        "flows": len(flows),
        **{str(verdict): verdicts.count(verdict) if is_judged else None for verdict in Verdict},
    }


def _scenario(scenario: ScenarioResult) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "file": scenario.file,
        "steps": [_step(step) for step in scenario.steps],
    }


def _step(step: StepResult) -> dict[str, Any]:
    return {
        "name": step.name,
        "settled": step.settled,
        "barrier_s": _seconds(step.barrier_s),
        "first_correct_s": _seconds(step.first_correct_s),
        "settle_s": _seconds(step.settle_s),
        "rounds": step.rounds,
        "flaps": step.flaps,
        "flows": [_flow(flow) for flow in step.flows],
    }


def _flow(result: FlowResult) -> dict[str, Any]:
    flow, declared, observed, judgement = result.flow, result.declared, result.observed, result.judgement
    return {
        "from": flow.source,
        "to": flow.destination,
        "port": flow.port,
        "protocol": str(flow.protocol),
        "via": str(flow.via),
        "family": str(flow.family),
        "declared": str(declared.expected) if declared else None,
        "declared_at": str(declared.location) if declared else None,
        "predicted": str(result.predicted.decision),
        "predicted_reason": result.predicted.reason,
        "observed": str(observed.outcome) if observed else None,
        "arrived": observed.arrived if observed else None,
        "baseline": str(result.baseline) if result.baseline else None,
        "verdict": str(judgement.verdict) if judgement else None,
        "why": judgement.why if judgement else None,
    }


def _seconds(value: float | None) -> float | None:
    """Round to the millisecond; JSON has no infinity."""
    return None if value is None or not isfinite(value) else round(value, 3)


def _encoded(value: Any, indent: str) -> str:
    """Encode as JSON with a line for each container that holds no other."""
    members = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(members, list) or not any(isinstance(member, (Mapping, list)) for member in members):
        # ASCII, because the text of a pod may hold surrogates that no encoding takes.
        return _ENCODE(value)
    inner = indent + " "
    keys = [f"{json.dumps(key)}: " for key in value] if isinstance(value, Mapping) else [""] * len(members)
    lines = [inner + key + _encoded(member, inner) for key, member in zip(keys, members, strict=True)]
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    return f"{opening}\n" + ",\n".join(lines) + f"\n{indent}{closing}"
