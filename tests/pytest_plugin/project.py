"""A small project of somebody else, with scenarios and a cluster in memory, for pytest to run in."""

from __future__ import annotations

from pathlib import Path

import pytest

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: only-80}
spec:
  podSelector: {matchLabels: {tier: db}}
  ingress: [{ports: [{port: 80, protocol: TCP}]}]
"""
SCENARIO = """
scenario: NAME
about: Only port 80 of the shop is open.
tags: [segmentation]
topology:
  namespaces: {shop: {}}
  pods:
    shop/db: {labels: {tier: db}, listen: [80, 81]}
    shop/web: {labels: {tier: web}}
steps:
- name: before any policy
  expect: {default: allow}
- name: only port 80
  apply: [policy.yaml]
  expect: {default: allow, rules: [{deny: "* -> shop/db:81"}]}
"""

# `--np-cluster fake`: tests/fake.py, opened by a provider that writes down what becomes of it.
CONFTEST = """
from contextlib import contextmanager
from pathlib import Path

from harness.cluster import registry
from tests.fake import FakeCluster, obedient

LOG = Path(__file__).parent / "clusters.log"
NETWORKS = {
    "obedient": obedient,
    "deaf": lambda cluster, source, name, port, protocol: (
        "open" if "shop" in name else obedient(cluster, source, name, port, protocol)
    ),
    "open": lambda *_: "open",
    "flaky": lambda cluster, source, name, port, protocol: (
        "refused" if "shop" in name and port == 80 and source != name else
        obedient(cluster, source, name, port, protocol)
    ),
}


def log(line):
    with LOG.open("a") as stream:
        stream.write(line + "\\n")


class Provider:
    def __init__(self, run, fault=None, guest=False, context=None):
        self.private = context != "shared"
        self.run, self.fault, self.guest = run, fault, guest

    def preflight(self):
        return ()

    @contextmanager
    def open(self):
        role = "guest" if self.guest else "host"
        log(f"open {role}")
        cluster = FakeCluster(NETWORKS[self.fault or "obedient"])
        try:
            yield cluster
        finally:
            log(f"close {role} leaving {len(cluster.objects)} objects")

    def invitation(self):
        return {"cluster": "fake", "options": {"run": self.run, "fault": self.fault, "guest": True}}


registry.CLUSTERS["fake"] = "conftest_fake:Provider"
import sys
sys.modules["conftest_fake"] = sys.modules[__name__]
"""


class Project:
    """A folder with scenarios; `run` runs pytest in it on the cluster in memory."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.path: Path = pytester.path
        pytester.makeconftest(CONFTEST)
        pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config -p no:cacheprovider\n")
        # The cluster in memory is one of this repository's tests.
        pytester.syspathinsert(Path(__file__).parents[2])

    def configure(self, text: str) -> None:
        """Add to the project's conftest."""
        path = self.path / "conftest.py"
        path.write_text(f"{path.read_text()}\n{text}")

    def scenario(self, name: str = "shop", text: str = SCENARIO) -> Path:
        """Write a scenario and its policy."""
        (self.path / "policy.yaml").write_text(POLICY)
        path = self.path / f"{name}.scenario.yaml"
        path.write_text(text.replace("NAME", name))
        return path

    def run(self, *arguments: str, cluster: str = "fake") -> pytest.RunResult:
        """Run pytest in this process."""
        return self._pytester.runpytest_inprocess("--np-cluster", cluster, *arguments)

    def run_apart(self, *arguments: str, cluster: str = "fake") -> pytest.RunResult:
        """Run pytest in a process of its own, as pytest-xdist needs it."""
        return self._pytester.runpytest_subprocess("--np-cluster", cluster, *arguments)

    def clusters(self) -> list[str]:
        """Return what became of the clusters that were opened, in order."""
        log = self.path / "clusters.log"
        return log.read_text().splitlines() if log.exists() else []
