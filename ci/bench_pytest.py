#!/usr/bin/env python3
"""Measure pytest with scenarios: collecting them, what the plugin costs those without any, and the gain of workers.

Whole processes, medians of several after one that is not counted; what costs a difference is measured turn about.
Compiled modules are kept for the time of the measurement, as they are on any machine that runs pytest twice.
Exits 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "ci")]

from bench_figures import Figure, report  # noqa: E402

# Without the plugin of hypothesis, which our tests need and no user of the harness: it costs half a second.
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-q"]
COLLECTED = 500
ORDINARY = "def test_ordinary():\n    assert True\n"


def timed(arguments: Sequence[str], folder: Path) -> float:
    """Return the wall time of one pytest, in seconds. Stops the measurement where pytest is not content."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "netpol-harness-bench")
    started = time.monotonic()
    done = subprocess.run(
        [*PYTEST, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    elapsed = time.monotonic() - started
    if done.returncode != 0:
        raise SystemExit(
            f"pytest {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr}"
        )
    return elapsed


def processor_time() -> float:
    """Return the processor time of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure_collecting() -> Iterator[Figure]:
    """Collect 500 scenario files, and fewer of them."""
    for number in (100, COLLECTED):
        with tempfile.TemporaryDirectory() as folder:
            # As many as are wanted: the same ones again, each with the manifests that lie beside it.
            files: list[Path] = []
            while len(files) < number:
                copy = Path(folder) / f"copy{len(files)}"
                subprocess.run(["cp", "-r", str(ROOT / "scenarios"), str(copy)], check=True)
                files += sorted(copy.rglob("*.scenario.yaml"))
            for surplus in files[number:]:
                surplus.unlink()
            # A folder, as people say it: pytest takes a second more to match five hundred names.
            times = [timed(["--collect-only", "-q", folder], ROOT) for _ in range(3)]
            spent = processor_time()
            timed(["--collect-only", "-q", folder], ROOT)
            spent = processor_time() - spent
        bound = 3.0 if number == COLLECTED else None
        yield Figure(f"pytest --collect-only, {number} scenarios", statistics.median(times[1:]), "s", bound)
        yield Figure("  of which processor time, whatever else the machine does", spent, "s")


def measure_import() -> Iterator[Figure]:
    """Run one ordinary test with the plugin and without it, turn about."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_ordinary.py").write_text(ORDINARY)
        times: dict[str, list[float]] = {"with": [], "without": []}
        for _ in range(12):
            times["with"].append(timed([], Path(folder)))
            times["without"].append(timed(["-p", "no:netpol"], Path(folder)))
        # The quickest of each: what is added on top is other programs.
        added = min(times["with"][1:]) - min(times["without"][1:])
    yield Figure("pytest, one ordinary test: added by the plugin", added, "s", 0.1)


def measure_workers(options: Sequence[str], path: str) -> Iterator[Figure]:
    """Play the scenarios below `path` in one process, then in four."""
    chosen = [path, *options]
    alone = timed([*chosen, "-n", "0"], ROOT)
    yield Figure(f"pytest {' '.join(chosen)} -n 0", alone, "s")
    four = timed([*chosen, "-n", "4"], ROOT)
    yield Figure(f"pytest {' '.join(chosen)} -n 4", four, "s")
    yield Figure("times faster with four workers", alone / four, "")


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--only", action="append", choices=("collect", "import", "workers"), help="may be repeated")
    parser.add_argument("--path", default="scenarios", help="what the workers play (default: scenarios)")
    parser.add_argument("options", nargs="*", help="options for pytest, after --: --np-cluster kubeconfig ...")
    chosen = parser.parse_args()
    parts: dict[str, Callable[[], Iterator[Figure]]] = {
        "collect": measure_collecting,
        "import": measure_import,
        "workers": lambda: measure_workers(chosen.options, chosen.path),
    }
    return report((figure for name in chosen.only or parts for figure in parts[name]()), as_json=chosen.json)


if __name__ == "__main__":
    raise SystemExit(main())
