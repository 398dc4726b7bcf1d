"""The CI kits as data: their files, the scripts in them, and the commands of ours that these give."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.meta.repository import ROOT, files, name_of

WORKFLOWS = [path for path in files() if path.is_relative_to(ROOT / ".github" / "workflows")]
GITLAB = ROOT / "ci" / "gitlab-ci.example.yml"
_END = re.compile(r"[<>|&;()]+")


class Script(NamedTuple):
    """A step's script, and where it stands."""

    where: str
    text: str


def content(path: Path) -> Any:
    """Parse one file of a kit."""
    return yaml.safe_load(path.read_text())


def jobs(path: Path) -> dict[str, Any]:
    """Return the jobs of a GitHub workflow by name."""
    found: dict[str, Any] = content(path)["jobs"]
    return found


def scripts(path: Path) -> Iterator[Script]:
    """Yield each script of a GitHub workflow, and of a GitLab file those of one job as one."""
    if path != GITLAB:
        for name, job in jobs(path).items():
            for number, step in enumerate(job["steps"], start=1):
                if "run" in step:
                    yield Script(f"{name_of(path)}, job {name}, step {number}", step["run"])
        return
    for name, job in content(path).items():
        if isinstance(job, dict):
            for key in ("before_script", "script", "after_script"):
                if key in job:
                    yield Script(f"{name_of(path)}, {name}, {key}", "\n".join(job[key]))


def commands(text: str, program: str = "netpol-harness") -> Iterator[list[str]]:
    """Yield the arguments of each call of `program` that begins a command in a shell script, redirections left out.

    Variables stay as they are written: the parser must take any value for them.
    """
    for line in text.replace("\\\n", " ").splitlines():
        if program not in line:  # its quotes may end in another line
            continue
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        words.commenters = "#"
        arguments: list[str] | None = None
        begins = True
        for word in words:
            if _END.fullmatch(word):
                if arguments is not None:
                    yield arguments
                arguments, begins = None, True
            elif arguments is not None:
                arguments.append(word)
            elif begins and Path(word).name == program:
                arguments = []
            else:
                begins = False
        if arguments is not None:
            yield arguments


def uses(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each action that a workflow uses, as written, and the comment beside it."""
    for match in re.finditer(r"^\s*(?:-\s+)?uses:\s*(\S+)[ \t]*(?:#\s*(.*))?$", path.read_text(), re.MULTILINE):
        yield match[1], match[2] or ""
