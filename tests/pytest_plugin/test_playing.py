"""What becomes of a step: failures for wrong flows, errors for what was never proved, and words for a person."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from harness.reporting.history.store import open_history
from tests.pytest_plugin.project import SCENARIO, Project

pytest_plugins = ["pytester"]

ORDINARY = "def test_ordinary() -> None:\n    assert True\n"


def test_steps_pass_where_everything_is_as_declared(project: Project, pytester: pytest.Pytester) -> None:
    """Beside ordinary tests, in one session, on a cluster that is opened once and left empty."""
    project.scenario()
    project.scenario("twin")
    pytester.makepyfile(ORDINARY)
    result = project.run()

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["cluster: fake*", "2 scenarios, 4 steps, 16 flows*", "PASSED: all 8 judged flows*"])
    assert project.clusters() == ["open host", "close host leaving 0 objects"]


def test_a_wrong_flow_is_a_failure_at_the_scenarios_own_line(project: Project) -> None:
    """Matrix, explanation and the command to try; no traceback; the summary names the flow."""
    project.scenario()
    result = project.run("--np-fault=deaf")
    text = result.stdout.str()

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "shop.scenario.yaml:15: LEAK shop/web -> shop/db:81/TCP (1 LEAK, 1 MATCH, 2 IGNORED)",
            "FAIL  shop / only port 80: *",
            "*shop/web * L*",
            "*LEAK: 1 flow",
            "*declared *deny at shop.scenario.yaml:15:*",
            "*policies *",
            "*in shop/web:",
            "FAILED shop.scenario.yaml::only port 80 - LEAK shop/web -> shop/db:81/TCP (1 *",
        ]
    )
    assert "Traceback" not in text


def test_only_the_wrong_flow_fails_where_flows_are_items(project: Project) -> None:
    """The finest grain says which flows are right as well; a pod to itself is skipped, with the reason."""
    project.scenario()
    result = project.run("--np-fault=deaf", "--np-items=flow", "-rs")

    result.assert_outcomes(passed=3, failed=1, skipped=4)
    result.stdout.fnmatch_lines(["SKIPPED*nothing to judge: *itself*"])


@pytest.mark.parametrize(
    ("how", "outcomes"),
    [
        ("error", {"errors": 1, "passed": 1}),
        ("fail", {"failed": 1, "passed": 1}),
        ("skip", {"skipped": 1, "passed": 1}),
    ],
)
def test_a_step_without_proof_is_what_was_chosen(project: Project, how: str, outcomes: dict[str, int]) -> None:
    """An error by default: nothing is known of what is tested."""
    # Port 80 refuses from the beginning: its denial under the policy has no positive control.
    text = SCENARIO.replace("- name: before any policy\n  expect: {default: allow}\n", "")
    text = text.replace('deny: "* -> shop/db:81"', 'deny: "* -> shop/db"') + (
        "- name: open again\n  delete: [NetworkPolicy/shop/only-80]\n"
        '  expect: {default: allow, rules: [{ignore: "* -> *:80", because: it is broken}]}\n'
    )
    project.scenario(text=text)
    result = project.run("--np-fault=flaky", f"--np-inconclusive={how}")

    result.assert_outcomes(**outcomes)
    assert how == "skip" or "it was not open in the" in result.stdout.str()


def test_a_cluster_that_does_not_enforce_is_one_error(project: Project) -> None:
    """Never a failure for each flow: one error says it, and whoever comes later refers to it."""
    project.scenario()
    project.scenario("twin")
    result = project.run("--np-fault=open", "--np-json=result.json")
    document = json.loads((project.path / "result.json").read_text())

    result.assert_outcomes(errors=1, skipped=3)
    assert result.stdout.str().count("does not enforce NetworkPolicies") >= 1
    assert (document["scenarios"], document["summary"]["LEAK"]) == ([], 0)
    assert project.clusters() == ["open host", "close host leaving 0 objects"]


def test_ordinary_tests_go_on_where_there_is_no_cluster(project: Project, pytester: pytest.Pytester) -> None:
    """What has nothing to do with the cluster is not stopped by it."""
    project.scenario()
    pytester.makepyfile(ORDINARY)
    result = project.run("--np-fault=open")

    result.assert_outcomes(errors=1, skipped=1, passed=1)


def test_a_scenario_whose_pods_do_not_come_up_is_an_error_and_the_next_one_is_played(project: Project) -> None:
    """A set-up fault is an error of each of its steps, with its text."""
    project.scenario()
    project.scenario("lame", SCENARIO.replace("{shop: {}}", "{shop: {}, lost: {}}"))
    project.configure(
        """
from harness.errors import ClusterError
class FakeCluster(FakeCluster):
    def apply(self, manifests):
        if any("lost" in item["metadata"]["name"] for item in manifests):
            raise ClusterError("no room for another namespace")
        super().apply(manifests)
"""
    )
    result = project.run()

    result.assert_outcomes(errors=2, passed=2)
    result.stdout.fnmatch_lines(["ERROR lame.scenario.yaml::before any policy - no room for another namespace"])


def test_pods_are_shared_by_scenarios_with_the_same_topology_wherever_they_stand(project: Project) -> None:
    """Kept as long as somebody to come needs them, and taken down then."""
    project.scenario("a")
    project.scenario("b", SCENARIO.replace("tier: web", "tier: front"))
    project.scenario("c")
    project.configure(
        """
class FakeCluster(FakeCluster):
    def apply(self, manifests):
        for item in manifests:
            if item["metadata"]["name"] == "db":
                log("pod")
        super().apply(manifests)
"""
    )
    project.run().assert_outcomes(passed=6)

    assert project.clusters() == ["open host", "pod", "pod", "close host leaving 0 objects"]


def test_the_time_of_an_item_is_that_of_its_step(project: Project) -> None:
    """Playing happens in the first item's set-up; what is reported is what each step took."""
    project.scenario()
    project.run("--junitxml=out.xml", "--np-json=result.json")
    cases = {
        case.get("name"): float(case.get("time") or 0)
        for case in ET.parse(project.path / "out.xml").iter("testcase")  # noqa: S314 - pytest's own
    }

    assert all(seconds > 0.01 for seconds in cases.values())
    assert len(cases) == 2


def test_reports_are_written_with_what_was_found(project: Project) -> None:
    """The result document is that of the command line."""
    project.scenario()
    project.run("--np-json=result.json", "--np-fault=deaf")
    document = json.loads((project.path / "result.json").read_text())

    assert document["schema"] == "netpol-harness/result/v1"
    assert (document["summary"]["LEAK"], document["summary"]["scenarios"]) == (1, 1)


def test_a_report_that_cannot_be_written_is_told_of_and_turns_a_green_session_red(project: Project) -> None:
    """Nothing is lost silently."""
    project.scenario()
    (project.path / "gone").mkdir()
    project.configure(
        "def pytest_runtestloop():\n    import os\n    os.rmdir(Path(__file__).parent / 'gone')\n",
    )
    result = project.run("--np-json=gone/result.json")

    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["--np-json gone/result.json: No such file or directory"])


def test_what_could_never_be_written_is_told_before_anything_is_played(project: Project) -> None:
    """All of it at once, in the plugin's own words."""
    project.scenario()
    result = project.run("--np-json=none/a", "--np-junit=same", "--np-markdown=same")
    nothing = project.run("--np-history=none/runs.db")

    assert (result.ret, nothing.ret, project.clusters()) == (
        pytest.ExitCode.USAGE_ERROR,
        pytest.ExitCode.USAGE_ERROR,
        [],
    )
    result.stderr.fnmatch_lines(
        ["*--np-json none/a: cannot be written: there is no folder none", "*--np-markdown same: * taken by --np-junit"]
    )
    nothing.stderr.fnmatch_lines(["*--np-history none/runs.db: there is no folder none"])


def test_sessions_are_kept_in_a_history(project: Project, pytester: pytest.Pytester) -> None:
    """By option or by configuration file, as `netpol-harness history` shows them; with workers once."""
    project.scenario()
    project.run("--np-history=runs.db")
    pytester.makeini("[pytest]\nnp_history = runs.db\n")
    project.run("--np-fault=deaf")
    with open_history(project.path / "runs.db") as kept:
        runs = [kept.read(each.number) for each in kept.index()]

    assert len(runs) == 2
    assert [len(run.scenarios) for run in runs] == [1, 1]


def test_a_history_that_takes_no_run_turns_a_green_session_red(project: Project) -> None:
    """The run is kept beside it, and where is told."""
    project.scenario()
    (project.path / "runs.db").write_text("no database at all\n" * 99)
    result = project.run("--np-history=runs.db")

    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    result.stdout.fnmatch_lines(["--np-history *no SQLite database*", "*this run is kept in runs.db.*"])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--np-profile=calicoo", "--np-profile calicoo: no profile is called 'calicoo'"),
        ("--np-nodes=two", "--np-nodes: 'two' is no number of at least 1"),
        ("--np-nodes=3", "--np-nodes means nothing to --np-cluster fake"),
    ],
)
def test_an_option_that_cannot_be_is_a_usage_error(project: Project, option: str, said: str) -> None:
    """Before any cluster is opened."""
    project.scenario()
    result = project.run(option)

    assert (result.ret, project.clusters()) == (pytest.ExitCode.USAGE_ERROR, [])
    result.stderr.fnmatch_lines([f"*{said}*"])


def test_an_interrupted_session_cleans_up_and_reports_what_it_has(project: Project, pytester: pytest.Pytester) -> None:
    """Scenarios that were never played are in the report, with the reason; nothing stays on the cluster."""
    project.scenario("a")
    pytester.makepyfile(test_b="def test_stop() -> None:\n    raise KeyboardInterrupt\n")
    project.scenario("z")
    result = project.run_apart("a.scenario.yaml", "test_b.py", "z.scenario.yaml", "--np-json=result.json")
    document = json.loads((project.path / "result.json").read_text())
    steps = [scenario["steps"][0]["flows"][2]["verdict"] for scenario in document["scenarios"]]

    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert steps == ["MATCH", "INCONCLUSIVE"]
    assert project.clusters()[-1] == "close host leaving 0 objects"


def test_a_session_without_scenarios_says_nothing_and_opens_nothing(
    project: Project, pytester: pytest.Pytester
) -> None:
    """The plugin is on the machine of people who do not use it today."""
    pytester.makepyfile(ORDINARY)
    result = project.run()

    result.assert_outcomes(passed=1)
    assert ("network policies" in result.stdout.str(), project.clusters()) == (False, [])
