"""What is collected: a scenario file a collector, its steps the items, and nothing touched before they run."""

from __future__ import annotations

import pytest

from tests.pytest_plugin.project import SCENARIO, Project

pytest_plugins = ["pytester"]


def test_each_step_is_an_item_under_its_file(project: Project) -> None:
    """The id says which file and which step."""
    project.scenario()
    result = project.run("--collect-only", "-q")

    result.stdout.fnmatch_lines(
        ["shop.scenario.yaml::before any policy", "shop.scenario.yaml::only port 80", "*2 tests collected*"]
    )


def test_collecting_touches_no_cluster(project: Project) -> None:
    """`--collect-only` is free of effects."""
    project.scenario()
    project.run("--collect-only")

    assert project.clusters() == []


def test_rows_are_items_where_they_are_asked_for(project: Project) -> None:
    """A row is what one pod can reach in a step."""
    project.scenario()
    result = project.run("--collect-only", "-q", "--np-items=row")

    result.stdout.fnmatch_lines(
        [
            "shop.scenario.yaml::before any policy::shop/db",
            "shop.scenario.yaml::before any policy::shop/web",
            "shop.scenario.yaml::only port 80::shop/db",
            "shop.scenario.yaml::only port 80::shop/web",
        ]
    )


def test_flows_are_items_where_they_are_asked_for(project: Project) -> None:
    """The finest grain: one item a flow, named as in a rule."""
    project.scenario()
    result = project.run("--collect-only", "-q", "--np-items=flow", "-k", "web and 81")

    result.stdout.fnmatch_lines(
        [
            "shop.scenario.yaml::before any policy::shop/web -> shop/db:81/TCP",
            "shop.scenario.yaml::only port 80::shop/web -> shop/db:81/TCP",
        ]
    )


def test_a_flow_can_be_run_by_its_id(project: Project) -> None:
    """An id copied from a report selects exactly that item."""
    project.scenario()
    result = project.run("--np-items=flow", "shop.scenario.yaml::only port 80::shop/web -> shop/db:81/TCP")

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("expression", ["only", "shop", "segmentation"])
def test_k_selects_by_step_scenario_and_tag(project: Project, expression: str) -> None:
    """Whatever a person calls it by."""
    project.scenario()
    project.scenario("bank", SCENARIO.replace("only port 80", "closed").replace("segmentation", "money"))
    result = project.run("--collect-only", "-q", "-k", expression)

    assert "bank" not in result.stdout.str()
    assert "shop.scenario.yaml::only port 80" in result.stdout.str()


def test_tags_are_registered_markers(project: Project) -> None:
    """Under strict markers `-m TAG` selects, and an unknown word is refused."""
    project.scenario()
    project.scenario("bank", SCENARIO.replace("segmentation", "money"))

    project.run("-m", "money and netpol").assert_outcomes(passed=2, deselected=2)
    assert project.run("-m", "monye").ret == pytest.ExitCode.USAGE_ERROR


def test_a_tag_that_pytest_would_act_upon_is_no_marker(project: Project) -> None:
    """A scenario about skipping is not skipped."""
    project.scenario(text=SCENARIO.replace("segmentation", "skip, xfail"))

    project.run().assert_outcomes(passed=2)


def test_a_file_with_problems_is_one_error_with_every_position(project: Project) -> None:
    """No traceback: each problem with file, line and column."""
    project.scenario(
        text=SCENARIO.replace("shop/web: {", "shop/web: {colour: red, ").replace("default: allow", "defualt: allow")
    )
    result = project.run()
    text = result.stdout.str()

    result.assert_outcomes(errors=1)
    assert ("shop.scenario.yaml:9:" in text, "shop.scenario.yaml:12:" in text) == (True, True)
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--np-items=pod"], "--np-items: 'pod' is none of step, row, flow"),
        (["--np-timeout=soon"], "--np-timeout: 'soon' is no number of seconds"),
        (["--np-json=nowhere/result.json"], "--np-json nowhere/result.json: cannot be written"),
        (["--np-json=-", "--np-history=-"], "--np-json -: standard output is pytest's\n--np-history -: standard"),
        (["--np-cni=calico"], "--np-cni means nothing to --np-cluster fake"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused(project: Project, arguments: list[str], said: str) -> None:
    """A usage error says what the choices are, before any cluster is opened."""
    project.scenario()
    result = project.run(*arguments)

    assert (result.ret, project.clusters()) == (pytest.ExitCode.USAGE_ERROR, [])
    assert said in result.stderr.str()
    assert not (project.path / "-").exists()


def test_an_unknown_cluster_is_refused(project: Project) -> None:
    """With those that there are."""
    project.scenario()
    result = project.run(cluster="knid")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "no cluster is called 'knid'" in result.stderr.str()


def test_the_configuration_file_chooses_too_and_the_command_line_wins(
    project: Project, pytester: pytest.Pytester
) -> None:
    """`[tool.pytest]` takes every option under the same name."""
    project.scenario()
    pytester.makepyprojecttoml('[tool.pytest]\nnp_items = "row"\nnp_deadline = 0.5\nnp_keep = false\n')
    (pytester.path / "tox.ini").unlink()
    rows = project.run("--collect-only", "-q").stdout.str()
    steps = project.run("--collect-only", "-q", "--np-items=step").stdout.str()

    assert (rows.count("::shop/web"), steps.count("::shop/web")) == (2, 0)
