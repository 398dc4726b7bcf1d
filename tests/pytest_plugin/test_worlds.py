"""Tests in Python: a topology, a policy and a matrix, without YAML and with the same proofs."""

from __future__ import annotations

import json

import pytest

from tests.pytest_plugin.project import Project

pytest_plugins = ["pytester"]

# The example of README, executed.
EXAMPLE = """
from harness.api import allow, deny

ONLY_WEB = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"namespace": "shop", "name": "only-80"},
    "spec": {
        "podSelector": {"matchLabels": {"tier": "db"}},
        "ingress": [{"ports": [{"port": 80, "protocol": "TCP"}]}],
    },
}


def test_only_port_80_of_the_database_is_open(netpol):
    shop = netpol.world({"shop/db": {"labels": {"tier": "db"}, "listen": [80, 81]}, "shop/web": {}})
    shop.assert_matrix("allow")

    shop.apply(ONLY_WEB)
    step = shop.assert_matrix("allow", deny("* -> shop/db:81"), allow("shop/web -> shop/db:80"))

    assert step.first_correct_s < 5
"""


def test_a_test_in_python_asserts_a_matrix(project: Project, pytester: pytest.Pytester) -> None:
    """The example of README."""
    pytester.makepyfile(test_shop=EXAMPLE)
    project.run().assert_outcomes(passed=1)

    assert project.clusters() == ["open host", "close host leaving 0 objects"]


def test_a_leak_is_an_assertion_error_with_the_report(project: Project, pytester: pytest.Pytester) -> None:
    """At the line of the test, with matrix, explanation and command."""
    pytester.makepyfile(test_shop=EXAMPLE)
    result = project.run("--np-fault=deaf", "--np-json=result.json")
    document = json.loads((project.path / "result.json").read_text())

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       step = shop.assert_matrix(*",
            "E*harness.api.rules.MismatchError:*",
            "E*LEAK: 1 flow",
            "E*declared   deny at test_shop.py:19:1",
            "E*nc -n -z *",
            "test_shop.py:19: MismatchError",
        ]
    )
    assert [flow["verdict"] for flow in document["scenarios"][0]["steps"][1]["flows"]].count("LEAK") == 1


@pytest.mark.parametrize(("how", "outcomes"), [("error", {"failed": 1}), ("skip", {"skipped": 1})])
def test_what_is_not_proved_is_no_assertion_error(
    project: Project, pytester: pytest.Pytester, how: str, outcomes: dict[str, int]
) -> None:
    """Nothing is known then, which a test may be skipped for and never passes with."""
    pytester.makepyfile(
        test_shop=EXAMPLE.replace('shop.assert_matrix("allow")', "")
        .replace("allow(", "deny(")
        .replace("import deny, deny", "import allow, deny")
    )
    result = project.run("--np-fault=flaky", f"--np-inconclusive={how}", "-rs")

    result.assert_outcomes(**outcomes)
    assert "AssertionError" not in result.stdout.str()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('shop.assert_matrix("allow", deny("* -> shop/dp"))', "shop/dp"),
        ('shop.apply({"kind": "NetworkPolicy"}).assert_matrix("allow")', "apiVersion"),
        ('shop.apply("kind: [").assert_matrix("allow")', "<policy 1>:2:1"),
        ('shop.delete("NetworkPolicy/shop/none").assert_matrix("allow")', "NetworkPolicy/shop/none"),
        ('shop.add({"lab/pod": {}}).assert_matrix("allow")', "lab"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_tried(
    project: Project, pytester: pytest.Pytester, call: str, said: str
) -> None:
    """The same checks as for a scenario file, at the line of the test."""
    pytester.makepyfile(
        test_shop=f"""
from harness.api import deny


def test_shop(netpol):
    shop = netpol.world({{"shop/db": {{"listen": [80]}}, "shop/web": {{}}}})
    {call}
"""
    )
    result = project.run()
    text = result.stdout.str()

    result.assert_outcomes(failed=1)
    assert ("ScenarioError" in text, said in text) == (True, True)


def test_every_change_of_a_scenario_can_be_made(project: Project, pytester: pytest.Pytester) -> None:
    """Policies as text and as file, labels, pods that come, go and move; each denial is proved at once."""
    (project.path / "policy.yaml").write_text(
        """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: only-80}
spec:
  podSelector: {matchLabels: {tier: db}}
  ingress: [{ports: [{port: 80, protocol: TCP}]}]
"""
    )
    pytester.makepyfile(
        test_shop="""
from pathlib import Path
from harness.api import allow


def test_shop(netpol):
    with netpol.world({"shop/db": {"labels": {"tier": "db"}, "listen": [80, 81]}, "shop/web": {}}) as shop:
        shop.apply(Path("policy.yaml")).assert_matrix("deny", allow("* -> *:80"))
        shop.restart("shop/db").assert_matrix("deny", allow("* -> *:80"))
        shop.add({"lab/probe": {}}, namespaces={"lab": {}}).assert_matrix("deny", allow("* -> *:80"))
        shop.relabel({"shop/db": {"tier": None}}).assert_matrix("allow")
        shop.relabel({"shop/db": {"tier": "db"}}).remove("lab").assert_predicted()
        shop.assert_drawn('''
            81/TCP       shop/db
            shop/web     X
        ''', default="allow")
        shop.delete("NetworkPolicy/shop/only-80").assert_matrix("deny", allow("* -> *"))


def test_twin(netpol):
    netpol.world({"shop/db": {"labels": {"tier": "db"}, "listen": [80, 81]}, "shop/web": {}}).assert_matrix("allow")
"""
    )
    result = project.run("--np-json=result.json")
    document = json.loads((project.path / "result.json").read_text())

    result.assert_outcomes(passed=2)
    assert [len(scenario["steps"]) for scenario in document["scenarios"]] == [7, 1]
    assert project.clusters()[-1] == "close host leaving 0 objects"


def test_a_test_without_a_cluster_is_an_error_of_its_set_up(project: Project, pytester: pytest.Pytester) -> None:
    """One says it; the others refer to it."""
    pytester.makepyfile(test_shop=EXAMPLE + "\n\ndef test_twin(netpol):\n    pass\n")
    result = project.run("--np-fault=open")

    result.assert_outcomes(errors=1, skipped=1)
    result.stdout.fnmatch_lines(["ERROR test_shop.py::* - this cluster *"])
