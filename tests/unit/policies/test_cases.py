"""Each document of `tests/cases/policies/*.yaml` is a manifest, and the faults or the policy it must come to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

_FOLDER = Path(__file__).parents[2] / "cases" / "policies"
_HEAD = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "rules", "namespace": "shop"},
}


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{file.stem}: {case['case']}")
        for file in sorted(_FOLDER.glob("*.yaml"))
        for case in yaml.safe_load_all(file.read_text())
    ]


def _document(case: dict[str, Any]) -> Any:
    return case["manifest"] if "manifest" in case else {**_HEAD, "spec": case["spec"]}


@pytest.mark.parametrize("case", _cases())
def test_a_manifest_comes_to_its_faults_or_its_view(case: dict[str, Any], read: Callable, view: Callable) -> None:
    """Every fault at its path with its remedy, all at once; otherwise the policy as the server stores it."""

    policy, faults = read(_document(case))

    actual = (
        {"view": view(policy)}
        if policy
        else {"faults": [[list(path), fault, remedy] for path, fault, remedy in faults]}
    )
    assert actual == {key: value for key, value in case.items() if key in ("view", "faults")}


def test_cases_are_not_lost() -> None:
    """A folder that is found empty would pass in silence."""

    assert len(_cases()) > 100
