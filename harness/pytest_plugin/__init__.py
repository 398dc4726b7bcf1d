"""The pytest plugin: scenario files become test items, and Python tests get a cluster; public pytest API only.

Loaded by every pytest run on the machine, so this module and those that it imports know nothing of
scenarios or clusters. All else is imported when the first scenario file, or the first use of a fixture, is met.

    options, rendezvous, hooks, controller, distributing     light: in every run
    session                                                  one process's part: what is played, what is told
    collecting, failing, playing, gathering, hosting, worlds
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin.hooks import Hooks
from harness.pytest_plugin.options import choices, declare

if TYPE_CHECKING:
    from harness.api import Worlds


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--np-*`, and the same for the configuration file."""
    declare(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse choices that cannot be meant before anything is collected, and listen to the session."""
    config.addinivalue_line("markers", "netpol: a scenario of netpol-harness")
    chosen = choices(config)
    is_worker = hasattr(config, "workerinput")
    for name, target in {} if is_worker else chosen.reports.items():
        if Path(target).is_dir() or not Path(target).resolve().parent.is_dir():
            raise pytest.UsageError(f"--np-{name} {target}: cannot be written; name a file in a folder that exists")
    config.pluginmanager.register(Hooks(config), "netpol-harness session")
    if config.pluginmanager.hasplugin("xdist") and not is_worker:
        from harness.pytest_plugin.controller import Controller

        config.pluginmanager.register(Controller(config), "netpol-harness controller")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenario files."""
    if not file_path.name.endswith(".scenario.yaml"):
        return None
    from harness.pytest_plugin.collecting import ScenarioFile

    return ScenarioFile.from_parent(parent, path=file_path)


@pytest.fixture
def netpol(request: pytest.FixtureRequest) -> Iterator[Worlds]:
    """Worlds of pods on the session's cluster: bring pods up, apply policies, assert what gets through."""
    from harness.pytest_plugin.worlds import worlds

    with worlds(request) as opened:
        yield opened
