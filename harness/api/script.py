"""The scenario file that a test's calls would be: written call by call, and read by the decoder of those files."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import Problem, ScenarioError, SourceLocation
from harness.model.scenario import Scenario, Step
from harness.scenario.decode import decode
from harness.scenario.document import Dialect, parse
from harness.scenario.findings import Findings
from harness.scenario.manifest_files import ManifestFile

Policy = Mapping[str, Any] | str | Path


@dataclass
class Script:
    """The scenario file that a world's calls would be, as far as it is written."""

    name: str
    topology: Mapping[str, Any]
    probe: Mapping[str, Any]
    steps: list[dict[str, Any]] = field(default_factory=list)
    manifests: dict[str, ManifestFile] = field(default_factory=dict)
    places: list[SourceLocation] = field(default_factory=list)


def decoded(script: Script) -> Scenario:
    """Return the scenario that was written so far, its last step at the place of the call that wrote it.

    Raises `ScenarioError` with every problem, at that place too.
    """
    __tracebackhide__ = True
    here = script.places[-1]
    document = {
        "scenario": script.name,
        "about": "a test in Python",
        "topology": {key: value for key, value in script.topology.items() if value or key == "pods"},
        **({"probe": script.probe} if script.probe else {}),
        "steps": script.steps,
    }
    findings = Findings()
    try:
        # JSON is YAML: the decoder of scenario files does the rest.
        (parsed,) = parse(json.dumps(document, indent=1), here.file, Dialect.SCENARIO, findings)
        scenario = decode(parsed, findings, lambda name: script.manifests[name])
        findings.fail()
    except ScenarioError as error:
        raise ScenarioError([_placed(problem, here) for problem in error.problems]) from None
    if scenario is None:
        raise ScenarioError([Problem(here, "", "not a world")])
    return replace(
        scenario,
        location=script.places[0],
        steps=tuple(_at(step, place) for step, place in zip(scenario.steps, script.places, strict=True)),
    )


def _at(step: Step, place: SourceLocation) -> Step:
    declared = step.declared.map(lambda cell: replace(cell, location=place)) if step.declared else step.declared
    return replace(step, location=place, declared=declared)


def _placed(problem: Problem, here: SourceLocation) -> Problem:
    """Move a problem from the text that nobody wrote to the call; one of a manifest stays where it is."""
    if problem.location.file != here.file:
        return problem
    return replace(problem, location=here, source_line=None)


def manifest(name: str, policy: Policy) -> ManifestFile:
    """Return a policy as the file that it would be. Raises `ScenarioError` for a path that cannot be read."""
    if isinstance(policy, Path):
        try:
            return ManifestFile(str(policy), policy.read_bytes())
        except OSError as error:
            fault = f"{policy} cannot be read: {error.strerror}"
            raise ScenarioError([Problem(caller(), "apply", fault)]) from error
    if isinstance(policy, str):
        return ManifestFile(name, policy.encode())
    return ManifestFile(name, json.dumps(policy, indent=1).encode())


def caller() -> SourceLocation:
    """Return the line of the test that called."""
    frame = inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("harness.api"):
        frame = frame.f_back
    if frame is None:
        return SourceLocation("<python>", 1, 1)
    path = Path(frame.f_code.co_filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return SourceLocation(str(shown), frame.f_lineno, 1)


def named(text: str) -> str:
    """Return `text` as a scenario may be called: lower case, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:100].strip("-") or "world"
