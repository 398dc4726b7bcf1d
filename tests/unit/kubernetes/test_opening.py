"""Opening a kubeconfig: what is refused before any server is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cluster.registry import open_provider
from harness.errors import ClusterError, UsageError


def test_a_real_cluster_takes_no_fault() -> None:
    """Faults are an emulator's."""
    with pytest.raises(UsageError, match="takes no fault"):
        open_provider("kubeconfig", run="r1", fault="drops-all")


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The error says which file, not that a library failed."""
    missing = str(tmp_path / "none")
    with (
        pytest.raises(ClusterError, match="none: this kubeconfig cannot be used"),
        open_provider("kubeconfig", run="r1", kubeconfig=missing).open(),
    ):
        pass


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Opening the current context instead would test the wrong cluster."""
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\nkind: Config\ncurrent-context: ''\nclusters: []\ncontexts: []\nusers: []\n")
    with (
        pytest.raises(ClusterError, match="staging"),
        open_provider("kubeconfig", run="r1", kubeconfig=str(path), context="staging").open(),
    ):
        pass
