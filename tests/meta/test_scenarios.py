"""Every scenario that is shipped can be trusted before any cluster is touched."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

from harness.model.scenario import Scenario
from harness.scenario import load
from tests.meta.repository import ROOT, command, files, name_of

SCENARIOS = [
    path for path in files() if path.name.endswith(".scenario.yaml") and path.is_relative_to(ROOT / "scenarios")
]


@cache
def scenario_in(path: Path) -> Scenario:
    """Load a scenario once for all tests of a worker."""
    return load.load(path)


def test_there_are_scenarios() -> None:
    """An empty list would make the tests below pass without looking at anything."""
    assert SCENARIOS != []


@pytest.mark.parametrize("path", SCENARIOS, ids=name_of)
def test_a_scenario_loads(path: Path) -> None:
    """The file and its manifests have no problem, and it says in `about` what it is for."""
    scenario = scenario_in(path)

    assert scenario.steps
    assert scenario.about.strip()


def test_scenario_names_are_unique() -> None:
    """Reports and history go by name, so two scenarios never share one."""
    names = [scenario_in(path).name for path in SCENARIOS]

    assert sorted(names) == sorted(set(names))


def test_every_manifest_is_applied_by_a_scenario() -> None:
    """A manifest that no step applies is dead, or a step forgot it."""
    applied = {
        str(Path(manifest.location.file).resolve())
        for path in SCENARIOS
        for step in scenario_in(path).steps
        for manifest in step.apply
    }
    present = {str(path) for path in files() if path.is_relative_to(ROOT / "scenarios") and path.suffix == ".yaml"}

    assert present - applied - {str(path) for path in SCENARIOS} == set()


def test_declared_and_predicted_agree_everywhere() -> None:
    """`lint` finds no scenario that contradicts the published semantics without saying why."""
    done = subprocess.run(command("lint", "scenarios/"), cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
