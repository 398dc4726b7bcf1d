"""Reads a result document back: the inverse of `document`.

Total: whatever the text is, the answer is a `RunResult` or a `UsageError` that says where
in the document something is wrong and what was expected there. Documents of the first
releases lack the keys that came later; these read as not known. Unknown keys are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from harness.errors import SourceLocation, UsageError
from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.policy import Direction
from harness.model.result import (
    ClusterFacts,
    Decision,
    Explanation,
    FlowResult,
    Judgement,
    Observation,
    Outcome,
    PolicyVerdict,
    Prediction,
    RunResult,
    ScenarioResult,
    Shard,
    SideExplanation,
    StepResult,
    Verdict,
)
from harness.model.scenario import Declaration, Expected
from harness.reporting.document import SCHEMA
from harness.reporting.fields import (
    Readers,
    WrongError,
    choice,
    expected,
    flag,
    integer,
    location,
    many,
    number,
    record,
    text,
)

_REMEDY = "give a file that `--json` wrote: netpol-harness run scenarios/ --json result.json"


def parse(document: str, name: str = "result document") -> RunResult:
    """Return the run that a document tells of; `name` says in errors which document it is.

    What the document does not hold is None: the raw request and reply of each probe.
    """
    try:
        return _run(_loaded(document))
    except WrongError as error:
        where = f"{name}: {error.place}" if error.path else name
        raise UsageError(error.fault, where=where, remedy=_REMEDY) from None


def _loaded(document: str) -> Any:
    try:
        return json.loads(document, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise WrongError(f"no JSON: {error.msg}", f"line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise WrongError(f"no result document: {error}") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


@lru_cache(maxsize=64)
def _prediction(decision: Decision, reason: str | None) -> Prediction:
    return Prediction(decision, reason)


def _policy(
    *,
    policy: str,
    at: SourceLocation | None,
    rule: int | None,
    peer: int | None,
    decision: Decision,
    reason: str | None,
    misses: tuple[str, ...],
) -> PolicyVerdict:
    return PolicyVerdict(policy, at, rule, peer, decision, reason, misses)


def _side(
    *,
    direction: Direction,
    pod: str,
    predicted: Decision,
    predicted_reason: str | None,
    why: str,
    policies: tuple[PolicyVerdict, ...],
) -> SideExplanation:
    return SideExplanation(direction, Endpoint(pod), _prediction(predicted, predicted_reason), why, policies)


def _ends(*, from_: str, to: str, port: int, protocol: L4Protocol, via: Via, family: Family) -> Flow:
    return Flow(Endpoint(from_), Endpoint(to), port, protocol, via, family)


def _flow(
    *,
    declared: Expected | None,
    declared_at: SourceLocation | None,
    declared_as_predicted: bool | None,
    because: str | None,
    predicted: Decision,
    predicted_reason: str | None,
    observed: Outcome | None,
    detail: str | None,
    arrived: bool | None,
    alive: bool | None,
    also_open_from: str | None,
    answered_by: str | None,
    latency_s: float | None,
    settled: bool | None,
    baseline: Outcome | None,
    verdict: Verdict | None,
    why: str | None,
    command: str | None,
    explanation: Mapping[str, Any] | None,
    **ends: Any,
) -> FlowResult:
    """Put a flow together; of a declaration or a verdict the place or the reason may be missing, not the thing."""
    flow = _ends(**ends)
    return FlowResult(
        flow,
        Declaration(declared, declared_at or _NOWHERE, because, bool(declared_as_predicted)) if declared else None,
        _prediction(predicted, predicted_reason),
        Observation(
            observed,
            detail or "",
            arrived,
            alive,
            None if also_open_from is None else Endpoint(also_open_from),
            answered_by,
            latency_s,
            settled is not False,
        )
        if observed
        else None,
        baseline,
        Judgement(verdict, why or "") if verdict else None,
        _explanation(flow, **explanation) if explanation else None,
        command,
    )


def _explanation(
    flow: Flow, *, predicted: Decision, predicted_reason: str | None, why: str, sides: tuple[SideExplanation, ...]
) -> Explanation:
    return Explanation(flow, _prediction(predicted, predicted_reason), why, sides)


def _step(*, at: SourceLocation | None, expected_prediction: bool | None, **known: Any) -> StepResult:
    return StepResult(location=at or _NOWHERE, expected_prediction=bool(expected_prediction), **known)


def _scenario(
    *, file: str, about: str | None, tags: tuple[str, ...] | None, steps: tuple[StepResult, ...], **known: Any
) -> ScenarioResult:
    placed = tuple(
        replace(step, location=SourceLocation(file, 1, 1)) if step.location is _NOWHERE else step for step in steps
    )
    return ScenarioResult(file=file, about=about or "", tags=tags or (), steps=placed, **known)


def _cluster(
    *,
    kind: str | None,
    emulated: bool | None,
    families: tuple[Family, ...] | None,
    notes: tuple[str, ...] | None,
    **known: Any,
) -> ClusterFacts | None:
    if kind is None:
        return None
    return ClusterFacts(kind, bool(emulated), families=families or (), notes=notes or (), **known)


def _whole(*, schema: str, run: str | None, started: str | None, interrupted: bool | None, **known: Any) -> RunResult:
    del schema  # checked as it was read
    return RunResult(run=run or "", started=started or "", interrupted=bool(interrupted), **known)


def _shard(value: Any) -> Shard:
    number, _, of = text(value).partition("/")
    if not (number.isdecimal() and of.isdecimal() and len(value) < 20 and 1 <= int(number) <= int(of)):
        raise expected("a shard such as 2/4", value)
    return Shard(int(number), int(of))


def _schema(value: Any) -> str:
    if value != SCHEMA:
        raise expected(f"{SCHEMA!r}, the version that this harness reads", value)
    return SCHEMA


# Where a document of the first releases does not say it.
_NOWHERE = SourceLocation("?", 1, 1)
_ENDS: Readers = {
    "from_": text,
    "to": text,
    "port": integer,
    "protocol": choice(L4Protocol),
    "via": choice(Via),
    "family": choice(Family),
}
_POLICY = record(
    _policy,
    {"policy": text, "decision": choice(Decision), "misses": many(text)},
    {"at": location, "rule": integer, "peer": integer, "reason": text},
)
_SIDE = record(
    _side,
    {
        "direction": choice(Direction),
        "pod": text,
        "predicted": choice(Decision),
        "why": text,
        "policies": many(_POLICY),
    },
    {"predicted_reason": text},
)
_EXPLANATION = record(
    dict[str, Any], {"predicted": choice(Decision), "why": text, "sides": many(_SIDE)}, {"predicted_reason": text}
)
_FLOW = record(
    _flow,
    {**_ENDS, "predicted": choice(Decision)},
    {
        "predicted_reason": text,
        "declared": choice(Expected),
        "declared_at": location,
        "declared_as_predicted": flag,
        "because": text,
        "observed": choice(Outcome),
        "detail": text,
        "arrived": flag,
        "alive": flag,
        "also_open_from": text,
        "answered_by": text,
        "latency_s": number,
        "settled": flag,
        "baseline": choice(Outcome),
        "verdict": choice(Verdict),
        "why": text,
        "command": text,
        "explanation": _EXPLANATION,
    },
)
_STEP = record(
    _step,
    {"name": text, "flows": many(_FLOW)},
    {
        "at": location,
        "settled": flag,
        "change_s": number,
        "barrier_s": number,
        "first_correct_s": number,
        "settle_s": number,
        "rounds": integer,
        "flaps": integer,
        "duration_s": number,
        "expected_prediction": flag,
        "diagnostics": text,
        "start_leaks": many(record(_ends, _ENDS)),
    },
)
_SCENARIO = record(
    _scenario,
    {"name": text, "file": text, "steps": many(_STEP)},
    {"about": text, "tags": many(text), "error": text, "duration_s": number},
)
_CLUSTER = record(
    _cluster,
    {},
    {
        "kind": text,
        "emulated": flag,
        "cni": text,
        "cni_version": text,
        "kubernetes": text,
        "families": many(choice(Family)),
        "notes": many(text),
    },
)
_run = record(
    _whole,
    {"schema": _schema, "cluster": _CLUSTER, "scenarios": many(_SCENARIO)},
    {
        "run": text,
        "started": text,
        "duration_s": number,
        "error": text,
        "interrupted": flag,
        "commit": text,
        "shard": _shard,
    },
)
