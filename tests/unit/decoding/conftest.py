"""Scenario files written for one test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.model.scenario import Scenario
from harness.scenario.load import load


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[..., Scenario]:
    """Return a function that writes a scenario's text, and files beside it by name, and loads it."""

    def write_and_load(text: str, **files: str) -> Scenario:
        for name, content in {"x.scenario.yaml": text, **files}.items():
            (tmp_path / name.replace("_yaml", ".yaml")).write_text(content, encoding="utf-8")
        return load(tmp_path / "x.scenario.yaml")

    return write_and_load


@pytest.fixture
def refused(loaded: Callable[..., Scenario]) -> Callable[..., list[str]]:
    """Return a function that does the same and returns the faults of what must be refused."""

    def faults(text: str, **files: str) -> list[str]:
        with pytest.raises(ScenarioError) as caught:
            loaded(text, **files)
        return [problem.fault for problem in caught.value.problems]

    return faults
