"""Paths that lead astray: of scenario files, and of the manifests that they name."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.scenario.load import discover, load

_TEXT = """\
scenario: shop
about: One.
topology: {namespaces: {shop: {}}, pods: {shop/a: {listen: [80]}, shop/b: {}}}
steps:
- name: one
  apply: [APPLY]
  expect: predicted
"""
_POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec: {}\n"


def _faults(action: Callable[[], object]) -> list[str]:
    try:
        action()
    except ScenarioError as error:
        return [problem.fault for problem in error.problems]
    return []


def _apply(folder: Path, name: str) -> list[str]:
    path = folder / "x.scenario.yaml"
    path.write_text(_TEXT.replace("APPLY", f'"{name}"'), encoding="utf-8")
    return _faults(lambda: load(path))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("../outside.yaml", "'../outside.yaml' lies outside the scenario's folder"),
        ("sub/../../outside.yaml", "'sub/../../outside.yaml' lies outside the scenario's folder"),
        ("link.yaml", "'link.yaml' lies outside the scenario's folder"),
        ("door/outside.yaml", "'door/outside.yaml' lies outside the scenario's folder"),
        ("/outside.yaml", "'/outside.yaml' is an absolute path"),
        ("loop.yaml", "'loop.yaml' cannot be read: RuntimeError"),
        ("sub", "'sub' is no ordinary file"),
        ("pipe", "'pipe' is no ordinary file"),
        ("$(touch x).yaml", "'$(touch x).yaml' does not exist"),
        ("a\\0b", "'a\\x00b' is no path; expected one such as policies/web.yaml"),
        ("n" * 5_000, f"'{'n' * 79}…' cannot be read: File name too long"),
        ("big.yaml", "'big.yaml' has 1048577 bytes, of at most 1048576"),
    ],
)
def test_a_manifest_lies_in_the_scenarios_folder(tmp_path: Path, name: str, fault: str) -> None:
    """No path leads out of the folder, by whatever way, and nothing but ordinary files is opened."""
    folder = tmp_path / "scenarios"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "outside.yaml").write_text(_POLICY, encoding="utf-8")
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "door").symlink_to(tmp_path)
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "big.yaml").write_bytes(b"#" * 1_048_577)
    os.mkfifo(folder / "pipe")

    assert _apply(folder, name) == [fault]


def test_a_manifest_may_be_reached_in_odd_ways_inside(tmp_path: Path) -> None:
    """What stays inside the folder is read, links and dots and all."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "p.yaml").write_text(_POLICY, encoding="utf-8")
    (tmp_path / "link.yaml").symlink_to("sub/p.yaml")

    assert [_apply(tmp_path, name) for name in ("sub/../sub/p.yaml", "./sub//p.yaml", "link.yaml")] == [[], [], []]


def test_a_scenario_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    """A missing file, a folder and a pipe are errors of the input, like any other."""
    os.mkfifo(tmp_path / "pipe")

    assert [_faults(lambda path=path: load(tmp_path / path)) for path in ("none.scenario.yaml", ".", "pipe", "\0")] == [
        ["the file does not exist"],
        ["the file is no ordinary file"],
        ["the file is no ordinary file"],
        ["the file does not exist"],
    ]


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    """A file of 50 MB is refused by its size, with the limit."""
    path = tmp_path / "x.scenario.yaml"
    with path.open("wb") as stream:
        stream.truncate(50_000_000)

    assert _faults(lambda: load(path)) == ["the file has 50000000 bytes, of at most 1048576"]


def test_scenarios_are_discovered_below_folders(tmp_path: Path) -> None:
    """Folders are searched to the bottom, files are taken as they are, each once, sorted."""
    for name in ("b.scenario.yaml", "sub/a.scenario.yaml", "sub/policy.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("", encoding="utf-8")

    assert discover([tmp_path / "sub", tmp_path, tmp_path / "b.scenario.yaml"]) == (
        tmp_path / "b.scenario.yaml",
        tmp_path / "sub" / "a.scenario.yaml",
    )


def test_paths_without_scenarios_are_errors(tmp_path: Path) -> None:
    """A run over nothing must not look like a run in which all was well."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "policy.yaml").write_text("", encoding="utf-8")
    paths = [tmp_path / name for name in ("empty", "none", "policy.yaml")]

    assert _faults(lambda: discover(paths)) == [
        "the folder holds no *.scenario.yaml",
        "there is no such file or folder",
        "a scenario file is called *.scenario.yaml",
    ]
