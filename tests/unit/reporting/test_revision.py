"""The commit of the scenarios, without asking git."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.reporting.revision import find

COMMIT, OTHER = "a" * 40, "b" * 40


def repository(folder: Path, files: dict[str, str]) -> Path:
    """Write the files of a `.git` folder, and return a scenario's path in the work tree."""
    for name, text in files.items():
        path = folder / ".git" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "scenarios").mkdir()
    return folder / "scenarios" / "shop.scenario.yaml"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"HEAD": f"{COMMIT}\n"}, COMMIT),
        ({"HEAD": "ref: refs/heads/main\n", "refs/heads/main": f"{COMMIT}\n"}, COMMIT),
        ({"HEAD": "ref: refs/heads/a/b\n", "refs/heads/a/b": f"{'c' * 64}\n"}, "c" * 64),
        (
            {
                "HEAD": "ref: refs/heads/main\n",
                "packed-refs": f"# pack-refs\n{OTHER} refs/x\n{COMMIT} refs/heads/main\n",
            },
            COMMIT,
        ),
        (
            {"HEAD": "ref: refs/heads/main\n", "refs/heads/main": COMMIT, "packed-refs": f"{OTHER} refs/heads/main\n"},
            COMMIT,
        ),
        ({"HEAD": "ref: refs/heads/none\n"}, None),
        ({"HEAD": "ref: refs/heads/main\n", "refs/heads/main": "ref: refs/heads/main\n"}, None),
        ({"HEAD": "ref: ../../secret\n"}, None),
        ({"HEAD": "ref: refs/../../secret\n"}, None),
        ({"HEAD": "\x00\x01"}, None),
        ({"config": ""}, None),
    ],
    ids=str,
)
def test_the_commit_is_what_is_checked_out(tmp_path: Path, files: dict[str, str], expected: str | None) -> None:
    """HEAD is followed to a commit, loose or packed; whatever cannot be read is not known."""
    assert find(repository(tmp_path, files), environment={}) == expected


def test_a_work_tree_of_its_own_has_its_own_head(tmp_path: Path) -> None:
    """There `.git` is a file that names git's folder, and branches are in the one that is shared."""
    shared = tmp_path / "main" / ".git"
    own = shared / "worktrees" / "side"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    (shared / "packed-refs").write_text(f"{COMMIT} refs/heads/side\n")
    side = tmp_path / "side"
    side.mkdir()
    (side / ".git").write_text(f"gitdir: {own}\n")

    assert find(side, environment={}) == COMMIT


@pytest.mark.parametrize(
    ("said", "environment", "expected"),
    [
        ("v1.2", {"GITHUB_SHA": COMMIT}, "v1.2"),
        (None, {"GITHUB_SHA": COMMIT, "CI_COMMIT_SHA": OTHER}, COMMIT),
        (None, {"CI_COMMIT_SHA": OTHER, "GITHUB_SHA": ""}, OTHER),
        (None, {}, "d" * 40),
    ],
)
def test_who_says_a_commit_is_believed(
    tmp_path: Path, said: str | None, environment: dict[str, str], expected: str
) -> None:
    """The option wins over the CI's variables, and these over what is checked out."""
    assert find(repository(tmp_path, {"HEAD": "d" * 40}), said, environment) == expected


def test_where_there_is_no_repository_nothing_is_known(tmp_path: Path) -> None:
    """Scenarios may lie anywhere, and need not even exist."""
    assert find(tmp_path / "none" / "shop.scenario.yaml", environment={}) is None
