"""README's commands work as they stand there; the convention is described in `tests/meta/readme.py`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.scenario.load import load
from tests.meta.readme import Block, Command, parse
from tests.meta.repository import ROOT, files
from tests.pytest_plugin.test_worlds import EXAMPLE

README = ROOT / "README.md"
BLOCKS = parse(README.read_text()) if README.exists() else ()
LIMIT_S = 120

MARKED = """
<!-- tested: netns -->
```console
$ netpol-harness run \\
    scenarios/  # exit 1
guest/visitor ... LEAK
...
1 leak
$ true
```
"""


def test_readme_has_tested_commands() -> None:
    """An empty list would make the test below pass without trying anything."""
    assert BLOCKS != ()


@pytest.mark.parametrize(
    "block",
    [pytest.param(block, marks=[getattr(pytest.mark, need) for need in block.needs]) for block in BLOCKS],
    ids=lambda block: f"line-{block.line}",
)
def test_a_block_of_readme_does_what_it_says(block: Block, tmp_path: Path) -> None:
    """Each command of a tested block exits as stated and prints what stands below it."""
    checkout = _linked_checkout(tmp_path / "checkout")
    for command in block.commands:
        done = _run(command, checkout)

        assert done.returncode == command.status, f"$ {command.text}\n{done.stdout}"
        assert command.is_printed_in(done.stdout), f"$ {command.text}\n{done.stdout}\n-- lacks --\n{command.output}"


def test_the_python_of_readme_is_what_the_tests_of_the_plugin_run() -> None:
    """It stands there as it is executed."""
    assert f"```python\n{EXAMPLE.strip()}\n```\n" in README.read_text()


def test_the_scenario_of_readme_loads(tmp_path: Path) -> None:
    """It has no problem; only its manifest has to be made up."""
    (found,) = re.findall(r"^```yaml\n(scenario: .*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    manifest = tmp_path / "three-tier-shop" / "policies.yaml"
    manifest.parent.mkdir()
    manifest.write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        "metadata: {namespace: shop, name: default-deny}\nspec: {podSelector: {}}\n"
    )
    file = tmp_path / "shop.scenario.yaml"
    file.write_text(found)

    assert load(file).name == "three-tier-shop"


def test_a_block_is_read_by_the_convention() -> None:
    """Needs, continued lines, the stated exit status and the expected output are taken apart."""
    expected = Command("netpol-harness run \\\n    scenarios/", 1, "guest/visitor ... LEAK\n...\n1 leak")

    assert parse(MARKED) == (Block(4, ("netns",), (expected, Command("true", 0, ""))),)


@pytest.mark.parametrize(
    ("actual", "is_there"),
    [
        ("guest/visitor -> shop/db:5432 LEAK  \nmore\nand more\n1 leak\n", True),
        ("guest/visitor -> shop/db:5432 LEAK\nno leak", False),
        ("1 leak\nguest/visitor -> shop/db:5432 LEAK\n", False),
    ],
)
def test_dots_stand_for_any_text(actual: str, *, is_there: bool) -> None:
    """What stands around `...` must be there, in that order."""
    assert parse(MARKED)[0].commands[0].is_printed_in(actual) is is_there


@pytest.mark.parametrize(
    "text",
    ["<!-- tested -->\nprose\n", "<!-- tested -->\n```console\n```\n", "<!-- tested -->\n```sh\nls\n```\n"],
    ids=["no block", "empty", "no prompt"],
)
def test_a_mark_that_would_test_nothing_is_an_error(text: str) -> None:
    """A block that is marked and yet never run would be green for nothing."""
    with pytest.raises(ValueError, match="tested"):
        parse(text)


def _linked_checkout(folder: Path) -> Path:
    folder.mkdir()
    for name in sorted({path.relative_to(ROOT).parts[0] for path in files()} - {"scenarios"}):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "scenarios", folder / "scenarios")
    return folder


def _run(command: Command, checkout: Path) -> subprocess.CompletedProcess[str]:
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-c", command.text],
        cwd=checkout,
        env={**os.environ, "PATH": programs, "NO_COLOR": "1", "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
