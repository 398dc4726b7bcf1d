"""Steps that come one by one, each judged as soon as it was played: what a test in Python does."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.errors import HarnessError
from harness.model.result import StepResult
from harness.model.scenario import Scenario
from harness.plan import has_topology_changes
from harness.runner.perform import Performance, Performer
from harness.runner.stage import Stage
from harness.runner.verdicts import step_result
from harness.scenario.rename import Renaming


class Improvisation:
    """One topology that is up, and what has been seen of it so far; not thread-safe."""

    def __init__(
        self,
        performer: Performer,
        stage: Stage,
        scenario: Scenario,
        rename: Callable[[Iterable[Scenario]], Renaming],
    ) -> None:
        self._performer = performer
        self._stage = stage
        self._rename = rename
        self._show = Performance(scenario)
        self._has_looked = False
        self.leaves_as_found = True

    def play(self, scenario: Scenario) -> StepResult:
        """Play the last step of `scenario`, which holds all that was played before, and judge it.

        Where a denial lacks its positive control the policies are lifted, the flow is looked at, and they are
        applied again. Raises `HarnessError` for what a cluster could not do: no verdict comes of that.
        """
        step = scenario.steps[-1]
        self.leaves_as_found = self.leaves_as_found and not has_topology_changes(scenario)
        self._stage.renaming = self._rename([scenario])
        try:
            if not self._has_looked:
                self._performer.baseline(self._show)
                self._has_looked = True
            self._performer.play(self._show, step)
            self._performer.prove_missing(self._show, restore=True)
        except HarnessError:
            # Nobody knows in which state that left the pods.
            self.leaves_as_found = False
            raise
        return step_result(self._show.records[-1], self._show.evidence)

    def close(self) -> None:
        """Delete the policies that are still in force."""
        try:
            self._stage.delete(list(self._show.in_force))
        except HarnessError:
            self.leaves_as_found = False
            raise
