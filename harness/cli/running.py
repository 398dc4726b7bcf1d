"""The main job: `run`."""

from __future__ import annotations

import os
import secrets
import sys
from argparse import Namespace
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from harness.cli import reports
from harness.cli.ci_job import hushed
from harness.cli.interruption import stopping
from harness.cli.screen import has_colour, say, tell, width
from harness.cli.selection import chosen_provider, load_selected
from harness.errors import ExitCode, HarnessError, UsageError
from harness.forecast import disagreements
from harness.model.result import Event, RunResult, ScenarioResult, Shard
from harness.model.scenario import Scenario
from harness.plan import shard
from harness.profiles.load import choose
from harness.reporting import revision, terminal
from harness.reporting.outcome import exit_code
from harness.reporting.progress import Progress
from harness.reporting.tally import is_clean
from harness.runner.run import run as play
from harness.runner.settings import RunSettings

_MOST_WARNINGS = 10
_ON_A_REAL_CLUSTER = 4


def run(options: Namespace) -> ExitCode:
    """Run scenarios and report; the exit code tells the worst of what was found."""
    if options.list_faults:
        return _list_faults()
    if not options.paths:
        raise UsageError("no scenario given", remedy="name files or folders: netpol-harness run scenarios/")
    if options.engine == "curl":
        tell("note: curl speaks TCP only; UDP flows are probed by nc\n")
    scenarios = load_selected(options.paths, options.tag)
    reports.check(options)
    part = Shard(*options.shard) if options.shard else None
    if part:
        scenarios = _part(scenarios, part)
    if options.pause and not sys.stdin.isatty():
        raise UsageError("--pause waits for Enter, and standard input is no terminal")
    settings = _settings(options)
    try:
        with hushed(options, reports.beside(options)):
            _warn_of_disagreements(scenarios)
            commit = revision.find(Path(options.paths[0]), options.commit)
            result = replace(_played(options, settings, scenarios), shard=part, commit=commit)
    except HarnessError:  # the input is wrong: nothing was run
        raise
    except KeyboardInterrupt:
        reports.hand_over(options, replace(_nothing(settings), interrupted=True))
        raise
    except Exception as error:
        # A report that is missing after a crash would be green in CI.
        reports.hand_over(
            options, replace(_nothing(settings), error=f"internal error: {type(error).__name__}: {error}")
        )
        raise
    reports.hand_over(options, result)
    return exit_code(result)


def _played(options: Namespace, settings: RunSettings, scenarios: tuple[Scenario, ...]) -> RunResult:
    """Run, showing what happens; a shard may have no scenarios, and opens no cluster then."""
    screen = _Screen(options)
    offered = {"cancelled": settings.cancelled, "tell": screen.remark}
    provider = chosen_provider(options, settings.run, offered, disturbs=options.verbatim_namespaces)
    with stopping(settings.cancelled):
        result = play(scenarios, provider, settings, screen.on) if scenarios else _nothing(settings)
    if not reports.take_stdout(options):
        look = {"width": width(sys.stdout), "colour": screen.colour, "verbose": options.verbose}
        say(terminal.render_summary(result, **look))
    return result


def _settings(options: Namespace) -> RunSettings:
    return RunSettings(
        run=secrets.token_hex(3),
        parallel=_parallel(options),
        engine=options.engine,
        verbatim_namespaces=options.verbatim_namespaces,
        window_s=options.window,
        deadline_s=options.deadline,
        ceiling_s=options.timeout,
        profile=choose(options.profile),
    )


def _nothing(settings: RunSettings) -> RunResult:
    return RunResult(settings.run, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), 0.0, None, ())


def _part(scenarios: tuple[Scenario, ...], part: Shard) -> tuple[Scenario, ...]:
    chosen = shard(scenarios, *part)
    tell(f"shard {part}: {len(chosen)} of {len(scenarios)} scenarios\n")
    return chosen


def _parallel(options: Namespace) -> int:
    """Return how many scenarios to run side by side: mostly they wait, but nc and curl keep the cores busy.

    On a real cluster its CNI is what is busy, and takes in a change for many pods one pod after the other.
    """
    if options.pause:
        return 1
    if options.parallel:
        return int(options.parallel)
    if options.cluster != "local":
        return _ON_A_REAL_CLUSTER
    cores = os.cpu_count() or 2
    return {"socket": 3, "nc": 2, "curl": 1}[options.engine] * cores


class _Screen:
    """Listens to a run: progress to standard error, each finished scenario to standard output."""

    def __init__(self, options: Namespace) -> None:
        self.colour = has_colour(options.color, sys.stdout)
        self._verbose = options.verbose
        self._quiet = options.quiet
        # Off a terminal the reports themselves are the progress, unless they are kept back.
        self._reports = not reports.take_stdout(options)
        self._shows_progress = not options.quiet and (sys.stderr.isatty() or not self._reports)
        self._pauses = options.pause
        self._progress = Progress(is_terminal=sys.stderr.isatty(), width=width(sys.stderr), clock=monotonic)

    def on(self, event: Event) -> None:
        """Show one event."""
        if event.kind == "step-failed" and self._pauses:
            self._pause(event)
        # A remark about the cluster is told wherever progress is not kept back.
        is_told = self._shows_progress or (event.kind == "note" and not self._quiet)
        shown = self._progress.on(event) if is_told else ""
        if event.kind == "scenario-finished" and self._reports:
            result: ScenarioResult = event.data["result"]
            if self._quiet and not result.error and all(is_clean(step) for step in result.steps):
                return
            text = terminal.render_scenario(result, width=width(sys.stdout), colour=self.colour, verbose=self._verbose)
            tell(self._progress.cleared())
            say(text)
        if shown:
            tell(shown)

    def remark(self, text: str) -> None:
        """Show what a cluster says while it is being made."""
        if not self._quiet:
            tell(self._progress.cleared() + text)

    def _pause(self, event: Event) -> None:
        tell(self._progress.cleared())
        tell(f"{event.scenario} / {event.step}: {event.data['flows']} flows failed; the pods stay up. Try by hand:\n")
        tell("".join(f"  {line}\n" for line in event.data["commands"]))
        tell("".join(f"  {line}\n" for line in event.data["diagnostics"].splitlines()))
        tell("Enter goes on. ")
        sys.stdin.readline()


def _warn_of_disagreements(scenarios: tuple[Scenario, ...]) -> None:
    """Say, before any cluster is touched, where the policies contradict what is declared of them.

    The run goes on: it shows what really happens, and the report repeats the reason.
    """
    found = [problem for scenario in scenarios for problem in disagreements(scenario)]
    for problem in found[:_MOST_WARNINGS]:
        tell(f"{problem.location}: {problem.subject}: {problem.fault}\n")
    if len(found) > _MOST_WARNINGS:
        tell(f"and {len(found) - _MOST_WARNINGS} more\n")
    if found:
        tell("the policies contradict what is declared of them; `netpol-harness lint` says which rules decide\n\n")


def _list_faults() -> ExitCode:
    from harness.cluster.local.faults import FAULTS

    for name, fault in sorted(FAULTS.items()):
        say(f"{name:34} {fault.about} [{fault.source}]")
    return ExitCode.MATCH
