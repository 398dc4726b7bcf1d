#!/usr/bin/env python3
"""Measure what the project promises: each figure beside its bound, then how it grows.

Whole-process figures are medians of several runs after one that is not counted; the load of
the machine is printed, since nothing here can keep other programs off it. Exits 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "ci")]

import bench_history  # noqa: E402
import bench_html  # noqa: E402
import bench_live  # noqa: E402
import bench_local  # noqa: E402
import bench_predictor  # noqa: E402
import bench_pytest  # noqa: E402
from bench_figures import HARNESS, Figure, report  # noqa: E402

from harness.cluster.local.provider import LocalProvider  # noqa: E402
from harness.model.result import Verdict  # noqa: E402
from harness.runner.run import run  # noqa: E402
from harness.runner.settings import RunSettings  # noqa: E402
from harness.scenario.load import load  # noqa: E402


def program(arguments: Sequence[str], runs: int) -> float:
    """Return the median wall time, in seconds, of a whole process."""
    times = []
    for _ in range(runs + 1):
        started = time.monotonic()
        subprocess.run([*HARNESS, *arguments], cwd=ROOT, check=True, capture_output=True)
        times.append(time.monotonic() - started)
    return statistics.median(times[1:])


def measure_help() -> Iterator[Figure]:
    """`--help` answers at once."""
    yield Figure("--help", program(["--help"], 7), "s", 0.3)


def measure_lint() -> Iterator[Figure]:
    """Lint 60 scenarios, and fewer and more of them."""
    files = [str(path) for path in sorted((ROOT / "scenarios").rglob("*.scenario.yaml"))]
    yield Figure("lint, 60 scenarios", program(["lint", *files[:60]], 3), "s", 2.0)
    yield Figure("lint, 15 scenarios", program(["lint", *files[:15]], 3), "s")
    yield Figure(f"lint, {len(files)} scenarios", program(["lint", *files], 3), "s")


def scenario(folder: Path, pods: int, ports: Sequence[str], policies: int) -> Path:
    """Write a scenario of `pods` pods in three namespaces, whose one step applies `policies` policies."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["scenario: bench", "about: Only clients named b reach namespace x.", "topology:"]
    lines += ["  namespaces: {x: {}, y: {}, z: {}}", "  pods:"]
    for number in range(pods):
        label = "ab"[number % 2]
        lines.append(
            f"    {'xyz'[number % 3]}/{label}{number}: {{labels: {{pod: {label}}}, listen: [{', '.join(ports)}]}}"
        )
    rules = '[{deny: "* -> x/*"}, {allow: "{pod: b} -> x/*:80/TCP"}]'
    lines += ["steps:", f"- {{name: closed, apply: [policies.yaml], expect: {{default: allow, rules: {rules}}}}}"]
    (folder / "bench.scenario.yaml").write_text("\n".join(lines))
    policy = (
        "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{namespace: x, name: p{0}}}, spec: "
        "{{podSelector: {{}}, ingress: [{{ports: [{{port: 80}}], "
        "from: [{{namespaceSelector: {{}}, podSelector: {{matchLabels: {{pod: b}}}}}}]}}]}}}}"
    )
    (folder / "policies.yaml").write_text("\n---\n".join(policy.format(number) for number in range(policies)))
    return folder / "bench.scenario.yaml"


def step_time(path: Path, runs: int = 5) -> tuple[int, float]:
    """Return the flows of the scenario's step and its median time, from the first change to the last answer."""
    times, flows = [], 0
    for number in range(runs):
        settings = RunSettings(f"b{number}", parallel=1)
        result = run([load(path)], LocalProvider(run=settings.run), settings, lambda _: None)
        (step,) = result.scenarios[0].steps
        wrong = [flow for flow in step.flows if flow.judgement and flow.judgement.verdict not in _FINE]
        if wrong or step.duration_s is None:
            raise SystemExit(f"the benchmark's own scenario failed: {wrong[0] if wrong else result.error}")
        flows = len(step.flows)
        times.append(step.duration_s)
    return flows, statistics.median(times)


_FINE = (Verdict.MATCH, Verdict.IGNORED)


def measure_step() -> Iterator[Figure]:
    """One policy step on pods that are up; then with other numbers of pods, and of policies."""
    ports = ("80", "81", "80/UDP", "81/UDP")
    with tempfile.TemporaryDirectory() as folder:
        flows, median = step_time(scenario(Path(folder) / "promised", 9, ports, 1))
        yield Figure(f"step, 9 pods, 2 ports, TCP and UDP ({flows} flows)", median, "s", 1.0)
        for pods in (3, 18, 36):
            flows, median = step_time(scenario(Path(folder) / f"pods{pods}", pods, ports, 1), 3)
            yield Figure(f"step, {pods} pods ({flows} flows)", median, "s")
        for policies in (10, 100, 500):
            flows, median = step_time(scenario(Path(folder) / f"policies{policies}", 9, ports, policies), 3)
            yield Figure(f"step, 9 pods, {policies} policies ({flows} flows)", median, "s")


def measure_folder() -> Iterator[Figure]:
    """Every scenario there is, side by side as `run` does by default."""
    count = len(list((ROOT / "scenarios").rglob("*.scenario.yaml")))
    yield Figure(f"run scenarios/ ({count} scenarios)", program(["run", "scenarios", "--quiet"], 1), "s", 60.0)


def measure_pods() -> Iterator[Figure]:
    """Pods from nothing to answering agents."""
    for pods in (10, 100, 300):
        for name, seconds in bench_local.bringing_up(pods).items():
            promised = pods == 100 and name.startswith("100 pods up")
            yield Figure(f"{pods} pods: {name}", seconds, "s", 3.0 if promised else None)


def measure_predictor() -> Iterator[Figure]:
    """Flows per second of the predictor, and how it grows."""
    sizes = ((1000, 500, 200_000), (250, 500, 200_000), (1000, 2000, 200_000), (1000, 500, 1_000_000))
    for pods, policies, flows in sizes:
        found = bench_predictor.measure(pods, policies, flows)
        promised = (pods, policies, flows) == (1000, 500, 200_000)
        bound = bench_predictor.PROMISED_FLOWS_PER_S if promised else None
        name = f"{pods} pods, {policies} policies, {flows:,} flows"
        yield Figure(f"decide, {name}", found.decide_flows_per_s, "flows/s", bound, at_least=True)
        yield Figure(f"predict, {name}", found.predict_flows_per_s, "flows/s", bound, at_least=True)
        yield Figure(f"index, {name}", found.index_s, "s")


def measure_html() -> Iterator[Figure]:
    """Write, open, filter and scroll the page of 100,000 flows; what needs Chromium only where it is."""
    for name, result in bench_html.shapes().items():
        found = bench_html.measure(result)
        title = f"HTML of {found.flows:,} flows, {name}"
        yield Figure(f"{title}: written", found.write_s, "s", bench_html.PROMISED_WRITE_S)
        yield Figure(f"{title}: size", found.megabytes, "MB")
        if found.open_s is not None and found.filter_s is not None and found.scroll_s is not None:
            yield Figure(f"{title}: opened", found.open_s, "s", bench_html.PROMISED_OPEN_S)
            yield Figure(f"{title}: slowest filter", found.filter_s, "s", bench_html.PROMISED_FILTER_S)
            yield Figure(f"{title}: scrolled by 8 cells", found.scroll_s, "s")


def measure_history() -> Iterator[Figure]:
    """Keep a run of 5,000 flows, and ask what changed in 1,000 of them."""
    with tempfile.TemporaryDirectory() as folder:
        found = bench_history.measure(1000, 50, Path(folder))
    title = f"history of {found.runs:,} runs of {found.flows:,} flows"
    yield Figure(f"{title}: one more", found.write_s, "s", bench_history.PROMISED_WRITE_S)
    yield Figure(f"{title}: asked", found.text_s, "s", bench_history.PROMISED_QUERY_S)
    yield Figure(f"{title}: as JSON", found.json_s, "s", bench_history.PROMISED_QUERY_S)
    yield Figure(f"{title}: as HTML", found.html_s, "s")


def measure_pytest() -> Iterator[Figure]:
    """Collect scenarios; what the plugin costs those without; and the gain of workers."""
    yield from bench_pytest.measure_collecting()
    yield from bench_pytest.measure_import()
    yield from bench_pytest.measure_workers([], "scenarios/isolation")


def measure_live() -> Iterator[Figure]:
    """What is promised of a real cluster, where $NETPOL_KUBECONFIG names one that is for tests."""
    if kubeconfig := os.environ.get("NETPOL_KUBECONFIG"):
        with tempfile.TemporaryDirectory() as folder:
            bench = bench_live.Bench(kubeconfig, os.environ.get("NETPOL_IMAGE"))
            yield from bench_live.measure(bench, Path(folder), bench_live.PARTS)


PARTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "help": measure_help,
    "lint": measure_lint,
    "predictor": measure_predictor,
    "html": measure_html,
    "pods": measure_pods,
    "step": measure_step,
    "folder": measure_folder,
    "history": measure_history,
    "pytest": measure_pytest,
    "live": measure_live,
}


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part; may be repeated")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    return report((figure for name in options.only or PARTS for figure in PARTS[name]()), as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
