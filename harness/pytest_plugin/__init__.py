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
from harness.pytest_plugin.options import PREFIX, Choices, choices, declare

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
    if (chosen.reports or chosen.history) and not is_worker:
        _check_targets(chosen)
    config.pluginmanager.register(Hooks(config), "netpol-harness session")
    if config.pluginmanager.hasplugin("xdist") and not is_worker:
        from harness.pytest_plugin.controller import Controller

        config.pluginmanager.register(Controller(config), "netpol-harness controller")


def _check_targets(chosen: Choices) -> None:
    """Look at the files that will be written. Raises `pytest.UsageError` with all that is wrong with them."""
    from harness.errors import UsageError
    from harness.reporting import files

    in_files = files.in_files(chosen.reports)
    faults = [f"{PREFIX}{name} -: standard output is pytest's" for name in chosen.reports if name not in in_files]
    faults += files.clashes(in_files, PREFIX)
    try:
        if chosen.history:
            # One that cannot take the session says so at its end, with the file that has it.
            files.check_history(Path(chosen.history), PREFIX)
    except UsageError as error:
        faults.append(str(error))
    if faults:
        raise pytest.UsageError("\n".join([*faults, "    name files of their own, in folders that exist"]))


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
