"""Who may import what: the contracts of pyproject.toml hold, and say what the project means by them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.meta.repository import ROOT, dotted, imports, is_inside, modules, name_of

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
PURE = next(contract for contract in CONTRACTS if contract["name"] == "Pure stays pure")

# Each library has one module or package that knows it; everybody else asks there.
DOORS = {
    "yaml": "harness.scenario.document",
    "pydantic": "harness.scenario.schema",
    "kubernetes": "harness.cluster.kubernetes",
    "websocket": "harness.cluster.kubernetes",
    "junit_xml": "harness.reporting.junit",
    "sqlite3": "harness.reporting.history",
    "pytest": "harness.pytest_plugin",
    "subprocess": "harness.cluster",
}


def test_the_import_contracts_hold() -> None:
    """import-linter finds every contract of pyproject.toml kept."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pure_modules_are_those_of_the_design() -> None:
    """Nobody makes a module pass by taking it off the list of the pure ones, or by allowing one more import."""
    pure = {
        "harness.model",
        "harness.semantics",
        "harness.plan",
        "harness.judge",
        "harness.manifests",
        "harness.forecast",
        "harness.probing.classify",
        "harness.probing.settle",
        "harness.cluster.local.ruleset",
        "harness.scenario.rename",
        "harness.scenario.variables",
    }
    impure = {"os", "subprocess", "socket", "time", "random", "logging", "threading", "yaml", "pytest"}

    assert (pure - set(PURE["source_modules"]), impure - set(PURE["forbidden_modules"])) == (set(), set())


@pytest.mark.parametrize("package", PURE["source_modules"])
def test_a_pure_module_imports_nothing_that_acts(package: str) -> None:
    """A pure module exists, and imports no clock, no chance, no system, no parser, not even inside a function."""
    parts = [path for path in modules() if is_inside(dotted(path), package)]
    # An import by name would go past every check.
    forbidden = [*PURE["forbidden_modules"], "importlib"]
    found = [
        f"{name_of(path)} imports {module}"
        for path in parts
        for module in sorted(imports(path))
        if any(is_inside(module, name) for name in forbidden)
    ]

    assert (bool(parts), found) == (True, [])


@pytest.mark.parametrize(("library", "door"), DOORS.items(), ids=DOORS)
def test_a_library_has_one_door(library: str, door: str) -> None:
    """Only one module or package of ours imports the library, so that only one has to follow its changes."""
    users = [name_of(path) for path in modules() if any(is_inside(module, library) for module in imports(path))]
    strangers = [name for name in users if not is_inside(dotted(ROOT / name), door)]

    assert strangers == []


@pytest.mark.parametrize("folder", ["cluster", "probing"])
def test_the_data_plane_and_the_prober_know_no_answer(folder: str) -> None:
    """Neither imports the predictor, the judge or a scenario: else we would only prove that we agree with ourselves."""
    answers = ["harness.semantics", "harness.judge", "harness.scenario", "harness.forecast", "harness.runner"]
    found = [
        f"{name_of(path)} imports {module}"
        for path in modules(f"harness/{folder}")
        for module in sorted(imports(path))
        if any(is_inside(module, answer) for answer in answers)
    ]

    assert found == []


def test_imports_are_absolute() -> None:
    """A relative import would go past the checks of this file."""
    relative = [name_of(path) for path in modules() if any(line.startswith("from .") for line in _lines(path))]

    assert relative == []


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text().splitlines()]
