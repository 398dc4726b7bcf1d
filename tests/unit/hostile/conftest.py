"""Files that mean harm."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from harness.errors import Problem, ScenarioError
from harness.scenario.load import load

# What it costs to compose the yardstick on the machine that the bound of a second was set on.
_YARDSTICK = "[" + "1," * 50_000 + "]"
_YARDSTICK_S = 0.12


def _slowness() -> float:
    """Return how much slower this machine is just now: neighbours on its cores and caches cost CPU time, too."""
    costs = []
    for _ in range(3):
        started = time.process_time()
        yaml.compose(_YARDSTICK, Loader=yaml.CSafeLoader)
        costs.append(time.process_time() - started)
    return max(1.0, min(costs) / _YARDSTICK_S)


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[str | bytes], tuple[Problem, ...]]:
    """Return a function that loads a content and returns its problems, found in a second of work at most."""

    def problems(content: str | bytes) -> tuple[Problem, ...]:
        path = tmp_path / "x.scenario.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        started = time.process_time()
        with pytest.raises(ScenarioError) as caught:
            load(path)
        str(caught.value)
        cost_s = time.process_time() - started
        assert cost_s < 1 or cost_s < _slowness()
        return caught.value.problems

    return problems
