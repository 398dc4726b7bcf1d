"""Compares whole rendered reports with files that people read in review."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

REPORTS = Path(__file__).parent / "reports"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], str]:
    """Return a function that gives the golden text of a name; with --update-goldens it is rewritten first."""

    def expected(name: str, actual: str) -> str:
        path = REPORTS / name
        if request.config.getoption("--update-goldens"):
            path.write_text(actual, encoding="utf-8", newline="\n")
        if not path.exists():
            pytest.fail(f"there is no golden {name}; write it with --update-goldens and read it", pytrace=False)
        return path.read_text(encoding="utf-8")

    return expected


@pytest.fixture
def goldens() -> set[str]:
    """Return the names of all golden files."""
    return {path.name for path in REPORTS.iterdir()}
