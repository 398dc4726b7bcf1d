"""The plugin's state in one process: what was chosen, what is played, what is still to be told."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from harness.cluster.interface import ClusterProvider
from harness.cluster.registry import open_provider
from harness.errors import ClusterError, ScenarioError, SourceLocation, UsageError
from harness.model.result import RunResult, ScenarioResult
from harness.model.scenario import Scenario
from harness.plan import groups, has_cluster_wide_effects, has_topology_changes
from harness.pytest_plugin.failing import SetUpError, first_and_rest, width
from harness.pytest_plugin.gathering import Gathering, News
from harness.pytest_plugin.options import PREFIX, Choices, choices
from harness.pytest_plugin.playing import NoGroundError, Play, provider_of, settings_of
from harness.pytest_plugin.rendezvous import RENDEZVOUS, Rendezvous
from harness.reporting import files, revision, terminal
from harness.runner.ground import Ground, checked

if TYPE_CHECKING:
    from harness.pytest_plugin.collecting import ScenarioFile


class Netpol:
    """One process's part in a session. `gathering` is None in a worker, which sends its news to the controller."""

    def __init__(self, config: pytest.Config) -> None:
        workerinput: Mapping[str, Any] = getattr(config, "workerinput", {})
        self.choices: Choices = choices(config)
        self._rootpath = config.rootpath
        self._rendezvous = Rendezvous.join(workerinput)
        known = self._rendezvous or config.stash.get(RENDEZVOUS, None)
        run = known.run if known else secrets.token_hex(3)
        part = str(workerinput.get("workerid", ""))
        settings = settings_of(self.choices, run, part, int(workerinput.get("workercount", 1)))
        self.gathering = None if workerinput else Gathering(run)
        self._play = Play(lambda: self._provider(run), settings)
        self._leaving: list[Callable[[], str | None]] = [self._play.close]
        self._results: list[ScenarioResult] = []
        self._result: RunResult | None = None
        self._told: str | None = None
        self._left: list[ScenarioFile] = []

    # -- scenarios -----------------------------------------------------------------

    def has_collected(self, files: Iterable[ScenarioFile], *, wants_ground: bool) -> None:
        """Take note of what will be played, and tell a controller how it goes together.

        Raises `pytest.UsageError` for a cluster that cannot be meant.
        """
        chosen = list(files)
        if self._rendezvous is not None:
            if chosen or wants_ground:
                self._rendezvous.write_plan(plan(chosen))
            return
        self._left = chosen
        self.expect(file.scenario.file for file in chosen)
        if chosen or wants_ground:
            provider_of(self.choices, "check")

    def play(self, file: ScenarioFile) -> ScenarioResult | None:
        """Play the scenario of `file`, or return None where there is no cluster to play on."""
        try:
            result = self._play.perform(file.scenario)
        except NoGroundError:
            return None
        self._results.append(result)
        return result

    def stand(self) -> None:
        """See to it that there is a cluster to play on. Raises `NoGroundError`."""
        with self._play.interruptible():
            self._play.ground()

    def ground(self) -> Ground:
        """Return what there is to play on. Raises `NoGroundError`."""
        return self._play.ground()

    def interruptible(self) -> AbstractContextManager[None]:
        """Let what touches the cluster come to an orderly end when the session is interrupted."""
        return self._play.interruptible()

    def keep(self, result: ScenarioResult) -> None:
        """Put the result of a test in Python among those of the session."""
        self._results.append(result)

    def refuse(self, nodeid: str, location: SourceLocation) -> NoReturn:
        """Say why nothing can be played: once, as an error; whoever comes later is skipped and refers to it."""
        if self._told is None:
            is_first = self._rendezvous is None or self._rendezvous.is_first_to_tell()
            self._told = nodeid if is_first else ""
        if self._told != nodeid:
            pytest.skip("not tried: there is no cluster to play on, as the first scenario's error says")
        reason = self._play.fault or "there is no cluster"
        raise SetUpError(*first_and_rest(reason), location)

    def has_finished(self, file: ScenarioFile) -> None:
        """Free the pods of `file` unless a scenario to come has the same ones."""
        if file in self._left:
            self._left.remove(file)
            topology = file.scenario.topology
            if not any(_shares(other.scenario, file.scenario) for other in self._left):
                self._play.forget(topology)

    # -- news ------------------------------------------------------------------------

    def report(self, report: pytest.TestReport) -> None:
        """Put what is new into the result, or into a worker's report, which carries it there."""
        news = self._news()
        if news is None:
            return
        if self.gathering is not None:
            self.gathering.add(news)
        else:
            report.netpol_news = news.packed()  # type: ignore[attr-defined]

    def hear(self, packed: str) -> None:
        """Take in what a worker found."""
        if self.gathering is not None:
            self.gathering.add(News.unpacked(packed))

    def expect(self, files: Iterable[str]) -> None:
        """Name scenario files that the reports must account for, played or not."""
        if self.gathering is not None:
            self.gathering.expect(files)

    def leave_by(self, close: Callable[[], str | None]) -> None:
        """Have another cluster left with this process's own."""
        self._leaving.append(close)

    def close(self) -> str | None:
        """Leave the cluster; return what went wrong on the way out."""
        faults = [fault for close in self._leaving if (fault := close()) is not None]
        return "; ".join(faults) or None

    def write(self, *, interrupted: bool) -> list[str]:
        """Write the report files, once for the session; return what could not be written."""
        if self.gathering is None or self.gathering.is_empty:
            return []
        commit = revision.find(self._rootpath)
        self._result = replace(self.gathering.result(interrupted=interrupted), commit=commit)
        faults = files.write(self._result, self.choices.reports, PREFIX)
        if self.choices.history:
            fault = files.keep_in_history(self._result, Path(self.choices.history), PREFIX)
            faults += [fault] if fault else []
        return faults

    def summary(self) -> list[str]:
        """Return what to say at the end of the session."""
        if self._result is None:
            return []
        lines = terminal.render_brief(self._result, width=width()).splitlines()
        written = {**self.choices.reports, **({"history": self.choices.history} if self.choices.history else {})}
        return lines + [f"{name}: {target}" for name, target in written.items()]

    def _news(self) -> News | None:
        if not self._results and self._play.fault is None:
            return None
        news = News(tuple(self._results), self._play.facts, self._play.fault, self._play.is_enforced)
        self._results.clear()
        return news

    def _provider(self, run: str) -> tuple[ClusterProvider, Sequence[str]]:
        """Join the cluster that the controller has opened; look at one and open it where there is none to join."""
        invitation = self._rendezvous.invitation() if self._rendezvous else None
        if invitation is None or "private" in invitation:
            provider = provider_of(self.choices, run)
            return provider, checked(provider)
        if "error" in invitation:
            raise ClusterError(invitation["error"])
        return open_provider(invitation["cluster"], **invitation["options"]), invitation["disturbances"]


_KEY = pytest.StashKey[Netpol]()


def netpol_of(config: pytest.Config) -> Netpol:
    """Return the plugin's state in this process, made when first asked for. Raises `pytest.UsageError`."""
    if _KEY not in config.stash:
        try:
            config.stash[_KEY] = Netpol(config)
        except (UsageError, ScenarioError) as error:
            raise pytest.UsageError(str(error)) from error
    return config.stash[_KEY]


def known_netpol(config: pytest.Config) -> Netpol | None:
    """Return the plugin's state, None where nobody has asked for it: then there is no scenario in this session."""
    return config.stash.get(_KEY, None)


def plan(files: list[ScenarioFile]) -> Mapping[str, Any]:
    """Say, for each file by its node id, with which others it goes and whether it must be alone on the cluster."""
    by_file = {file.scenario.file: file for file in files}
    told: dict[str, Any] = {}
    for number, group in enumerate(groups(file.scenario for file in files)):
        for scenario in group:
            file = by_file[scenario.file]
            told[file.nodeid] = {
                "group": number,
                "alone": has_cluster_wide_effects(scenario),
                "path": scenario.file,
                "steps": len(scenario.steps),
            }
    return {"files": told}


def _shares(one: Scenario, other: Scenario) -> bool:
    return one.topology == other.topology and not has_topology_changes(other)
