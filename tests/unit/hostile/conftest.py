"""Files that mean harm."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import Problem, ScenarioError
from harness.scenario.load import load


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[str | bytes], tuple[Problem, ...]]:
    """Return a function that loads a content and returns its problems, found in under a second of work."""

    def problems(content: str | bytes) -> tuple[Problem, ...]:
        path = tmp_path / "x.scenario.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        started = time.process_time()
        with pytest.raises(ScenarioError) as caught:
            load(path)
        str(caught.value)
        assert time.process_time() - started < 1
        return caught.value.problems

    return problems
