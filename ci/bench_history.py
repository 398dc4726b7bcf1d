#!/usr/bin/env python3
"""Measure a history: writing a run of 5,000 flows, and asking 1,000 such runs what changed.

The runs are of two CNIs in turn, 50 steps of 100 flows each, their latencies all different; in each run three flows
chosen at random fail. The whole command is timed, interpreter and all, as the person who waits for it does. Exits 1 if
a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

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
from harness.reporting.history.records import RunRecord, record
from harness.reporting.history.rescue import keep
from harness.reporting.history.store import open_history

ROOT = Path(__file__).resolve().parent.parent
PROMISED_WRITE_S = 0.5
PROMISED_QUERY_S = 1.0
MODELS, SINGLE = 4, 9  # runs built in full, and runs that are timed one by one
PODS = 10  # to a step: 100 flows
_AT = SourceLocation("bench.scenario.yaml", 1, 1)
_DENY = Declaration(Expected.DENY, _AT)
_PREDICTED = Prediction(Decision.DENY)
_MATCH = Judgement(Verdict.MATCH, "no answer, and none arrived")
_LEAK = Judgement(Verdict.LEAK, "declared deny; open: the destination sent the nonce back")


@dataclass(frozen=True)
class Measurement:
    """One size, and what it cost: medians of single runs, and whole commands."""

    runs: int
    flows: int
    write_s: float
    text_s: float
    json_s: float
    html_s: float
    megabytes: float


def run(number: int, steps: int, chance: random.Random) -> RunResult:
    """Build a run; an odd one is Cilium's, an even one Calico's."""
    failing = {(chance.randrange(steps), chance.randrange(PODS * PODS)) for _ in range(3)}
    scenarios = []
    for step in range(steps):
        flows = []
        for index in range(PODS * PODS):
            ends = Endpoint(f"team-{step}/pod-{index // PODS}"), Endpoint(f"team-{step}/pod-{index % PODS}")
            flow = Flow(*ends, 8080, L4Protocol.TCP, Via.POD, Family.IPV4)
            is_open = (step, index) in failing
            seen = Observation(Outcome.OPEN if is_open else Outcome.NO_ANSWER, elapsed_s=chance.uniform(0.001, 0.5))
            verdict = _LEAK if is_open else _MATCH
            flows.append(FlowResult(flow, _DENY, _PREDICTED, seen, Outcome.OPEN, verdict))
        seconds = chance.uniform(0.5, 2)
        result = StepResult("closed", tuple(flows), _AT, True, seconds / 2, seconds, seconds + 0.3, 4, 0, 3.0)
        scenarios.append(ScenarioResult(f"bench-{step}", "bench.scenario.yaml", "", (), (result,), None, 4.0))
    cni = ("calico", "v3.30.1") if number % 2 else ("cilium", "v1.18.2")
    facts = ClusterFacts("kind", False, *cni, "v1.34.1", (Family.IPV4,))
    started = f"2026-{1 + number // 28 // 24 % 12:02}-{1 + number // 24 % 28:02}T{number % 24:02}:00:00Z"
    return RunResult(f"{number:06x}", started, 120.0, facts, tuple(scenarios), commit=f"{number // 4:040x}")


def _again(model: RunRecord, number: int, chance: random.Random) -> RunRecord:
    """Return a run like `model` at another time, of another commit, with other flows failing and other latencies."""
    started = f"2025-{1 + number // 672 % 12:02}-{1 + number // 24 % 28:02}T{number % 24:02}:00:00Z"
    header = replace(model.header, run=f"{number:06x}", started=started, commit=f"{number // 4:040x}")
    failing = {chance.randrange(len(model.scenarios)): chance.randrange(PODS * PODS) for _ in range(3)}
    scenarios = []
    for place, scenario in enumerate(model.scenarios):
        (step,) = scenario.steps
        cells = step.cells
        letters = bytearray(b"M" * len(cells.verdicts))
        if place in failing:
            letters[failing[place]] = ord("L")
        latencies = bytes(80 + byte // 2 for byte in chance.randbytes(len(letters)))
        step = replace(step, cells=replace(cells, verdicts=bytes(letters)), latencies=latencies)
        scenarios.append(replace(scenario, steps=(step,)))
    return RunRecord(header, tuple(scenarios))


def measure(runs: int, steps: int, folder: Path) -> Measurement:
    """Write `runs` runs of `steps` steps, and ask for what changed in all of them."""
    path = folder / f"{runs}-{steps}.db"
    chance = random.Random(1)  # noqa: S311 - nothing secret
    # Building runs takes far longer than keeping them: most are made of a few.
    models = [record(run(number, steps, chance)) for number in range(MODELS)]
    with open_history(path, create=True) as history:
        for number in range(runs - SINGLE):
            history.append(_again(models[number % MODELS], number, chance))
    times = []
    for number in range(runs - SINGLE, runs):
        result = run(number, steps, chance)
        began = time.perf_counter()
        keep(record(result), path)
        times.append(time.perf_counter() - began)
    return Measurement(
        runs,
        steps * PODS * PODS,
        round(statistics.median(times), 4),
        *(round(_command(path, *options), 3) for options in ((), ("--json", "-"), ("--html", str(folder / "h.html")))),
        round(path.stat().st_size / 1e6, 2),
    )


def _command(path: Path, *options: str) -> float:
    """Return the median wall time of `netpol-harness history`."""
    times = []
    for _ in range(4):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "harness", "history", str(path), *options], cwd=ROOT, check=True, capture_output=True
        )
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def main() -> int:
    """Print the promised size and the growth around it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--quick", action="store_true", help="only the size that is promised")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        promised = measure(1000, 50, Path(folder))
        sizes = () if options.quick else ((250, 50), (1000, 12), (100, 500))
        growth = [measure(runs, steps, Path(folder)) for runs, steps in sizes]
    holds = promised.write_s <= PROMISED_WRITE_S and promised.text_s <= PROMISED_QUERY_S
    if options.json:
        print(json.dumps({"promised": asdict(promised), "growth": [asdict(each) for each in growth], "holds": holds}))
    else:
        print("  runs  flows  write s  text s  json s  html s     MB")
        for each in (promised, *growth):
            print(
                f"{each.runs:6} {each.flows:6} {each.write_s:8.3f} {each.text_s:7.2f} {each.json_s:7.2f}"
                f" {each.html_s:7.2f} {each.megabytes:6.1f}"
            )
        bounds = f"a write within {PROMISED_WRITE_S} s, a query within {PROMISED_QUERY_S} s"
        print(f"{'holds' if holds else 'MISSED'}: {bounds}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
