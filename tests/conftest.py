"""What tests may need of a machine: skipped by name where it is missing, failed under `--require NAME`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import cache

import pytest
from hypothesis import settings

# Examples get as long as a loaded machine takes: a deadline would be red by chance.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


@cache
def _netns() -> str | None:
    """Say what keeps this machine from having network namespaces with nftables, None where it has them."""
    absent = [program for program in ("ip", "nft", "unshare") if shutil.which(program) is None]
    if absent:
        return f"no {', '.join(absent)} on PATH; install iproute2, nftables and util-linux"
    # Not only allowed in principle: made, and its firewall asked.
    identity = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *identity, "--net", "nft", "list", "ruleset"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"`{' '.join(command)}` does not run: {error}"
    if tried.returncode == 0:
        return None
    return (
        f"`{' '.join(command)}` says: {tried.stderr.strip() or tried.returncode}; "
        "run as root, or allow unprivileged user namespaces"
    )


@cache
def _nc() -> str | None:
    return None if shutil.which("nc") else "no nc on PATH; install netcat-openbsd"


@cache
def _curl() -> str | None:
    return None if shutil.which("curl") else "no curl on PATH; install curl"


@cache
def _openssl() -> str | None:
    return None if shutil.which("openssl") else "no openssl on PATH; install openssl"


@cache
def _chromium() -> str | None:
    absent = [program for program in ("chromium", "chromedriver") if shutil.which(program) is None]
    return f"no {' and no '.join(absent)} on PATH; as root: ci/browser" if absent else None


@cache
def _cluster() -> str | None:
    path = os.environ.get("NETPOL_KUBECONFIG")
    if not path:
        return "no cluster to try it on; set NETPOL_KUBECONFIG to the kubeconfig of one that is for tests"
    return None if os.path.exists(path) else f"NETPOL_KUBECONFIG names {path}, which does not exist"  # noqa: PTH110


@cache
def _audit() -> str | None:
    path = os.environ.get("NETPOL_AUDIT_LOG")
    if not path:
        return "no record of what was written; set NETPOL_AUDIT_LOG to the audit log of the cluster's API server"
    return None if os.access(path, os.R_OK) else f"NETPOL_AUDIT_LOG names {path}, which cannot be read"


@cache
def _lab() -> str | None:
    path = os.environ.get("NETPOL_LAB")
    if not path:
        return "no cluster whose daemons may be killed; set NETPOL_LAB to the program that kills them"
    return None if os.access(path, os.X_OK) else f"NETPOL_LAB names {path}, which is no program"


@cache
def _kind() -> str | None:
    if "NETPOL_KIND" not in os.environ:
        return "nobody asked for one; set NETPOL_KIND to the options of a cluster, as '--cni calico' or ''"
    for command in (["kind", "version"], ["docker", "version"]):
        try:
            tried = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"`{' '.join(command)}` does not run: {error}; install kind and docker"
        if tried.returncode != 0:
            return f"`{' '.join(command)}` says: {tried.stderr.strip()}; start docker"
    return None


# Name -> what is missing and how to get it, None where nothing is.
REQUIREMENTS: Mapping[str, Callable[[], str | None]] = {
    "netns": _netns,
    "nc": _nc,
    "curl": _curl,
    "openssl": _openssl,
    "chromium": _chromium,
    "cluster": _cluster,
    "audit": _audit,
    "lab": _lab,
    "kind": _kind,
}


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a `--require` that nothing answers to: it would never fail anything."""
    for name in config.getoption("--require"):
        if name not in REQUIREMENTS:
            raise pytest.UsageError(f"--require {name}: unknown; known: {', '.join(REQUIREMENTS)}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Require whatever a test is marked with, `netns` for one."""
    for name in REQUIREMENTS:
        if item.get_closest_marker(name) is not None:
            _demand(item.config, name)


@pytest.fixture
def require(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return a function that skips the test unless the machine has what it names."""

    def demand(name: str) -> None:
        _demand(request.config, name)

    return demand


def _demand(config: pytest.Config, name: str) -> None:
    missing = REQUIREMENTS[name]()
    if missing is None:
        return
    if name in config.getoption("--require"):
        pytest.fail(f"required {name} is missing: {missing}", pytrace=False)
    pytest.skip(f"needs {name}: {missing}")
