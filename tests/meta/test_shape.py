"""The repository's shape: what stands where, how long a module may be, and what it may be called."""

from __future__ import annotations

import pytest

from tests.meta.repository import ROOT, files, modules, name_of

AIM = 250
LIMIT = 400

# Modules over the limit, each with the reason that a reader will accept.
LONG: dict[str, str] = {}

TOP_LEVEL = {"pyproject.toml", "README.md", "harness", "scenarios", "probes", "conftest.py", "tests", "ci"}
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}


def test_the_top_level_holds_what_the_conventions_name() -> None:
    """A newcomer meets eight names, and dotfiles; nothing else gathers there."""
    present = {path.relative_to(ROOT).parts[0] for path in files()}

    assert {name for name in present if not name.startswith(".")} - TOP_LEVEL == set()


def test_no_module_is_longer_than_a_reading() -> None:
    """A module has at most 400 lines, or its reason stands in LONG; a reason that is needed no more is removed."""
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in modules()}

    assert {name: length for name, length in lengths.items() if length > LIMIT and name not in LONG} == {}
    assert {name for name in LONG if lengths.get(name, 0) <= LIMIT} == set()


def test_most_modules_are_within_the_aim() -> None:
    """At least four modules in five have no more than 250 lines, so that the limit does not become the habit."""
    lengths = [len(path.read_text().splitlines()) for path in modules()]
    within = sum(length <= AIM for length in lengths)

    assert within >= 0.8 * len(lengths), f"{within} of {len(lengths)} modules have at most {AIM} lines"


@pytest.mark.parametrize("folder", ["harness", "tests", "probes"])
def test_no_module_has_an_empty_name(folder: str) -> None:
    """A module is named after what it holds, which `utils` and its kin never say."""
    named = {
        name_of(path) for path in modules(folder) if EMPTY_NAMES & set(path.relative_to(ROOT).with_suffix("").parts)
    }

    assert named == set()
