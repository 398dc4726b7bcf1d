"""The local cluster without root: everything again in a user namespace, as nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.netns

ROOT = Path(__file__).resolve().parents[2]
# Runs as another user, who may be unable to read this checkout: everything needed is copied.
PROGRAM = """
import json, os, sys
from harness.cluster.netns import leftovers
from harness.cluster.local.provider import LocalProvider
from harness.cluster.local.requirements import requirements
from harness.model.flow import Family
from tests.contract.asking import ask, bring_up, namespace, pod, pod_ref, policy
assert os.geteuid() != 0
missing = requirements()
if missing:
    print(json.dumps({"missing": [str(item) for item in missing]}))
    sys.exit()
with LocalProvider(run="rootless").open() as cluster:
    addresses = bring_up(cluster, [namespace("x"), pod("x", "client"), pod("x", "server", 80)])
    client, server = pod_ref("x", "client"), addresses[pod_ref("x", "server")]
    before = [ask(cluster, client, address, 80) for address in server.values()]
    cluster.apply([policy("x", "deny", podSelector={})])
    after = [ask(cluster, client, address, 80, timeout_s=0.2) for address in server.values()]
    mine = len([1 for _, marker in leftovers._marked() if marker.run == "rootless"])
print(json.dumps({"before": before, "after": after, "processes": mine}))
"""


def test_a_user_without_privileges_has_a_cluster_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a user namespace of its own the cluster routes and denies as it does for root."""
    if os.geteuid() == 0:
        prefix, python = _as_nobody()
        folder = Path("/var/tmp") / f"netpol-harness-rootless-{os.getpid()}"
    else:
        prefix, python = [], sys.executable
        folder = tmp_path_factory.mktemp("rootless")
    try:
        for part in ("harness", "probes", "tests"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        done = subprocess.run(
            [*prefix, python, "-c", PROGRAM], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if '"missing"' in done.stdout:
        pytest.skip(f"needs user namespaces: {done.stdout}")

    assert done.stderr == ""
    assert done.stdout == '{"before": ["x/server", "x/server"], "after": ["timeout", "timeout"], "processes": 4}\n'


def _as_nobody() -> tuple[list[str], str]:
    """Return how to become nobody, and a Python that nobody may run."""
    # setpriv itself still has root's access when it starts a program; env, started by it, has not.
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env"]
    for candidate in (sys.executable, "/usr/bin/python3"):
        checked = [*become, candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        try:
            if subprocess.run(checked, capture_output=True, check=False, timeout=20, cwd="/").returncode == 0:
                return become, candidate
        except OSError:
            continue
    pytest.skip("needs setpriv (util-linux) and a Python 3.11 that other users may run")
