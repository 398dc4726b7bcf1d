"""Scenario files from disk: the only reader of files in this package."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from harness.errors import Problem, ScenarioError, SourceLocation
from harness.model.scenario import Scenario
from harness.scenario.decode import decode
from harness.scenario.document import Dialect, parse
from harness.scenario.encoding import MAX_BYTES, text_of
from harness.scenario.findings import Findings, closest
from harness.scenario.manifest_files import ManifestFile, ManifestUnreadableError
from harness.scenario.names import shown

SUFFIX = ".scenario.yaml"


def load(path: Path) -> Scenario:
    """Return the scenario in the file at `path`, with its manifests read and its expectations complete.

    Raises `ScenarioError` with all the problems of the file and its manifests, and nothing else.
    """
    file = str(path)
    try:
        raw = _read(path)
    except ManifestUnreadableError as error:
        raise ScenarioError([Problem(SourceLocation(file, 1, 1), "", error.fault, error.remedy)]) from error
    findings = Findings()
    (document,) = parse(text_of(raw, file), file, Dialect.SCENARIO, findings)
    scenario = decode(document, findings, _ManifestReader(path))
    findings.fail()
    if scenario is None:
        raise ScenarioError([document.problem((), "not a scenario")])
    return scenario


def discover(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the scenario files that `paths` name or that lie anywhere below them, each once, sorted.

    Raises `ScenarioError` for every path that does not exist, is no scenario file, or holds none.
    """
    found: set[Path] = set()
    problems: list[Problem] = []
    for path in paths:
        files, fault = _below(path)
        found.update(files)
        if fault is not None:
            problems.append(Problem(SourceLocation(str(path), 1, 1), "", fault))
    if problems:
        raise ScenarioError(problems)
    return tuple(sorted(found))


def _below(path: Path) -> tuple[list[Path], str | None]:
    try:
        if path.is_dir():
            files = [file for file in path.rglob(f"*{SUFFIX}") if file.is_file()]
            return files, None if files else f"the folder holds no *{SUFFIX}"
        if not path.exists():
            return [], "there is no such file or folder"
    except (OSError, ValueError) as error:
        return [], f"cannot be read: {_reason(error)}"
    return ([path], None) if path.name.endswith(SUFFIX) else ([], f"a scenario file is called *{SUFFIX}")


class _ManifestReader:
    """Reads manifest files by the names that a scenario file gives them, from its own folder only."""

    def __init__(self, scenario: Path) -> None:
        self._folder = scenario.parent

    def __call__(self, name: str) -> ManifestFile:
        if not name or "\0" in name or "\\" in name:
            raise ManifestUnreadableError(f"{shown(name)} is no path; expected one such as policies/web.yaml")
        if Path(name).is_absolute():
            raise ManifestUnreadableError(
                f"{shown(name)} is an absolute path", "write it relative to this file's folder"
            )
        path = self._folder / name
        try:
            inside = path.resolve().is_relative_to(self._folder.resolve())
        except (OSError, RuntimeError, ValueError) as error:
            raise ManifestUnreadableError(f"{shown(name)} cannot be read: {_reason(error)}") from error
        if not inside:
            fault = f"{shown(name)} lies outside the scenario's folder"
            raise ManifestUnreadableError(fault, "manifests lie beside the scenario file or below it")
        return ManifestFile(os.path.normpath(path), _read(path, shown(name)))


def _read(path: Path, name: str = "the file") -> bytes:
    """Return the content of `path`; too large files are refused unread, and so is what is no file."""
    try:
        if not path.is_file():
            if path.exists():
                raise ManifestUnreadableError(f"{name} is no ordinary file")
            raise ManifestUnreadableError(f"{name} does not exist", _neighbour(path))
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ManifestUnreadableError(f"{name} has {size} bytes, of at most {MAX_BYTES}")
        with path.open("rb") as stream:
            # Some files are larger than they say; `text_of` refuses what is more than this.
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ManifestUnreadableError(f"{name} cannot be read: {_reason(error)}") from error


def _neighbour(path: Path) -> str | None:
    try:
        names = sorted(each.name for each in path.parent.iterdir())
    except OSError:
        return f"there is no folder {shown(path.parent.name)}"
    return closest(path.name, names)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
