"""Figures beside their bounds: what every benchmark prints."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass

HARNESS = [sys.executable, "-m", "harness"]


@dataclass(frozen=True)
class Figure:
    """One measurement; `bound` None where nothing is promised, `at_least` for speeds rather than times."""

    name: str
    value: float
    unit: str
    bound: float | None = None
    at_least: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the promise is kept."""
        if self.bound is None:
            return True
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        sign = "at least" if self.at_least else "at most"
        promise = "" if self.bound is None else f"  {sign} {self.bound:,g}  {'kept' if self.is_kept else 'MISSED'}"
        return f"{self.name:58} {self.value:12,.3f} {self.unit:8}{promise}"


def report(figures: Iterable[Figure], *, as_json: bool) -> int:
    """Print figures as they come, or all of them as JSON; return the exit status: 1 where a bound is missed."""
    if not as_json:
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, Python {sys.version.split()[0]}", flush=True)
    taken = []
    for figure in figures:
        taken.append(figure)
        if not as_json:
            print(figure, flush=True)
    if as_json:
        print(json.dumps([{**asdict(figure), "kept": figure.is_kept} for figure in taken], indent=2))
    return 0 if all(figure.is_kept for figure in taken) else 1
