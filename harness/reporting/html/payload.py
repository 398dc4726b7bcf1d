"""A run as the data of its page: columns of numbers that point into tables of what they mean.

Pure. Numbers are used since a flow has about twenty facts, of which nearly all repeat: a
hundred thousand flows take two megabytes like this and eighty as objects.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import isfinite
from typing import Any

from harness.model.flow import Flow
from harness.model.result import Explanation, FlowResult, PolicyVerdict, RunResult, ScenarioResult, SideExplanation
from harness.reporting.html.columns import Rows, Strings, packed
from harness.reporting.html.findings import findings
from harness.reporting.tally import BY_CONCERN, verdict_of

_LATENCY_UNIT_S = 1e-5
# A raw reply is what a maintainer asks for; one of each few hundred flows of a step is enough.
_MOST_RAW = 200


class Payload:
    """Tables shared by all steps, filled while the steps are encoded."""

    def __init__(self) -> None:
        self._strings = Strings()
        self._planes = Rows()
        self._faces = Rows()
        self._policies = Rows()
        self._sides = Rows()
        self._explanations = Rows()
        self._plane_numbers: dict[Hashable, int] = {}
        self._face_numbers: dict[Hashable, int] = {}

    def build(self, result: RunResult) -> dict[str, Any]:
        """Return the whole page's data."""
        scenarios = [self._scenario(scenario) for scenario in result.scenarios]
        return {
            "run": self._run(result),
            "scenarios": scenarios,
            "planes": self._planes.rows,
            "faces": self._faces.rows,
            "policies": self._policies.rows,
            "sides": self._sides.rows,
            "explanations": self._explanations.rows,
            "verdicts": [str(verdict) for verdict in BY_CONCERN],
            "strings": self._strings.rows,
        }

    def _run(self, result: RunResult) -> dict[str, Any]:
        text, cluster = self._strings.add, result.cluster
        return {
            "id": text(result.run or None),
            "started": text(result.started or None),
            "duration": _number(result.duration_s),
            "commit": text(result.commit),
            "error": text(result.error),
            "interrupted": result.interrupted,
            "cluster": cluster
            and {
                "kind": text(cluster.kind),
                "emulated": cluster.emulated,
                "cni": text(cluster.cni),
                "version": text(cluster.cni_version),
                "kubernetes": text(cluster.kubernetes),
                "families": text(", ".join(cluster.families) or None),
                "notes": [text(note) for note in cluster.notes],
            },
        }

    def _scenario(self, scenario: ScenarioResult) -> dict[str, Any]:
        text = self._strings.add
        return {
            "name": text(scenario.name),
            "file": text(scenario.file),
            "about": text(scenario.about),
            "tags": [text(tag) for tag in scenario.tags],
            "error": text(scenario.error),
            "duration": _number(scenario.duration_s),
            "steps": [
                {
                    "name": text(step.name),
                    "at": text(str(step.location)),
                    "settled": step.settled,
                    "barrier": _number(step.barrier_s),
                    "correct": _number(step.first_correct_s),
                    "settle": _number(step.settle_s),
                    "rounds": step.rounds,
                    "flaps": step.flaps,
                    "duration": _number(step.duration_s),
                    "predicted": step.expected_prediction,
                    "diagnostics": text(step.diagnostics),
                    "leaks": step.start_leaks and [self._ends(flow) for flow in step.start_leaks],
                    "findings": [
                        [
                            BY_CONCERN.index(each.verdict),
                            text(each.why),
                            [text(shape) for shape in each.shapes],
                            each.spans,
                        ]
                        for each in findings(step.flows)
                    ],
                    **self._flows(step.flows),
                }
                for step in scenario.steps
            ],
        }

    def _flows(self, flows: tuple[FlowResult, ...]) -> dict[str, Any]:
        text = self._strings.add
        ends = [self._ends(flow.flow) for flow in flows]
        columns = {
            "sources": [end[0] for end in ends],
            "destinations": [end[1] for end in ends],
            "planes": [end[2] for end in ends],
            "faces": [self._face(flow) for flow in flows],
            "reasons": [text(flow.judgement.why if flow.judgement else None) for flow in flows],
            "latencies": [_latency(flow) for flow in flows],
        }
        explained = {index: flow for index, flow in enumerate(flows) if flow.explanation or flow.command}
        return {
            "count": len(flows),
            "columns": {name: packed(values) for name, values in columns.items()},
            "explained": {
                index: [
                    self._explanation(flow.explanation) if flow.explanation else -1,
                    text(flow.command),
                    text(_raw(flow)) if rank < _MOST_RAW else -1,
                ]
                for rank, (index, flow) in enumerate(explained.items())
            },
        }

    def _ends(self, flow: Flow) -> tuple[int, int, int]:
        text = self._strings.add
        number = self._plane_numbers.get(flow[2:])
        if number is None:
            plane = (flow.port, text(flow.protocol), text(flow.via), text(flow.family))
            number = self._plane_numbers[flow[2:]] = self._planes.add(plane)
        return text(flow.source), text(flow.destination), number

    def _face(self, result: FlowResult) -> int:
        """Number all that many flows have in common: what was said of them, and what was seen."""
        declared, predicted, seen = result.declared, result.predicted, result.observed
        verdict = verdict_of(result)
        looks = seen and (
            seen.outcome,
            seen.detail,
            seen.arrived,
            seen.alive,
            seen.settled,
            seen.answered_by,
            seen.also_open_from,
        )
        # By identity: the result holds these records, and their hashes would cost more than all the rest.
        key = (verdict, id(declared), id(predicted), result.baseline, looks)
        number = self._face_numbers.get(key)
        if number is None:
            number = self._face_numbers[key] = self._faces.add(self._face_row(result))
        return number

    def _face_row(self, result: FlowResult) -> tuple[Any, ...]:
        text, declared, seen = self._strings.add, result.declared, result.observed
        return (
            BY_CONCERN.index(verdict_of(result)),
            text(declared.expected if declared else None),
            text(str(declared.location) if declared else None),
            text(declared.because if declared else None),
            bool(declared and declared.predicted),
            text(result.predicted.decision),
            text(result.predicted.reason),
            text(result.baseline),
            text(seen.outcome if seen else None),
            text(seen.detail or None if seen else None),
            seen.arrived if seen else None,
            seen.alive if seen else None,
            seen.settled if seen else None,
            text(seen.answered_by if seen else None),
            text(seen.also_open_from if seen else None),
        )

    def _explanation(self, explanation: Explanation) -> int:
        sides = tuple(self._side(side) for side in explanation.sides)
        return self._explanations.add(
            (self._strings.add(str(explanation.prediction)), self._strings.add(explanation.why), sides)
        )

    def _side(self, side: SideExplanation) -> int:
        text = self._strings.add
        policies = tuple(self._policy(policy) for policy in side.policies)
        row = (text(side.direction), text(side.pod), text(str(side.prediction)), text(side.why), policies)
        return self._sides.add(row)

    def _policy(self, policy: PolicyVerdict) -> int:
        text = self._strings.add
        return self._policies.add(
            (
                text(policy.policy),
                text(str(policy.location) if policy.location else None),
                policy.rule,
                policy.peer,
                text(policy.decision),
                text(policy.reason),
                tuple(text(miss) for miss in policy.misses),
            )
        )


def _latency(result: FlowResult) -> int:
    elapsed = result.observed.elapsed_s if result.observed else None
    return -1 if elapsed is None or not isfinite(elapsed) else round(elapsed / _LATENCY_UNIT_S)


def _raw(result: FlowResult) -> str | None:
    """Return what crossed the wire, as lines of `request`, then of `reply`."""
    seen = result.observed
    if seen is None:
        return None
    lines = [*_fields("request", seen.request), *_fields("reply", seen.reply)]
    return "\n".join(lines) or None


def _fields(title: str, record: Mapping[str, Any] | None) -> list[str]:
    # Of a hostile pod: a value's own line breaks must not look like further fields.
    return [f"{title}.{key} = {value!r}" for key, value in (record or {}).items()]


def _number(value: float | None) -> float | None:
    """Round to a tenth of a millisecond; JSON has no infinity."""
    return None if value is None or not isfinite(value) else round(value, 4)
