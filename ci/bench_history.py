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

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

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
from harness.reporting.history.records import record
from harness.reporting.history.store import open_history

PROMISED_WRITE_S = 0.5
PROMISED_QUERY_S = 1.0
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
    facts = ClusterFacts("kind", emulated=False, cni=cni[0], cni_version=cni[1], kubernetes="v1.34.1", families=(Family.IPV4,))
    started = f"2026-{1 + number // 28 // 24 % 12:02}-{1 + number // 24 % 28:02}T{number % 24:02}:00:00Z"
    return RunResult(f"{number:06x}", started, 120.0, facts, tuple(scenarios), commit=f"{number // 4:040x}")


def measure(runs: int, steps: int, folder: Path) -> Measurement:
    """Write `runs` runs of `steps` steps, and ask for what changed in all of them."""
    path = folder / f"{runs}-{steps}.db"
    chance = random.Random(1)  # noqa: S311 - nothing secret
    times = []
    # Runs of which only a few flows and the times differ: making them afresh would take most of the time.
    for number in range(runs):
        result = run(number, steps, chance)
        began = time.perf_counter()
        with open_history(path, create=True) as history:
            history.append(record(result))
        times.append(time.perf_counter() - began)
    return Measurement(
        runs,
        steps * PODS * PODS,
        round(statistics.median(times[-50:]), 4),
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
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        promised = measure(1000, 50, Path(folder))
        growth = [measure(250, 50, Path(folder)), measure(1000, 12, Path(folder)), measure(100, 500, Path(folder))]
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
        print(f"{'holds' if holds else 'MISSED'}: a write within {PROMISED_WRITE_S} s, a query within {PROMISED_QUERY_S} s")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
