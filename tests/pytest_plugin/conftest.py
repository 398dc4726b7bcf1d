"""Fixtures: a project of somebody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

# Imported now, so that pytest run inside this process does not import them anew each time: besides being slow,
# yaml's compiled half does not survive that.
import harness.pytest_plugin.collecting
import harness.pytest_plugin.worlds  # noqa: F401
from harness.cluster import registry
from tests.pytest_plugin.project import Project


@pytest.fixture
def project(pytester: pytest.Pytester) -> Iterator[Project]:
    """Make a project with nothing in it but a cluster in memory."""
    before = dict(registry.CLUSTERS)
    yield Project(pytester)
    registry.CLUSTERS.clear()
    registry.CLUSTERS.update(before)
