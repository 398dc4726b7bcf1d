"""Scenario files as collectors, their steps (or rows, or flows) as test items.

What only playing needs is imported when something is played: collecting alone stays quick.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ScenarioError, SourceLocation
from harness.model.flow import Flow
from harness.model.result import FlowResult, ScenarioResult, StepResult, Verdict
from harness.model.scenario import Scenario
from harness.pytest_plugin.options import choices
from harness.scenario.load import load

# Tags that pytest would act upon, were they markers: a scenario must not be skipped by the name of its subject.
_PYTEST_MARKERS = frozenset(
    {"skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "tryfirst", "trylast"}
)
MARKER = "netpol"
_TAGS = pytest.StashKey[set[str]]()


class ScenarioFile(pytest.File):
    """A scenario file; its set-up plays the whole scenario, since only its end proves every denial.

    `result` is what came of that, None before.
    """

    scenario: Scenario
    result: ScenarioResult | None = None

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Yield an item a step, or a collector a step where the items are finer."""
        try:
            with _uncollected():
                self.scenario = load(_shown(self.path))
        except ScenarioError as error:
            # With all problems, each with its position, and no traceback.
            raise self.CollectError(str(error)) from None
        self.extra_keyword_matches.update([self.scenario.name, *self.scenario.tags])
        for marker in _markers(self.scenario.tags, self.config):
            self.add_marker(marker)
        finer = choices(self.config).items
        for number, step in enumerate(self.scenario.steps):
            if finer == "step":
                yield StepItem.from_parent(self, name=step.name, number=number)
            else:
                yield StepNode.from_parent(self, name=step.name, number=number, finer=finer)

    def setup(self) -> None:
        """Play the scenario. An error here is one for each of its items, as set-up faults are."""
        from harness.pytest_plugin.session import netpol_of

        self.result = netpol_of(self.config).play(self)

    def teardown(self) -> None:
        """Let go of pods that no scenario to come will ask for."""
        from harness.pytest_plugin.session import netpol_of

        netpol_of(self.config).has_finished(self)


class StepNode(pytest.Collector):
    """A step whose rows or flows are items."""

    def __init__(self, *, number: int, finer: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._number = number
        self._finer = finer

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each source, or for each flow."""
        file = _file_of(self)
        step = file.scenario.steps[self._number]
        names = {flow: flow.source if self._finer == "row" else str(flow) for flow in step.flows}
        for name in dict.fromkeys(names.values()):
            share = frozenset(flow for flow in step.flows if names[flow] == name)
            yield StepItem.from_parent(self, name=name, number=self._number, share=share)


class StepItem(pytest.Item):
    """A step, or a share of its flows: passes where each is as declared, with proof."""

    def __init__(self, *, number: int, share: frozenset[Flow] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._number = number
        self._share = share

    @property
    def file(self) -> ScenarioFile:
        """The scenario's collector."""
        return _file_of(self)

    def time(self, report: pytest.TestReport, has_raised: bool) -> None:
        """Put the time that the step took into the report that tells of it, and not into the one that waited for it.

        The first item's set-up plays the whole scenario: what its steps took is left out there.
        """
        played = self.file.result
        if played is None:
            return
        step = played.steps[self._number]
        own = (step.duration_s or 0.0) * len(self._flows(step)) / max(1, len(step.flows))
        if report.when == "call" or (report.when == "setup" and has_raised):
            report.duration = own
        elif report.when == "setup":
            steps = sum(each.duration_s or 0.0 for each in played.steps)
            report.duration = max(0.0, report.duration - steps)

    def setup(self) -> None:
        """Raise where nothing was proved: that is an error of the environment and no failure of what is tested."""
        from harness.pytest_plugin import failing
        from harness.pytest_plugin.session import netpol_of

        if self.file.result is None:
            netpol_of(self.config).refuse(self.nodeid, self._location())
        scenario, step, flows = self._played()
        if scenario.error is not None and step.duration_s is None:
            raise failing.SetUpError(*failing.first_and_rest(scenario.error), step.location)
        how = netpol_of(self.config).choices.inconclusive
        if how != "fail" and failing.verdict(flows) is Verdict.INCONCLUSIVE:
            error = failing.inconclusive(scenario, step, flows)
            if how == "skip":
                pytest.skip(f"inconclusive: {error.headline}")
            raise error

    def runtest(self) -> None:
        """Compare what was seen with what is declared."""
        from harness.pytest_plugin import failing

        scenario, step, flows = self._played()
        gravest = failing.verdict(flows)
        if gravest is Verdict.INCONCLUSIVE:
            raise failing.inconclusive(scenario, step, flows)
        if gravest is not None:
            raise failing.mismatch(scenario, step, flows)
        judgements = [flow.judgement for flow in flows if flow.judgement]
        known = [each for each in judgements if each.verdict is Verdict.KNOWN]
        if known:
            pytest.xfail(f"known deviation: {known[0].why}")
        if all(each.verdict is Verdict.IGNORED for each in judgements):
            pytest.skip(f"nothing to judge: {judgements[0].why if judgements else 'no flow'}")

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the place in the scenario file, its line counted from 0, and what pytest calls the item."""
        where = self._location()
        name = self.name if self._share is None else f"{self.file.scenario.steps[self._number].name}: {self.name}"
        return self.path, where.line - 1, f"{self.file.scenario.name}: {name}"

    def _location(self) -> SourceLocation:
        step = self.file.scenario.steps[self._number]
        if self._share is not None and len(self._share) == 1 and step.declared is not None:
            return step.declared[next(iter(self._share))].location
        return step.location

    def _played(self) -> tuple[ScenarioResult, StepResult, Sequence[FlowResult]]:
        scenario = self.file.result
        if scenario is None:
            raise AssertionError(f"{self.nodeid} was asked before it was played")
        step = scenario.steps[self._number]
        return scenario, step, self._flows(step)

    def _flows(self, step: StepResult) -> Sequence[FlowResult]:
        if self._share is None:
            return step.flows
        return [result for result in step.flows if result.flow in self._share]


def scenario_files(items: Iterable[pytest.Item]) -> dict[ScenarioFile, None]:
    """Return the files that `items` belong to, each once, in the order of the items."""
    return {item.file: None for item in items if isinstance(item, StepItem)}


def _file_of(node: pytest.Item | pytest.Collector) -> ScenarioFile:
    file = node.getparent(ScenarioFile)
    if file is None:
        raise AssertionError(f"{node.nodeid} is in no scenario file")
    return file


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector still while a file is loaded: none of what was loaded before is garbage."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _shown(path: Path) -> Path:
    """Return a path as people write it, from where they are, so that positions can be clicked."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _markers(tags: Sequence[str], config: pytest.Config) -> Iterator[str]:
    yield MARKER
    known = config.stash.setdefault(_TAGS, set())
    for tag in tags:
        if tag in _PYTEST_MARKERS:
            continue
        if tag not in known:
            known.add(tag)
            config.addinivalue_line("markers", f"{tag}: a tag of scenarios")
        yield tag
