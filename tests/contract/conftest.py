"""Every cluster that the suite is run against: each registered one, and the fake that other tests rely on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from harness.cluster.interface import Cluster
from harness.cluster.registry import open_provider
from tests.contract.shared import close_kind, kind_cluster, kubeconfig_cluster
from tests.fake import FakeCluster, FakeProvider

# How to open a cluster by the name it is registered under; a name that is missing here fails a test.
OPENERS: dict[str, Callable[[], AbstractContextManager[Cluster]]] = {
    "local": lambda: open_provider("local", run="contract").open(),
    "kubeconfig": kubeconfig_cluster,
    "kind": kind_cluster,
    "fake": lambda: FakeProvider(FakeCluster()).open(),
}

PARAMETERS = [
    pytest.param("local", marks=pytest.mark.netns),
    pytest.param("kubeconfig", marks=pytest.mark.cluster),
    pytest.param("kind", marks=pytest.mark.kind),
    pytest.param("fake"),
]


@pytest.fixture(scope="session", autouse=True)
def _kind_is_closed() -> Iterator[None]:
    """Delete the kind cluster of this session, if anybody asked for it."""
    yield
    close_kind()


@pytest.fixture(params=PARAMETERS)
def opener(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[Cluster]]:
    """Return what opens a new cluster of each kind."""
    return OPENERS[request.param]


@pytest.fixture
def cluster(opener: Callable[[], AbstractContextManager[Cluster]]) -> Iterator[Cluster]:
    """Return an open, empty cluster of each kind."""
    with opener() as opened:
        yield opened
