#!/usr/bin/env python3
"""Measure the HTML report of 100,000 flows: how long it takes to write, and, where Chromium is, to open and to use.

Two shapes of the same size: one matrix of 316 x 316 pods, and 250 scenarios of 20 x 20. Times in the browser are
processor time of the page's own thread, layout and painting included. `ci/bench --only html` holds them to bounds.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.model.result import RunResult
from harness.reporting import html
from tests.browser.chromium import Page, started
from tests.large import large_run

PROMISED_WRITE_S = 5.0
# The page's own work, so that a busy machine does not count: what a person takes for at once is 0.1 to 0.2 s.
PROMISED_OPEN_S = 2.0
PROMISED_FILTER_S = 0.2

_SCROLL = "document.querySelector('.matrix-box .scroller').scrollBy(137, 137)"
_PRESSED = ("LEAK", "LEAK", "MATCH", "MATCH", "OUTAGE", "LEAK")  # on, off, on, off, on, and one more
_NEXT_FRAME = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))"


@dataclass(frozen=True)
class Measured:
    """One page; what only a browser can tell is None without one."""

    flows: int
    write_s: float
    megabytes: float
    open_s: float | None = None
    filter_s: float | None = None
    scroll_s: float | None = None


def shapes() -> dict[str, RunResult]:
    """Return the runs that are measured, by what they are."""
    return {
        "316 x 316 pods": large_run(scenarios=1, pods=316),
        "250 scenarios of 20 x 20 pods": large_run(scenarios=250, pods=20),
    }


def measure(result: RunResult) -> Measured:
    """Write a page, and open it where there is a browser."""
    times = []
    text = ""
    for _ in range(3):
        started = time.monotonic()
        text = html.render(result)
        times.append(time.monotonic() - started)
    flows = sum(len(step.flows) for scenario in result.scenarios for step in scenario.steps)
    seen = _in_browser(text) if shutil.which("chromium") and shutil.which("chromedriver") else {}
    return Measured(flows, statistics.median(times), len(text.encode()) / 1e6, **seen)


def _in_browser(text: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        file.write_text(text, encoding="utf-8")
        driver = started(Path(folder) / "profile")
        driver.set_script_timeout(120)
        try:
            page = Page(driver)
            driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
            page.open(file)
            opened = _busy(page)
            filters = [_cost(page, f"document.querySelector('[data-verdict={each}]').click()") for each in _PRESSED]
            scrolls = [_cost(page, _SCROLL) for _ in range(8)]
        finally:
            driver.quit()
    return {"open_s": opened, "filter_s": max(filters), "scroll_s": statistics.median(scrolls)}


def _busy(page: Page) -> float:
    """Return the seconds of processor time that the page's thread has taken since it began to load."""
    page.driver.execute_async_script(_NEXT_FRAME)
    metrics = page.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def _cost(page: Page, script: str) -> float:
    before = _busy(page)
    page.ask(script)
    return _busy(page) - before


def main() -> None:
    """Print what was measured, and the machine's load, which nothing here can keep away."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, Python {sys.version.split()[0]}")
    for name, result in shapes().items():
        found = asdict(measure(result))
        told = "  ".join(f"{key} {value:,.3f}" for key, value in found.items() if value is not None)
        print(f"{name}: {told}")


if __name__ == "__main__":
    main()
