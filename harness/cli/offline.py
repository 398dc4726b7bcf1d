"""Commands that need no cluster: lint, predict, explain, schema, init."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

from harness.cli.screen import has_colour, say, tell, width
from harness.cli.selection import is_selected, load_all, load_selected
from harness.errors import ExitCode, UsageError
from harness.forecast import disagreements, forecast
from harness.model.scenario import Scenario, Step


def lint(options: Namespace) -> ExitCode:
    """Report every problem of every file, and every contradiction between declared and predicted."""
    scenarios, faults = load_all(options.paths)
    problems = list(faults)
    chosen = [scenario for scenario in scenarios if is_selected(scenario, options.tag)]
    for scenario in chosen:
        problems += disagreements(scenario)
    for problem in problems:
        say(str(problem))
    if not options.quiet:
        steps = sum(len(scenario.steps) for scenario in chosen)
        say(f"{len(chosen)} scenarios, {steps} steps: {_count(len(problems), 'problem')}")
    return ExitCode.BAD_INPUT if problems else ExitCode.MATCH


def predict(options: Namespace) -> ExitCode:
    """Print the predicted matrices."""
    from harness.reporting import document, prediction

    result = forecast(load_selected(options.paths, options.tag))
    if options.json:
        say(document.render(result))
    else:
        say(prediction.render(result, width=width(sys.stdout), colour=has_colour(options.color, sys.stdout)))
    return ExitCode.MATCH


def explain(options: Namespace) -> ExitCode:
    """Explain every flow that a pattern matches."""
    from harness.reporting import explanation
    from harness.scenario.query import match_flows
    from harness.semantics.explain import explain as explained

    (scenario,) = load_selected([options.path], [])
    step = _step(scenario, options.step)
    flows = match_flows(options.flow, step)
    colour = has_colour(options.color, sys.stdout)
    for flow in flows[:20]:
        told = explained(step.topology, step.policies, flow)
        say(explanation.render(told, width=width(sys.stdout), colour=colour))
    if len(flows) > 20:
        say(f"and {len(flows) - 20} more flows that match; name the pods or the port")
    return ExitCode.MATCH


def schema(_: Namespace) -> ExitCode:
    """Print the JSON Schema of scenario files."""
    from harness.scenario.schema import json_schema

    say(json.dumps(json_schema(), indent=2))
    return ExitCode.MATCH


def init(options: Namespace) -> ExitCode:
    """Write the first scenario; existing files are never touched."""
    from harness.cli.template import FILES

    folder = Path(options.folder)
    taken = [folder / name for name in FILES if (folder / name).exists()]
    if taken:
        raise UsageError(f"{taken[0]} exists already", remedy="name another folder: netpol-harness init FOLDER")
    try:
        for name, text in FILES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
            say(f"wrote {folder / name}")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}", remedy="name another folder") from error
    tell(f"run it with: netpol-harness run {options.folder}\n")
    return ExitCode.MATCH


def _step(scenario: Scenario, name: str | None) -> Step:
    if name is None:
        return scenario.steps[-1]
    for step in scenario.steps:
        if step.name == name:
            return step
    known = ", ".join(f"'{step.name}'" for step in scenario.steps)
    raise UsageError(f"{scenario.file} has no step '{name}'", remedy=f"its steps: {known}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number or 'no'} {noun}s"
