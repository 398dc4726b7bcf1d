"""What is committed works anywhere: it names no host, no machine, and says what is unfinished."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from tests.meta.repository import ROOT, texts

# Container and package registries, and pip's ways to name one. Brackets keep these lines from finding themselves.
REGISTRY = re.compile(
    r"""
    \b(?: docker\.io | quay\.io | ghcr\.io | gcr\.io | registry\.k8s\.io | pkg\.dev | azurecr\.io
        | mcr\.microsoft\.com | public\.ecr\.aws | registry\.gitlab\.com | registry\.npmjs\.org
        | pypi\.org | pythonhosted\.org | proxy\.golang\.org | deb\.debian\.org
    )\b
  | --(?:extra-)?index[-]url\b | --find[-]links\b | --trusted[-]host\b
    """,
    re.VERBOSE,
)
UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b(?!\W+\w+\W+\w+)")
HOME = re.compile(r"(?<![\w.}])/(?:home/[a-z]|Users/[A-Za-z]|root/)")
SHARED = {
    Path(name) for name in ("/", "/home", "/mnt", "/opt", "/root", "/src", "/srv", "/tmp", "/usr/src", "/var/tmp")
}


def test_no_file_names_a_registry() -> None:
    """Where packages and images come from is the affair of the machine that fetches them."""
    assert _lines(REGISTRY.search) == []


def test_no_file_names_a_path_of_one_machine() -> None:
    """No file names a home, or the folder that it happens to be checked out to here."""
    own = {ROOT, ROOT.parent, Path.home()} | ({Path(sys.prefix)} if sys.prefix != sys.base_prefix else set())
    here = re.compile("|".join(rf"(?<![\w.}}]){re.escape(str(folder))}(?![\w.-])" for folder in own - SHARED))

    assert _lines(lambda line: HOME.search(line) or here.search(line)) == []


def test_an_open_task_says_what_would_finish_it() -> None:
    """A mark of unfinished work is followed by words."""
    assert _lines(UNFINISHED.search) == []


def _lines(search: Callable[[str], object]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if search(line)
    ]
