"""pytest on the embedded cluster, with real packets: what passes, what is caught, and what a dead worker leaves."""

from __future__ import annotations

import json

import pytest

from harness.cluster.netns import leftovers

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.netns, pytest.mark.slow]

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: db-from-web}
spec:
  podSelector: {matchLabels: {tier: db}}
  ingress: [{from: [{podSelector: {matchLabels: {tier: web}}}], ports: [{port: 80, endPort: 85}]}]
"""
SCENARIO = """
scenario: NAME
about: Only the web reaches the database, on a range of ports.
topology:
  namespaces: {shop: {}}
  pods:
    shop/db: {labels: {tier: db}, listen: [80, 83]}
    shop/web: {labels: {tier: web}}
    shop/guest: {}
steps:
- name: segmented
  apply: [policy.yaml]
  expect: {default: allow, rules: [{deny: "* -> shop/db"}, {allow: "shop/web -> shop/db"}]}
"""
PYTHON = """
from harness.api import allow, deny


def test_segmented(netpol):
    shop = netpol.world({
        "shop/db": {"labels": {"tier": "db"}, "listen": [80, 83]},
        "shop/web": {"labels": {"tier": "web"}},
        "shop/guest": {},
    })
    shop.apply(open("policy.yaml").read())
    shop.assert_matrix("allow", deny("* -> shop/db"), allow("shop/web -> shop/db"))
"""


@pytest.fixture(autouse=True)
def _project(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", policy=POLICY)
    for name in ("a", "b", "c"):
        (pytester.path / f"{name}.scenario.yaml").write_text(SCENARIO.replace("NAME", name))
    pytester.makepyfile(test_shop=PYTHON)


def test_scenarios_and_python_tests_pass_on_the_embedded_cluster(pytester: pytest.Pytester) -> None:
    """The default needs no option and nothing but this machine."""
    result = pytester.runpytest_subprocess("--np-json=result.json")
    document = json.loads((pytester.path / "result.json").read_text())

    result.assert_outcomes(passed=4)
    assert (document["cluster"]["kind"], document["summary"]["MATCH"]) == ("local", 4 * 4)


def test_a_fault_of_the_data_plane_fails_the_step(pytester: pytest.Pytester) -> None:
    """The same fault that `run --fault` takes."""
    result = pytester.runpytest_subprocess("a.scenario.yaml", "--np-fault=ignores-end-port")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["a.scenario.yaml:13: OUTAGE shop/web -> shop/db:83/TCP*"])


def test_a_worker_that_is_killed_leaves_no_sandbox(pytester: pytest.Pytester) -> None:
    """Its pods die with it; what it had not told of is played by another."""
    pytester.makeconftest(
        """
import os, signal
from pathlib import Path
def pytest_runtest_call(item):
    flag = Path(__file__).parent / "died"
    if item.nodeid.startswith("b.") and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""
    )
    result = pytester.runpytest_subprocess("-n2", "--np-json=result.json", "a.scenario.yaml", "b.scenario.yaml")
    document = json.loads((pytester.path / "result.json").read_text())

    result.assert_outcomes(passed=1, failed=1)
    assert document["summary"]["MATCH"] == 2 * 4
    assert [pid for pid, marker in leftovers._marked() if marker.run == document["run"]] == []
    assert (pytester.path / "died").exists()
