#!/usr/bin/env python3
"""Measure what the project promises of a real cluster: `ci/bench_live.py KUBECONFIG --image IMAGE`.

Each figure beside its bound, then where a step's time goes and how it grows. The bounds were set for a lab of two
nodes on two cores with Cilium; another cluster has its own. Exits 1 if a bound is missed, 3 if a step was not judged.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "ci")]

from bench_figures import HARNESS, Figure, report  # noqa: E402

from harness.cluster.kubernetes.provider import KubeconfigProvider  # noqa: E402
from harness.model.result import StepResult, Verdict  # noqa: E402
from harness.runner.ground import renaming  # noqa: E402
from harness.runner.run import run  # noqa: E402
from harness.runner.settings import RunSettings  # noqa: E402
from harness.runner.stage import Stage  # noqa: E402
from harness.scenario.load import load  # noqa: E402

PROMISED = ("80", "81", "80/UDP", "81/UDP")
STEPS = 5


class Bench:
    """The cluster that is measured."""

    def __init__(self, kubeconfig: str, image: str | None) -> None:
        self.options = {"kubeconfig": kubeconfig, "image": image}

    def provider(self, settings: RunSettings) -> KubeconfigProvider:
        """Return what opens the cluster for one run."""
        return KubeconfigProvider(run=settings.run, **self.options)

    def steps(self, path: Path) -> list[StepResult]:
        """Play a scenario and return its policy steps; ends the benchmark where one was not as declared."""
        settings = RunSettings(f"bench-{secrets.token_hex(2)}", parallel=1)
        result = run([load(path)], self.provider(settings), settings, lambda _: None)
        steps = [step for scenario in result.scenarios for step in scenario.steps if step.name.startswith("closed")]
        wrong = [flow for step in steps for flow in step.flows if not _is_fine(flow.judgement)]
        if result.error or wrong or not steps:
            why = wrong[0].judgement if wrong else result.error
            print(f"the benchmark's own scenario was not judged as declared: {why}", file=sys.stderr)
            raise SystemExit(3)
        return steps

    def bring_up(self, path: Path) -> float:
        """Return how long the pods of a scenario take, from the first call to the last agent's greeting."""
        settings = RunSettings(f"bench-{secrets.token_hex(2)}")
        scenario = load(path)
        with self.provider(settings).open() as cluster:
            stage = Stage(cluster, settings, renaming([scenario], 1, settings))
            started = time.monotonic()
            stage.add(scenario.topology)
            return time.monotonic() - started


def _is_fine(judgement: object) -> bool:
    return getattr(judgement, "verdict", None) in (Verdict.MATCH, Verdict.IGNORED)


def write(folder: Path, pods: int, ports: Sequence[str], steps: int = STEPS) -> Path:
    """Write a scenario whose policy comes and goes `steps` times."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["scenario: bench", "about: Only clients named b reach namespace x.", "topology:"]
    lines += ["  namespaces: {x: {}, y: {}, z: {}}", "  pods:"]
    lines += [
        f"    {'xyz'[n % 3]}/{'ab'[n % 2]}{n}: {{labels: {{pod: {'ab'[n % 2]}}}, listen: [{', '.join(ports)}]}}"
        for n in range(pods)
    ]
    rules = '[{deny: "* -> x/*"}, {allow: "{pod: b} -> x/*:80/TCP"}]'
    lines.append("steps:")
    for number in range(steps):
        lines += [
            f"- {{name: closed {number}, apply: [policy.yaml], expect: {{default: allow, rules: {rules}}}}}",
            f"- {{name: open {number}, delete: [NetworkPolicy/x/p], expect: {{default: allow}}}}",
        ]
    (folder / "bench.scenario.yaml").write_text("\n".join(lines))
    (folder / "policy.yaml").write_text(
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {namespace: x, name: p}, spec: "
        "{podSelector: {}, ingress: [{ports: [{port: 80}], "
        "from: [{namespaceSelector: {}, podSelector: {matchLabels: {pod: b}}}]}]}}"
    )
    return folder / "bench.scenario.yaml"


def step_figures(name: str, steps: Sequence[StepResult], bound: float | None, own: float | None) -> Iterator[Figure]:
    """Say what a step takes, and where: the API, the CNI, our window and denial timeout, and what is left."""

    def median(values: Sequence[float]) -> float:
        return statistics.median(values)

    total = [step.duration_s or 0.0 for step in steps]
    cni = [step.first_correct_s or 0.0 for step in steps]
    yield Figure(f"{name}: apply to judged", median(total), "s", bound)
    yield Figure(
        f"{name}: without waiting for the CNI", median([a - b for a, b in zip(total, cni, strict=True)]), "s", own
    )
    yield Figure(f"{name}: the API takes the change", median([step.change_s or 0.0 for step in steps]), "s")
    yield Figure(f"{name}: the CNI, to the first correct round", median(cni), "s")
    yield Figure(f"{name}: the barrier", median([step.barrier_s or 0.0 for step in steps]), "s")
    yield Figure(f"{name}: settled", median([step.settle_s or 0.0 for step in steps]), "s")


def measure(bench: Bench, folder: Path, only: Sequence[str]) -> Iterator[Figure]:
    """Measure what was asked for."""
    if "step" in only:
        steps = bench.steps(write(folder / "promised", 9, PROMISED))
        yield from step_figures(f"step of {len(steps[0].flows)} flows", steps, 2.0, 1.0)
        steps = bench.steps(write(folder / "wide", 30, ("80",), 3))
        yield from step_figures(f"step of {len(steps[0].flows)} flows", steps, 5.0, None)
    if "pods" in only:
        yield Figure(
            "9 pods, from nothing to agents", bench.bring_up(write(folder / "promised", 9, PROMISED)), "s", 10.0
        )
    if "growth" in only:
        for pods in (5, 10, 20, 40, 60):
            path = write(folder / f"grown{pods}", pods, ("80",), 2)
            steps = bench.steps(path)
            flows = len(steps[0].flows)
            yield Figure(
                f"{pods} pods: step of {flows} flows", statistics.median(s.duration_s or 0.0 for s in steps), "s"
            )
            yield Figure(f"{pods} pods, from nothing to agents", bench.bring_up(path), "s")
    if "folder" in only:
        yield from folder_figures(bench)


def folder_figures(bench: Bench) -> Iterator[Figure]:
    """Run every scenario as a user would, and take the process's own peak of memory."""
    command = [*HARNESS, "run", "scenarios", "--quiet", "--cluster", "kubeconfig"]
    command += ["--kubeconfig", str(bench.options["kubeconfig"])]
    command += ["--image", bench.options["image"]] if bench.options["image"] else []
    for option in ("outside", "profile"):
        value = os.environ.get(f"NETPOL_{option.upper()}")
        command += [f"--{option}", value] if value else []
    started = time.monotonic()
    process = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
    _, status, usage = os.wait4(process, 0)
    count = len(list((ROOT / "scenarios").rglob("*.scenario.yaml")))
    yield Figure(f"run scenarios/ ({count} scenarios)", time.monotonic() - started, "s", 180.0)
    yield Figure("run scenarios/, exit status", os.waitstatus_to_exitcode(status), "", 0)
    yield Figure("run scenarios/, peak memory", usage.ru_maxrss / 1024, "MiB", 200.0)


PARTS = ("step", "pods", "growth", "folder")


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kubeconfig", help="of a cluster that is for tests")
    parser.add_argument("--image", help="the probe pods' image")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part; may be repeated")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.kubeconfig, options.image)
        return report(measure(bench, Path(folder), options.only or PARTS), as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
