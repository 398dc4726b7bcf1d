"""The scripts that CI and people run."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.repository import ROOT, files, name_of

SCRIPTS = [path for path in files() if path.read_bytes().partition(b"\n")[0].endswith(b"bash")]
NAMES = [name_of(path) for path in SCRIPTS]


@pytest.mark.parametrize("name", ["ci/demo", "ci/test", "ci/check", "ci/fix", "ci/setup", ".ci/run"])
def test_the_commands_that_people_are_told_exist(name: str) -> None:
    """README and the conventions name these; each is among the scripts that the next test looks at."""
    assert name in NAMES


@pytest.mark.parametrize("path", SCRIPTS, ids=NAMES)
def test_a_script_is_executable_and_shellcheck_clean(path: Path) -> None:
    """Each bash script can be started, stops at its first error, and has nothing that shellcheck would say of it."""
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, name_of(path)], cwd=ROOT, capture_output=True, text=True, check=False)

    assert path.stat().st_mode & stat.S_IXUSR
    assert "\nset -euo pipefail\n" in path.read_text()
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["demo", "test", "check", "fix", "setup"])
def test_a_python_that_is_too_old_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    """Each command, from any folder, stops before it touches anything, names the fault, and exits with 3."""
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    environment = {**os.environ, "PYTHON": str(old)}
    done = subprocess.run(
        [ROOT / "ci" / name], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"PYTHON={old} is no Python 3.11 or newer.\n")


def test_check_takes_one_option_and_refuses_others(tmp_path: Path) -> None:
    """A mistyped option is an error with the usage, never a check that left something out."""
    done = subprocess.run([ROOT / "ci" / "check", "--qiuck"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (2, "usage: ci/check [--quick]\n")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "usage: ci/lab-outside up|down [LAB-FOLDER]\n"),
        (("sideways",), 2, "usage: ci/lab-outside up|down [LAB-FOLDER]\n"),
        (("up", "nowhere"), 3, "ci/lab-outside: there is no lab at nowhere\n"),
    ],
)
def test_the_labs_outside_is_refused_where_there_is_no_lab(
    arguments: tuple[str, ...], status: int, said: str, tmp_path: Path
) -> None:
    """One sentence, before anything on the machine is changed."""
    if status == 3 and os.geteuid() != 0:
        said = "ci/lab-outside: needs root: it makes a network namespace and routes\n"
    command = [ROOT / "ci" / "lab-outside", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (status, "", said)
