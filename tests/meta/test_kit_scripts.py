"""The scripts of the kits are carried out, with stand-ins for what a CI machine has and this one has not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.cluster.kind.recipes import NODE_IMAGES
from harness.model.result import RunResult
from harness.reporting import document
from tests.golden.histories import NIGHTS
from tests.meta.kits import jobs
from tests.meta.repository import ROOT

STEPS = {
    step["name"]: step["run"]
    for step in jobs(ROOT / ".github/workflows/nightly.yml")["history"]["steps"][2:]
    if "run" in step
}
FETCH, ADD, TELL, END = list(STEPS.values())[1:]

# Notes each call; `gh api` answers with an earlier run's number where a history was kept, as GitHub does.
GH = """#!/usr/bin/env bash
printf '%s ' "$@" | tr '\\n' ' ' >>calls
printf '\\n' >>calls
case "$1 $2" in
"api "*) [[ -e kept ]] && echo 41 ;;
"run download") cp kept/* history/ ;;
"issue list") cat open 2>/dev/null ;;
esac
exit 0
"""
DOCKER = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS"
[[ $1 != save ]] || touch -- "$3"
"""
GO = """#!/usr/bin/env bash
printf 'go %s\\n' "$*" >>"$CALLS"
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder to run scripts in, whose `bin` comes first on PATH."""
    (tmp_path / "bin").mkdir()
    _program(tmp_path, "gh", GH)
    return tmp_path


def _program(machine: Path, name: str, text: str) -> None:
    file = machine / "bin" / name
    file.write_text(text)
    file.chmod(0o755)


def _bash(machine: Path, *command: str) -> subprocess.CompletedProcess[str]:
    programs = os.pathsep.join([str(machine / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    told = {
        "GITHUB_REPOSITORY": "example/shop",
        "GITHUB_SERVER_URL": "https://git.example.org",
        "GITHUB_RUN_ID": "42",
        "GITHUB_STEP_SUMMARY": str(machine / "summary"),
        "BRANCH": "main",
        "CALLS": str(machine / "calls"),
        "PATH": programs,
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        ["bash", *command], cwd=machine, env={**os.environ, **told}, capture_output=True, text=True, check=False
    )


def _night(machine: Path, results: Sequence[RunResult]) -> int:
    """Carry out a night's last job as GitHub does, and return the exit status of its last step."""
    for number, result in enumerate(results):
        file = machine / "lanes" / f"lane-{number}" / "result.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document.render(result))
    for script in (FETCH, ADD, TELL):
        done = _bash(machine, "-e", "-c", script)
        assert done.returncode == 0, done.stdout + done.stderr
    return _bash(machine, "-e", "-c", END).returncode


def _keep(machine: Path) -> None:
    (machine / "history").rename(machine / "kept")


def _issues(machine: Path) -> list[str]:
    calls = (machine / "calls").read_text().splitlines()
    return [call.split(" --repo")[0] for call in calls if call.startswith(("issue create", "issue comment"))]


def test_a_first_night_begins_a_history_and_opens_no_issue(machine: Path) -> None:
    """There is nothing to compare it with."""
    ended = _night(machine, NIGHTS[:2])

    assert (ended, _issues(machine), (machine / "history" / "runs.db").exists()) == (0, [], True)


def test_a_night_that_got_worse_opens_an_issue_and_ends_red(machine: Path) -> None:
    """Its title is the first line that `history --issue` prints."""
    _night(machine, NIGHTS[:2])
    _keep(machine)
    ended = _night(machine, NIGHTS[4:5])
    (created,) = [call for call in (machine / "calls").read_text().splitlines() if call.startswith("issue create")]

    assert ended == 1
    assert "--title NetworkPolicy: 1 regression on kind, CNI calico" in created
    assert "actions/runs/42" in (machine / "body.md").read_text()


def test_a_night_that_got_worse_adds_to_the_issue_that_is_open(machine: Path) -> None:
    """One open issue, not one a night."""
    _night(machine, NIGHTS[:2])
    _keep(machine)
    (machine / "open").write_text("7\n")
    _night(machine, NIGHTS[4:5])

    assert _issues(machine) == ["issue comment 7"]


def test_a_night_without_any_result_is_red(machine: Path) -> None:
    """All lanes died: that must not look like a night without regressions."""
    (machine / "lanes").mkdir()
    (machine / "history").mkdir()

    assert _bash(machine, "-e", "-c", ADD).returncode == 2


def test_a_node_image_is_pulled_by_digest_once_and_loaded_after(machine: Path) -> None:
    """An archive remembers no digests, so it goes by its tag; kind and helm are not built twice either."""
    _program(machine, "docker", DOCKER)
    _program(machine, "go", GO)
    command = [str(ROOT / "ci" / "kind-tools"), "1.36", "cache"]
    first = _bash(machine, *command)
    calls = [line.split()[:2] for line in (machine / "calls").read_text().splitlines()]
    (machine / "calls").unlink()
    second = _bash(machine, *command)
    tag, _, digest = NODE_IMAGES["1.36"].partition("@")

    assert calls == [
        ["go", "install"],
        ["go", "install"],
        ["pull", "--quiet"],
        ["tag", f"kindest/node@{digest}"],
        ["save", "--output"],
    ]
    assert [line.split()[0] for line in (machine / "calls").read_text().splitlines()] == ["load"]
    assert first.stdout == second.stdout == f"node-image={tag}\n"


def test_a_kubernetes_without_a_pinned_image_is_refused_with_those_there_are(machine: Path) -> None:
    """Before minutes are spent on it."""
    _program(machine, "docker", DOCKER)
    _program(machine, "go", GO)
    done = _bash(machine, str(ROOT / "ci" / "kind-tools"), "1.2", "cache")

    assert (done.returncode != 0, done.stdout, "no node image is pinned for Kubernetes 1.2" in done.stderr) == (
        True,
        "",
        True,
    )
