"""Runs for tests of histories: one scenario of one step, unless a test says otherwise, its flows by one letter each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.model.flow import Family, Flow
from harness.model.result import ClusterFacts
from harness.reporting.history.changes import Change, Entry, entry
from harness.reporting.history.records import (
    Cells,
    RunHeader,
    RunRecord,
    ScenarioRecord,
    StepKey,
    StepRecord,
)
from tests import builders

KIND = ClusterFacts(
    "kind", emulated=False, cni="calico", cni_version="v3.30.1", kubernetes="v1.34.1", families=(Family.IPV4,)
)


def flow(name: str) -> Flow:
    """Build a flow that is known by one letter."""
    return builders.flow(source=f"shop/{name}")


def cells(letters: str, names: str | None = None, declared: str = "d") -> Cells:
    """Build a matrix whose flows are called a, b, c and so on, from the letters of their verdicts."""
    chosen = "abcdefgh"[: len(letters)] if names is None else names
    observed = "".join("o" if letter in "LK" else "." for letter in letters)
    planes = (letters, observed, declared * len(letters), "d" * len(letters))
    return Cells(tuple(flow(name) for name in chosen), *(plane.encode() for plane in planes))


def step(
    matrix: Cells, *, scenario: str = "shop", name: str = "closed", first_correct_s: float | None = 1.0
) -> StepRecord:
    """Build a step; its probes took no known time."""
    latencies = bytes(len(matrix.flows))
    return StepRecord(StepKey(scenario, name), matrix, True, 0.1, first_correct_s, 2.0, 4, 0, 3.0, 0, latencies)


def night(
    number: int,
    steps: Mapping[str, Cells] | str,
    *,
    facts: ClusterFacts | None = KIND,
    commit: str | None = "c" * 40,
    errors: Mapping[str, str] | None = None,
    interrupted: bool = False,
) -> RunRecord:
    """Build a run of that many nights after the first; `steps` are its scenarios' steps, or the letters of the one."""
    matrices = {"shop": cells(steps)} if isinstance(steps, str) else steps
    scenarios = tuple(
        ScenarioRecord(name, f"{name}.scenario.yaml", (errors or {}).get(name), 5.0, (step(matrix, scenario=name),))
        for name, matrix in matrices.items()
    )
    header = RunHeader(f"{number:06x}", f"2026-11-{1 + number:02}T02:00:00Z", 60.0, commit, facts, None, interrupted)
    return RunRecord(header, scenarios)


def upgraded(**changes: str) -> ClusterFacts:
    """Build the facts of the same cluster with other versions."""
    return replace(KIND, **changes)  # type: ignore[arg-type]


def entries(*records: RunRecord) -> list[Entry]:
    """Arrange runs for comparison."""
    return [entry(record) for record in records]


def told(changes: list[Change]) -> list[str]:
    """Say changes in short: `regression a: MATCH in 0, LEAK`."""
    return [
        f"{change.kind} {change.flow.source.removeprefix('shop/')}:"
        + (f" {change.before.seen.verdict} in {change.before.run}" if change.before else "")
        + (f" {change.after.seen.verdict}" if change.after else "")
        for change in changes
    ]
