"""One version of the project, and exact versions of all it needs."""

from __future__ import annotations

import re
import tomllib
from itertools import chain

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import harness
from tests.meta.repository import ROOT, texts

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
PINS = [line for line in (ROOT / "ci" / "requirements.txt").read_text().splitlines() if not line.startswith("#")]


def test_the_version_stands_in_one_place() -> None:
    """`harness/__init__.py` alone sets the version; the build reads it from there."""
    number = re.escape(harness.__version__)
    setting = re.compile(rf"""^\W*\w*version\w*\W{{1,4}}{number}\W*$""", re.IGNORECASE | re.MULTILINE)

    assert [name for name, text in texts() if setting.search(text)] == ["harness/__init__.py"]
    assert (PROJECT["dynamic"], PYPROJECT["tool"]["hatch"]["version"]["path"]) == (["version"], "harness/__init__.py")


def test_each_line_of_the_lock_is_one_version() -> None:
    """A line is `name==version`: no range, no address, no option."""
    assert [line for line in PINS if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_the_lock_has_all_that_is_asked_for() -> None:
    """Each requirement of pyproject.toml finds a version in the lock, and accepts it."""
    versions = {canonicalize_name(name): version for name, _, version in (pin.partition("==") for pin in PINS)}
    asked = [Requirement(text) for text in chain(PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())]
    pinned = [(requirement, versions.get(canonicalize_name(requirement.name))) for requirement in asked]

    assert [str(asked) for asked, version in pinned if version is None or version not in asked.specifier] == []


def test_the_build_backend_is_the_locked_one() -> None:
    """The wheel is built by the backend that .venv holds, so that building needs no network."""
    assert [name for name in PYPROJECT["build-system"]["requires"] if name not in PINS] == []
