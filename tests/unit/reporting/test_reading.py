"""Reading a result document back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.model.result import FlowResult, RunResult, StepResult
from harness.reporting import document
from harness.reporting.reading import parse
from tests.golden import results
from tests.unit.reporting.strategies import FEW, runs

# What the first document of version 1 had; nothing else may be needed to read one.
FIRST_KEYS = {
    *("schema", "run", "started", "duration_s", "cluster", "summary", "scenarios"),
    *("kind", "emulated", "cni", "kubernetes"),
    *("name", "file", "steps", "settled", "barrier_s", "first_correct_s", "settle_s", "rounds", "flaps", "flows"),
    *("from", "to", "port", "protocol", "via", "family", "declared", "declared_at", "predicted", "predicted_reason"),
    *("observed", "arrived", "baseline", "verdict", "why"),
}


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def _held(result: RunResult) -> RunResult:
    """Return what a document holds of a run: times as they are written there."""
    return replace(
        result,
        duration_s=_rounded(result.duration_s),
        scenarios=tuple(
            replace(
                scenario,
                duration_s=_rounded(scenario.duration_s),
                steps=tuple(_held_step(step) for step in scenario.steps),
            )
            for scenario in result.scenarios
        ),
    )


def _held_step(step: StepResult) -> StepResult:
    times = ("change_s", "barrier_s", "first_correct_s", "settle_s", "duration_s")
    rounded = {name: _rounded(getattr(step, name)) for name in times}
    return replace(step, flows=tuple(_held_flow(flow) for flow in step.flows), **rounded)


def _held_flow(flow: FlowResult) -> FlowResult:
    if flow.observed is None:
        return flow
    elapsed_s = _rounded(flow.observed.elapsed_s, 6)
    return replace(flow, observed=replace(flow.observed, elapsed_s=elapsed_s, request=None, reply=None))


def _first_release(value: Any) -> Any:
    if isinstance(value, dict):
        counts = {"scenarios", "steps", "flows"}  # the summary's keys are those, and verdicts
        if set(value) >= counts:
            return value
        return {key: _first_release(member) for key, member in value.items() if key in FIRST_KEYS}
    return [_first_release(member) for member in value] if isinstance(value, list) else value


def _fault(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse(text, "night.json")
    return str(caught.value).splitlines()[0]


def _read(text: str) -> RunResult | UsageError:
    try:
        return parse(text)
    except UsageError as error:
        return error


@FEW
@given(runs())
def test_what_was_written_reads_back(result: RunResult) -> None:
    """A document holds the whole run but for the raw lines that crossed the wire."""
    assert parse(document.render(result)) == _held(result)


@pytest.mark.parametrize("name", results.RUNS)
def test_what_was_read_writes_the_same_document(name: str) -> None:
    """A report that is rendered from a file is the one that the run itself would have written."""
    text = document.render(results.RUNS[name]())

    assert document.render(parse(text)) == text


@pytest.mark.parametrize("name", results.RUNS)
def test_a_document_of_the_first_release_reads_too(name: str) -> None:
    """Keys that were added to version 1 later are not known, and every verdict is."""
    result = results.RUNS[name]()
    old = _first_release(json.loads(document.render(result)))
    read = parse(json.dumps(old))
    verdicts = [
        [[(flow.flow, flow.judgement) for flow in step.flows] for step in scenario.steps]
        for scenario in result.scenarios
    ]

    assert _first_release(json.loads(document.render(read))) == old
    assert verdicts == [
        [[(flow.flow, flow.judgement) for flow in step.flows] for step in scenario.steps] for scenario in read.scenarios
    ]


def test_keys_of_the_future_are_passed_over() -> None:
    """Version 1 may get more keys, and this reader must not mind."""
    built = json.loads(document.render(results.match()))
    built["weather"] = {"sky": "blue"}
    built["scenarios"][0]["steps"][0]["flows"][0]["weather"] = [1]

    assert parse(json.dumps(built)) == parse(document.render(results.match()))


def _change(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(built: dict[str, Any]) -> None:
        holder: Any = built
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = value

    return change


STEP = ("scenarios", 0, "steps", 1)
FAULTS = {
    "night.json: schema: expected 'netpol-harness/result/v1', the version that this harness reads, found nothing": (
        _change("schema", value=None)
    ),
    "night.json: scenarios: expected a list, found 7": _change("scenarios", value=7),
    "night.json: cluster: expected an object, found nothing": _change("cluster", value=None),
    "night.json: scenarios[0].steps[1].rounds: expected a whole number, found 1.5": _change(*STEP, "rounds", value=1.5),
    "night.json: scenarios[0].steps[1].at: expected file:line:column, found 'a:1'": _change(*STEP, "at", value="a:1"),
    "night.json: scenarios[0].steps[1].flows[2].port: expected a whole number, found True": (
        _change(*STEP, "flows", 2, "port", value=True)
    ),
    "night.json: scenarios[0].steps[1].flows[2].predicted: expected one of allow, deny, unspecified, found a list": (
        _change(*STEP, "flows", 2, "predicted", value=[])
    ),
    "night.json: scenarios[0].steps[1].settle_s: expected a number of seconds, found 100000000000000000000...": (
        _change(*STEP, "settle_s", value=10**400)
    ),
}


@pytest.mark.parametrize("expected", FAULTS)
def test_a_wrong_value_is_told_with_its_place(expected: str) -> None:
    """An error leads through the document to the value, and says what belongs there."""
    built = json.loads(document.render(results.match()))
    FAULTS[expected](built)

    told = _fault(json.dumps(built))
    assert told.startswith(expected.removesuffix("..."))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "night.json: line 1, column 1: no JSON: Expecting value"),
        ('{"schema": \n', "night.json: line 2, column 1: no JSON: Expecting value"),
        ("[]", "night.json: expected an object, found a list"),
        ('{"duration_s": NaN}', "night.json: no result document: NaN is no JSON"),
    ],
)
def test_what_is_no_document_is_an_error_of_the_input(text: str, expected: str) -> None:
    """A file that was cut off, or that is something else, is told as such."""
    assert _fault(text) == expected


@FEW
@given(st.data())
def test_a_damaged_document_never_raises_anything_else(data: st.DataObject) -> None:
    """Whatever a file holds, it reads or it is a `UsageError`."""
    text = document.render(results.match())
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 400)))
    damaged = text[:start] + data.draw(st.sampled_from(["", "null", "[" * 2000, "1e999", '"', "-0", "{}"])) + text[end:]

    assert isinstance(_read(damaged), RunResult | UsageError)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_at_any_place_is_read_or_told(value: Any) -> None:
    """No value of a wrong type gets through to where it would surprise."""
    built = json.loads(document.render(results.known()))
    flow = built["scenarios"][0]["steps"][0]["flows"][0]
    told = {}
    for key in flow:
        kept, flow[key] = flow[key], value
        found = _read(json.dumps(built))
        flow[key] = kept
        if isinstance(found, UsageError):
            told[key] = found.where

    assert told == {key: f"result document: scenarios[0].steps[0].flows[0].{key}" for key in told}
    # Null is right for all but the flow itself and its prediction; anything else is wrong for most.
    assert len(told) >= (7 if value is None else 14)
