"""The kits for GitHub and GitLab: pinned, of few rights, and every command in them is one that there is."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.arguments import parser
from harness.cluster.kind.recipes import CNIS, NEWEST_KIND, NODE_IMAGES, IpFamily
from harness.model.flow import Family
from harness.scenario.load import discover, load
from tests.meta.kits import GITLAB, WORKFLOWS, Script, commands, content, jobs, scripts, uses
from tests.meta.readme import parse as blocks_of
from tests.meta.repository import ROOT, name_of

KITS = [*WORKFLOWS, GITLAB]
SCRIPTS = [script for path in KITS for script in scripts(path)]
README = (ROOT / "README.md").read_text()
FENCED = "\n".join(re.findall(r"^```(?:console|sh)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))
SAID = [
    *(pytest.param(line, id=f"{script.where}: {line[0]}") for script in SCRIPTS for line in commands(script.text)),
    *(pytest.param(line, id=f"README: {' '.join(line)}") for line in commands(FENCED.replace("\n$ ", "\n"))),
]


def _tool(name: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [Path(sys.executable).with_name(name), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_kits_that_readme_names_are_there() -> None:
    """An empty list would make the tests below pass without looking at anything."""
    named = {"check.yml", "pull-request.yml", "nightly.yml", "staging.yml", "gitlab-ci.example.yml"}

    assert {path.name for path in KITS} == named
    assert len(SAID) > 20


def test_workflows_fit_the_published_schema() -> None:
    """GitHub's schema, as check-jsonschema brings it along, knows every key of every workflow."""
    names = [name_of(path) for path in WORKFLOWS]

    assert _tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *names)[0] == 0


def test_the_gitlab_example_fits_the_published_schema() -> None:
    """GitLab's schema, as check-jsonschema brings it along, knows every key of the example."""
    schema = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]

    assert _tool("check-jsonschema", *schema, name_of(GITLAB))[0] == 0


def test_zizmor_finds_nothing_in_the_workflows() -> None:
    """No expression in a script, no credentials left on disk, no right too many, nothing unpinned."""
    status, said = _tool("zizmor", "--offline", "--no-progress", "--no-config", ".github")

    assert (status, "No findings to report" in said) == (0, True), said


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.name for path in WORKFLOWS])
def test_every_action_is_pinned_by_its_commit(path: Path) -> None:
    """A tag can be moved to other code; a commit cannot. The comment says which release it is."""
    wrong = [
        (action, comment)
        for action, comment in uses(path)
        if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action) or not re.fullmatch(r"v\d+\.\d+\.\d+", comment)
    ]

    assert wrong == []


def test_an_action_has_the_same_commit_everywhere() -> None:
    """Two commits of one action are one that somebody forgot."""
    commits = {action for path in WORKFLOWS for action, _ in uses(path)}

    assert len({action.partition("@")[0] for action in commits}) == len(commits)


def test_only_the_job_that_opens_issues_may_write() -> None:
    """Each workflow may read the repository and no more; a job that needs more says so itself."""
    rights = {path.name: content(path)["permissions"] for path in WORKFLOWS}
    more = {
        (path.name, name): job["permissions"]
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if "permissions" in job
    }

    assert [name for name, right in rights.items() if right != {"contents": "read"}] == []
    assert more == {("nightly.yml", "history"): {"actions": "read", "contents": "read", "issues": "write"}}


def test_every_job_ends_by_itself() -> None:
    """A job without a limit of time holds a runner for six hours."""
    unlimited = [
        (path.name, name) for path in WORKFLOWS for name, job in jobs(path).items() if "timeout-minutes" not in job
    ]

    assert unlimited == []


@pytest.mark.parametrize("line", SAID)
def test_a_command_that_people_are_told_is_one_that_there_is(line: list[str]) -> None:
    """The real parser takes the command and each option of it, in every kit and in README."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            parser().parse_args(line)
            status: object = 0
        except SystemExit as end:
            status = end.code or 0

    assert status == 0, said.getvalue()


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.where for script in SCRIPTS])
def test_a_script_in_a_kit_is_shellcheck_clean(script: Script, tmp_path: Path) -> None:
    """GitHub and GitLab run them in bash, ending at the first error."""
    file = tmp_path / "script"
    file.write_text(f"#!/usr/bin/env bash\nset -e\n{script.text}\n")
    status, said = _tool("shellcheck", "--exclude=SC1091", str(file))

    assert status == 0, said


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.name for path in WORKFLOWS])
def test_a_matrix_has_only_what_kind_can_make(path: Path) -> None:
    """CNIs, Kubernetes versions and families that have no recipe would be red every night for nothing."""
    known = {"cni": set(CNIS), "kubernetes": set(NODE_IMAGES), "family": {str(family) for family in IpFamily}}
    wanted = [job.get("strategy", {}).get("matrix", {}) for job in jobs(path).values()]

    assert [
        (key, set(one[key]) - known[key]) for one in wanted for key in known if set(one.get(key, ())) - known[key]
    ] == []


def test_kits_install_the_kind_that_the_node_images_are_made_for() -> None:
    """With another kind an image is its best effort; both move together."""
    version = re.search(r"^kind_version=v(\d+)\.(\d+)\.", (ROOT / "ci" / "kind-tools").read_text(), re.MULTILINE)

    assert version is not None
    assert (int(version[1]), int(version[2])) == NEWEST_KIND


def test_scenarios_say_by_tag_what_a_cluster_needs_for_them() -> None:
    """The kits leave out by tag what their clusters lack; an untagged scenario would be inconclusive there."""
    wrong = []
    for path in discover([ROOT / "scenarios"]):
        scenario = load(path)
        families = set(scenario.probe.families)
        needs = {
            "external": bool(scenario.topology.externals),
            "ipv6": Family.IPV6 in families,
            "ipv6-only": families == {Family.IPV6},
        }
        wrong += [(scenario.name, tag) for tag, is_needed in needs.items() if is_needed and tag not in scenario.tags]

    assert wrong == []


def test_commands_are_found_in_scripts() -> None:
    """Continued lines are one, redirections are left out, and what another program is told is none of ours."""
    text = 'x=1\nnetpol-harness lint \\\n  a/ >> "$OUT" && netpol-harness doctor\necho netpol-harness run\n'

    assert list(commands(text)) == [["lint", "a/"], ["doctor"]]


def test_readme_is_told_by_its_blocks() -> None:
    """The commands that are only parsed include those that are run."""
    assert len(list(commands(FENCED.replace("\n$ ", "\n")))) >= sum(
        command.text.startswith("netpol-harness") for block in blocks_of(README) for command in block.commands
    )
