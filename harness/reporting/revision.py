"""Which commit the scenarios are of: what somebody said, what the CI says, or what git's own files say.

Read without starting git: a run must not depend on it, and only two small files are asked
(gitrepository-layout(5)). What cannot be read is not known, and never an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

# GitHub Actions, GitLab CI.
_VARIABLES = ("GITHUB_SHA", "CI_COMMIT_SHA")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_DEPTH = 5  # of symbolic references, as in git


def find(path: Path, said: str | None = None, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the commit: `said`, or of the environment, or that of the work tree that `path` is in; None if unknown.

    It says nothing of changes that were not committed.
    """
    if said:
        return said
    for name in _VARIABLES:
        if environment.get(name):
            return environment[name]
    try:
        return _checked_out(path.resolve())
    except (OSError, ValueError):
        return None


def _checked_out(path: Path) -> str | None:
    for parent in (path, *path.parents):
        place = parent / ".git"
        if place.exists():
            return _head(_git_folder(place))
    return None


def _git_folder(place: Path) -> Path:
    """Return git's own folder; in a work tree of its own, and in a submodule, `.git` is a file that names it."""
    if place.is_dir():
        return place
    return place.parent / place.read_text(encoding="utf-8").removeprefix("gitdir:").strip()


def _head(git: Path) -> str | None:
    shared = git / "commondir"
    common = git / shared.read_text(encoding="utf-8").strip() if shared.exists() else git
    name = "HEAD"
    for _ in range(_DEPTH):
        # HEAD is the work tree's own; branches are shared with the main one.
        text = _reference(git if name == "HEAD" else common, name)
        if text is None or _COMMIT.fullmatch(text):
            return text
        name = text.removeprefix("ref:").strip()
        if ".." in name or not name.startswith("refs/"):
            return None
    return None


def _reference(folder: Path, name: str) -> str | None:
    loose = folder / name
    if loose.is_file():
        return loose.read_text(encoding="utf-8").strip()
    packed = folder / "packed-refs"
    if packed.is_file():
        for line in packed.read_text(encoding="utf-8").splitlines():
            commit, _, reference = line.partition(" ")
            if reference == name:
                return commit
    return None
