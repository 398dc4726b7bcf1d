"""Two runs side by side as JSON, for scripts; keys as in the history's document."""

from __future__ import annotations

import json
from typing import Any

from harness.model.result import Verdict
from harness.reporting.comparison.contrast import Contrast, Difference, Lonely, Side
from harness.reporting.history.export import of_flow, of_header, of_latency, of_seen

SCHEMA = "netpol-harness/comparison/v1"


def render(contrast: Contrast) -> str:
    """Return the document as indented ASCII JSON."""
    return json.dumps(build(contrast), indent=1, allow_nan=False) + "\n"


def build(contrast: Contrast) -> dict[str, Any]:
    """Return the document as plain data."""
    return {
        "schema": SCHEMA,
        "left": _side(contrast.left),
        "right": _side(contrast.right),
        "shared": contrast.shared,
        "alike": contrast.alike,
        "differences": [_difference(each) for each in contrast.differences],
        "only_left": [_lonely(each) for each in contrast.only_left],
        "only_right": [_lonely(each) for each in contrast.only_right],
        "steps": [
            {"scenario": each.key.scenario, "step": each.key.step, "left_s": each.left_s, "right_s": each.right_s}
            for each in contrast.times
        ],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        **of_header(side.header),
        "verdicts": {str(verdict): side.tally[verdict] for verdict in Verdict},
        "enforcement": of_latency(side.enforcement),
        "answer_s": None if side.answer_s is None else round(side.answer_s, 6),
        "errors": [{"scenario": scenario, "error": error} for scenario, error in side.errors],
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "kind": str(difference.kind),
        **of_flow(difference.key, difference.flow),
        "left": {**of_seen(difference.left), "why": difference.left_why},
        "right": {**of_seen(difference.right), "why": difference.right_why},
    }


def _lonely(lonely: Lonely) -> dict[str, Any]:
    return {**of_flow(lonely.key, lonely.flow), **of_seen(lonely.seen)}
