"""What a command is about: scenarios, loaded with every problem of every file at once, and a cluster."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.cluster.interface import ClusterProvider
from harness.cluster.options import OF_ANY, OF_KIND
from harness.cluster.registry import open_provider
from harness.errors import Problem, ScenarioError, UsageError
from harness.model.scenario import Scenario
from harness.scenario.load import discover, load


def load_all(paths: Sequence[str]) -> tuple[tuple[Scenario, ...], tuple[Problem, ...]]:
    """Load every scenario below `paths`; files with problems are left out and their problems returned."""
    scenarios: list[Scenario] = []
    problems: list[Problem] = []
    for path in discover([Path(path) for path in paths]):
        try:
            scenarios.append(load(path))
        except ScenarioError as error:
            problems += error.problems
    return tuple(scenarios), tuple(problems)


def load_selected(paths: Sequence[str], tags: Sequence[str]) -> tuple[Scenario, ...]:
    """Load every scenario that has the tags.

    Raises `ScenarioError` with all problems of all files, and `UsageError` when nothing is left.
    """
    scenarios, problems = load_all(paths)
    if problems:
        raise ScenarioError(problems)
    chosen = tuple(scenario for scenario in scenarios if is_selected(scenario, tags))
    if not chosen:
        known = sorted({tag for scenario in scenarios for tag in scenario.tags})
        raise UsageError(f"no scenario has {' and '.join(tags)}", remedy=f"tags there are: {', '.join(known)}")
    return chosen


def is_selected(scenario: Scenario, tags: Sequence[str]) -> bool:
    """Tell whether a scenario has every wanted tag and none of the unwanted (`!tag`) ones."""
    return all((tag[1:] not in scenario.tags) if tag.startswith("!") else (tag in scenario.tags) for tag in tags)


_CLUSTER_OPTIONS = ("fault", "keep", *(option.name.replace("-", "_") for option in (*OF_ANY, *OF_KIND)))


def chosen_provider(
    options: Namespace, run: str, offered: Mapping[str, Any] | None = None, *, disturbs: bool = False
) -> ClusterProvider:
    """Build the provider of the cluster that the command line names. Raises `UsageError`.

    What is `offered` is for one that takes long to open. `disturbs` says that the run takes names that another run may
    want as well.
    """
    chosen = {name: getattr(options, name, None) for name in _CLUSTER_OPTIONS}
    # A private cluster has nobody on it to disturb.
    exclusive = (disturbs and options.cluster == "kubeconfig") or None
    return open_provider(options.cluster, offered, run=run, exclusive=exclusive, **chosen)
