"""Each document of `tests/cases/decoding/*.yaml` is a scenario, files beside it, and the errors it must come to."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.errors import ScenarioError
from harness.scenario.load import load

_FOLDER = Path(__file__).parents[2] / "cases" / "decoding"


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{file.stem}: {case['case']}")
        for file in sorted(_FOLDER.glob("*.yaml"))
        for case in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    ]


def _errors(folder: Path, case: dict[str, Any]) -> str:
    for name, text in {"x.scenario.yaml": case["scenario"], **case.get("files", {})}.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    try:
        load(folder / "x.scenario.yaml")
    except ScenarioError as error:
        return str(error).replace(f"{folder}/", "") + "\n"
    return ""


@pytest.mark.parametrize("case", _cases())
def test_a_scenario_comes_to_its_errors(case: dict[str, Any], tmp_path: Path) -> None:
    """Every error of a file and its manifests at once, with position, source line, caret and remedy."""

    assert _errors(tmp_path, case) == case["errors"]


def test_cases_are_not_lost() -> None:
    """A folder that is found empty would pass in silence."""

    assert len(_cases()) > 50
