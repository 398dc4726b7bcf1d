"""Worlds on one proved cluster: brought up with the first assertion, observed and judged by each."""

from __future__ import annotations

import inspect
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from types import TracebackType
from typing import Any, Self

from harness.api.rules import Default, InconclusiveError, MismatchError, PodSpec, Rule
from harness.api.script import Policy, Script, caller, decoded, manifest
from harness.cluster.registry import open_provider
from harness.errors import HarnessError
from harness.model.result import ScenarioResult, StepResult, Verdict
from harness.model.scenario import Scenario
from harness.reporting import terminal
from harness.reporting.tally import count, is_failed
from harness.runner.evidence import Evidence
from harness.runner.ground import Ground, checked, proved
from harness.runner.improvise import Improvisation
from harness.runner.settings import RunSettings
from harness.runner.verdicts import never_played, step_result


class Worlds:
    """Brings worlds up on one proved cluster, and takes them down when it is closed.

    `keep` takes each world's result once it is over. `doubt` is called before an `InconclusiveError` is
    raised, and may end the test otherwise. `guard` is entered around whatever touches the cluster.
    """

    def __init__(
        self,
        ground: Callable[[], Ground],
        *,
        name: str = "world",
        keep: Callable[[ScenarioResult], None] = lambda _: None,
        doubt: Callable[[InconclusiveError], None] = lambda _: None,
        guard: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.ground = ground
        self.keep = keep
        self.doubt = doubt
        self.guard = guard
        self._name = name
        self._worlds: list[World] = []

    def world(
        self,
        pods: Mapping[str, PodSpec],
        *,
        namespaces: Mapping[str, Mapping[str, Any]] | None = None,
        services: Mapping[str, Mapping[str, Any]] | None = None,
        externals: Mapping[str, Mapping[str, Any]] | None = None,
        probe: Mapping[str, Any] | None = None,
    ) -> World:
        """Describe a world; its pods come up with the first assertion.

        Namespaces that only have pods need not be named. Everything is as in the `topology` of a scenario file.
        """
        topology = {
            "namespaces": {**{name.partition("/")[0]: {} for name in pods}, **(namespaces or {})},
            "pods": dict(pods),
            "services": dict(services or {}),
            "externals": dict(externals or {}),
        }
        number = len(self._worlds) + 1
        made = World(self, self._name if number == 1 else f"{self._name}-{number}", topology, dict(probe or {}))
        self._worlds.append(made)
        return made

    def close(self) -> None:
        """Take every world down."""
        with ExitStack() as stack:
            for world in self._worlds:
                stack.callback(world.close)


class World:
    """One topology, and the policies that are in force on it until they are deleted.

    Changes are collected and made by the next assertion, in the order of a scenario's step: add, remove, restart,
    relabel, delete, apply.
    """

    def __init__(self, worlds: Worlds, name: str, topology: Mapping[str, Any], probe: Mapping[str, Any]) -> None:
        self._worlds = worlds
        self._script = Script(name, topology, probe)
        self._changes: dict[str, Any] = {}
        self._stack = ExitStack()
        self._play: Improvisation | None = None
        self._results: list[StepResult] = []
        self._began = time.monotonic()

    # -- changes -------------------------------------------------------------------

    def apply(self, *policies: Policy) -> Self:
        """Create or replace policies: each a mapping, YAML text, or the path of a YAML file."""
        for policy in policies:
            name = f"<policy {len(self._script.manifests) + 1}>"
            self._script.manifests[name] = manifest(name, policy)
            self._changes.setdefault("apply", []).append(name)
        return self

    def delete(self, *policies: str) -> Self:
        """Delete policies, each named as NetworkPolicy/namespace/name."""
        self._changes.setdefault("delete", []).extend(policies)
        return self

    def relabel(self, labels: Mapping[str, Mapping[str, str | None]]) -> Self:
        """Merge labels into those of pods ("ns/name") or namespaces; None removes one."""
        self._changes.setdefault("relabel", {}).update(labels)
        return self

    def restart(self, *pods: str) -> Self:
        """Replace pods by new ones of the same name: each gets another address."""
        self._changes.setdefault("restart", []).extend(pods)
        return self

    def remove(self, *names: str) -> Self:
        """Remove pods, or namespaces with all that is in them."""
        self._changes.setdefault("remove", []).extend(names)
        return self

    def add(self, pods: Mapping[str, PodSpec], *, namespaces: Mapping[str, Mapping[str, Any]] | None = None) -> Self:
        """Add pods, and the namespaces that are named."""
        added = self._changes.setdefault("add", {"namespaces": {}, "pods": {}})
        added["pods"].update(pods)
        added["namespaces"].update(namespaces or {})
        return self

    # -- assertions ------------------------------------------------------------------

    def assert_matrix(self, default: Default, *rules: Rule) -> StepResult:
        """Make the changes and assert every flow: `default`, but for what rules say; a later rule wins.

        Raises `MismatchError` where a flow leaks or is out, `InconclusiveError` where proof is missing, and
        `ScenarioError` for what cannot be meant. Returns what was seen, with its times.
        """
        __tracebackhide__ = True
        told = [{rule.verb: list(rule.flows), **({"because": rule.because} if rule.because else {})} for rule in rules]
        return self._assert({"default": default, "rules": told})

    def assert_drawn(self, matrix: str, *, default: Default | None = None) -> StepResult:
        """Make the changes and assert a drawn matrix, as in a scenario file; `default` is for what it does not draw."""
        __tracebackhide__ = True
        drawn = {"matrix": inspect.cleandoc(matrix) + "\n"}
        return self._assert({"default": default, **drawn} if default else drawn)

    def assert_predicted(self) -> StepResult:
        """Make the changes and assert what the published semantics say: this tests the CNI and no author."""
        __tracebackhide__ = True
        return self._assert("predicted")

    def close(self) -> None:
        """Take the world down, and hand over what was seen of it."""
        self._play = None
        with self._worlds.guard():
            self._stack.close()
        if self._results:
            name, file = self._script.name, self._script.places[0].file
            elapsed_s = time.monotonic() - self._began
            result = ScenarioResult(name, file, "a test in Python", (), tuple(self._results), duration_s=elapsed_s)
            self._worlds.keep(result)
            self._results = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # -- inside --------------------------------------------------------------------------

    def _assert(self, expect: Any) -> StepResult:
        __tracebackhide__ = True
        script, here = self._script, caller()
        script.steps.append({"name": f"assertion {len(script.steps) + 1}, line {here.line}", **self._changes})
        script.steps[-1]["expect"] = expect
        script.places.append(here)
        self._changes = {}
        scenario = decoded(script)
        with self._worlds.guard():
            result = self._played(scenario)
        self._results.append(result)
        tally = count(result.flows)
        if is_failed(tally):
            raise MismatchError(self._told(scenario, result), result)
        if tally.get(Verdict.INCONCLUSIVE) or result.settled is None:
            error = InconclusiveError(self._told(scenario, result), result)
            self._worlds.doubt(error)
            raise error
        return result

    def _played(self, scenario: Scenario) -> StepResult:
        """Play the last step; what the cluster could not do is a step that was never played, for that reason."""
        try:
            if self._play is None:
                self._play = self._stack.enter_context(self._worlds.ground().improvise(scenario))
            return self._play.play(scenario)
        except HarnessError as error:
            step = scenario.steps[-1]
            return step_result(never_played(step, str(error).partition("\n")[0]), Evidence())

    def _told(self, scenario: Scenario, step: StepResult) -> str:
        of = ScenarioResult(scenario.name, scenario.file, scenario.about, (), (step,))
        return "\n" + terminal.render_step(of, step, width=100)


@contextmanager
def open_worlds(cluster: str = "local", **options: Any) -> Iterator[Worlds]:
    """Open a cluster, prove that it enforces policies, and yield its worlds; nothing is left behind.

    `options` are those of the command line: kubeconfig, context, image, fault. Raises `HarnessError` where there is
    no such cluster, or one that proves nothing.
    """
    settings = RunSettings(secrets.token_hex(3))
    provider = open_provider(cluster, run=settings.run, **options)
    checked(provider)
    with provider.open() as opened, proved(opened, settings, 0) as sentinel, ExitStack() as stack:
        ground = Ground(opened, sentinel, settings, lambda _: None)
        stack.callback(ground.close)
        worlds = Worlds(lambda: ground)
        stack.callback(worlds.close)
        yield worlds
