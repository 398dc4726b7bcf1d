"""Several workers on one cluster: made and left once by the controller, shared without meeting, one result of all."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.pytest_plugin.project import SCENARIO, Project

pytest_plugins = ["pytester"]

SHARED = "--np-context=shared"
LOG_POD = """
import os
class FakeCluster(FakeCluster):
    def apply(self, manifests):
        for item in manifests:
            if item["metadata"]["name"] == "db":
                log(f"pod {item['metadata']['namespace']} {item['metadata']['labels']['team']}")
        super().apply(manifests)
"""


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name a folder for compiled modules: a worker that compiles everything anew starts ten times slower."""
    return Path(os.environ.get("PYTHONPYCACHEPREFIX") or tmp_path_factory.mktemp("compiled"))


@pytest.fixture(autouse=True)
def _compiling(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(compiled))


def teams(project: Project, names: str, team: str) -> None:
    """Write a scenario for each letter of `names`, all with the same pods."""
    for name in names:
        project.scenario(name, SCENARIO.replace("{tier: db}", f"{{tier: db, team: {team}}}"))


@pytest.mark.slow
def test_one_cluster_is_opened_and_left_by_the_controller_and_workers_are_guests(project: Project) -> None:
    """Created once, deleted once, whoever finishes first."""
    teams(project, "abc", "red")
    teams(project, "def", "blue")
    result = project.run_apart("-n3", SHARED, "--np-json=result.json")
    document = json.loads((project.path / "result.json").read_text())
    log = project.clusters()

    result.assert_outcomes(passed=12)
    assert (log[0], log[-1]) == ("open host", "close host leaving 0 objects")
    assert (log.count("open host"), log.count("open guest")) == (1, log.count("close guest leaving 0 objects"))
    assert [scenario["name"] for scenario in document["scenarios"]] == list("abcdef")
    assert document["summary"]["MATCH"] == 24


@pytest.mark.slow
@pytest.mark.parametrize("dist", ["load", "loadscope", "loadfile", "loadgroup", "worksteal", "each"])
def test_scenarios_that_share_pods_stay_together_whatever_dist_says(project: Project, dist: str) -> None:
    """Each topology comes up once in the whole session, and every scenario is played once."""
    project.configure(LOG_POD)
    teams(project, "ac", "red")
    teams(project, "bd", "blue")
    result = project.run_apart("-n2", SHARED, f"--dist={dist}")
    pods = Counter(line.split()[2] for line in project.clusters() if line.startswith("pod "))

    result.assert_outcomes(passed=8)
    assert pods == {"red": 1, "blue": 1}


@pytest.mark.slow
def test_no_two_workers_share_a_namespace(project: Project) -> None:
    """Each has the worker's name in it."""
    project.configure(LOG_POD)
    teams(project, "a", "red")
    teams(project, "b", "blue")
    project.run_apart("-n2", SHARED).assert_outcomes(passed=4)
    namespaces = [line.split()[1] for line in project.clusters() if line.startswith("pod ")]

    assert sorted(name.split("-", 2)[2] for name in namespaces) == ["gw0-1-shop", "gw1-1-shop"]
    assert len({name.split("-")[1] for name in namespaces}) == 1


@pytest.mark.slow
def test_a_worker_that_dies_loses_its_test_and_not_the_run(project: Project) -> None:
    """What it had found is kept, what it had not is played by another, and the cluster is left clean."""
    project.configure(
        """
import os, signal
from harness.pytest_plugin.collecting import StepItem
def pytest_runtest_call(item):
    flag = Path(__file__).parent / "died"
    if isinstance(item, StepItem) and item.nodeid.startswith("b.") and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""
    )
    teams(project, "abc", "red")
    result = project.run_apart("-n2", SHARED, "--np-json=result.json")
    document = json.loads((project.path / "result.json").read_text())

    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["*worker 'gw*' crashed while running 'b.scenario.yaml::before any policy'*"])
    assert sorted(scenario["name"] for scenario in document["scenarios"]) == ["a", "b", "c"]
    assert document["summary"]["MATCH"] == 12
    assert project.clusters()[-1] == "close host leaving 0 objects"


@pytest.mark.slow
def test_a_cluster_that_does_not_enforce_is_one_error_over_all_workers(project: Project) -> None:
    """Not one for each worker, let alone for each flow."""
    teams(project, "abc", "red")
    teams(project, "def", "blue")
    result = project.run_apart("-n3", SHARED, "--np-fault=open", "--np-json=result.json")
    document = json.loads((project.path / "result.json").read_text())

    result.assert_outcomes(errors=1, skipped=11)
    assert document["scenarios"] == []


@pytest.mark.slow
def test_a_cluster_that_cannot_be_opened_is_one_error_and_every_scenario_is_accounted_for(project: Project) -> None:
    """The reports are written when the set-up dies as well."""
    project.configure(
        """
from harness.errors import ClusterError
class Provider(Provider):
    def open(self):
        raise ClusterError("no route to the API server", remedy="kubectl version")
"""
    )
    teams(project, "ab", "red")
    result = project.run_apart("-n2", SHARED, "--np-json=result.json")
    document = json.loads((project.path / "result.json").read_text())

    result.assert_outcomes(errors=1, skipped=3)
    assert "no route to the API server" in result.stdout.str()
    assert (document["summary"]["scenarios"], document["summary"]["MATCH"]) == (2, 0)


@pytest.mark.slow
def test_collecting_with_workers_touches_no_cluster(project: Project) -> None:
    """Nor does a run that has nothing to do with scenarios."""
    teams(project, "a", "red")
    project.run_apart("-n2", SHARED, "--collect-only")

    assert project.clusters() == []


@pytest.mark.slow
def test_tests_in_python_use_the_same_cluster(project: Project, pytester: pytest.Pytester) -> None:
    """The controller opens it for them too, though none of them is a scenario file."""
    body = 'netpol.world({"shop/db": {"listen": [80]}, "shop/web": {}}).assert_matrix("allow")'
    pytester.makepyfile("".join(f"def test_{name}(netpol):\n    {body}\n\n" for name in "abcd"))
    result = project.run_apart("-n2", SHARED, "--np-json=result.json")
    document = json.loads((project.path / "result.json").read_text())

    result.assert_outcomes(passed=4)
    assert document["summary"]["scenarios"] == 4
    assert project.clusters().count("open host") == 1


@pytest.mark.slow
def test_what_a_worker_could_not_leave_clean_is_told_by_the_controller(project: Project) -> None:
    """Nobody sees a worker's terminal, and a session that leaves something behind is not green."""
    project.configure(
        """
from harness.errors import ClusterError
class FakeCluster(FakeCluster):
    def delete(self, refs):
        if any("sentinel" in ref.name for ref in refs):
            raise ClusterError("the namespace does not go away")
        super().delete(refs)
"""
    )
    teams(project, "a", "red")
    result = project.run_apart("-n1", SHARED)

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["the cluster was not left clean: gw0: the namespace does not go away"])
    assert result.ret != pytest.ExitCode.OK
