"""Fixtures of the lab in `tests/live/lab.py`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.live.lab import RULES, Lab


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """An empty lab."""
    if os.geteuid() != 0:
        missing = "this lab names its network namespaces, which takes root; run as root"
        if "netns" in request.config.getoption("--require"):
            pytest.fail(f"required netns is missing: {missing}", pytrace=False)
        pytest.skip(f"needs netns: {missing}")
    built = Lab()
    try:
        yield built
    finally:
        built.close()


@pytest.fixture(scope="module")
def routed(lab: Lab) -> Lab:
    """Client, router and server, joined; the router denies by port."""
    for name in ("client", "router", "server"):
        lab.add(name)
    lab.join("client", "router", "198.51.100", "2001:db8:a")
    lab.join("server", "router", "203.0.113", "2001:db8:b")
    lab.quicken("router", forward=True)
    lab.quicken("server", forward=False)
    lab.inside("router", "nft", "-f", "-", text=RULES)
    return lab
