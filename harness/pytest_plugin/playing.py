"""The cluster of this process: opened for the first scenario, shared by all that follow, left at the session's end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any

from harness.cluster.interface import ClusterProvider
from harness.cluster.registry import open_provider
from harness.errors import HarnessError, NotEnforcedError, UsageError
from harness.model.result import ClusterFacts, Event, ScenarioResult
from harness.model.scenario import Scenario
from harness.model.topology import Topology
from harness.profiles.load import choose
from harness.pytest_plugin.options import PREFIX, Choices
from harness.runner.ground import Ground, facts, proved
from harness.runner.settings import InterruptedRunError, RunSettings

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class NoGroundError(HarnessError):
    """There is no cluster to play on, for a reason that holds for every scenario of the session."""


def provider_of(choices: Choices, run: str) -> ClusterProvider:
    """Build the provider that was chosen, without touching a cluster. Raises `UsageError`."""
    chosen: dict[str, Any] = dict(choices.cluster_options)
    if choices.verbatim_namespaces and choices.cluster == "kubeconfig":
        # Names that another run may want as well.
        chosen["exclusive"] = True
    try:
        return open_provider(choices.cluster, run=run, **chosen)
    except UsageError as error:
        raise _in_the_plugins_words(error) from error


def settings_of(choices: Choices, run: str, part: str = "", share: int = 1) -> RunSettings:
    """Return the run's settings for one process; `share` processes divide the budget of pods between them.

    Raises `UsageError` for a profile that is none.
    """
    settings = RunSettings(run=run, part=part)
    try:
        profile = choose(choices.profile)
    except UsageError as error:
        raise _in_the_plugins_words(error) from error
    return replace(
        settings,
        pod_budget=max(1, settings.pod_budget // share),
        engine=choices.engine,
        verbatim_namespaces=choices.verbatim_namespaces,
        window_s=choices.window_s,
        deadline_s=choices.deadline_s,
        ceiling_s=choices.timeout_s,
        profile=profile,
    )


def _in_the_plugins_words(error: UsageError) -> UsageError:
    """Return the same with the prefix that these options have here."""
    return UsageError(error.what.replace("--", PREFIX), where=error.where, remedy=error.remedy)


class Play:
    """Plays scenarios one after the other on one ground.

    `provider` is called when the first scenario comes, and returns what disturbs there as well. What keeps the ground
    from being opened is raised as `NoGroundError` for each scenario, without another try: every cluster of the session
    is the same.
    """

    def __init__(self, provider: Callable[[], tuple[ClusterProvider, Sequence[str]]], settings: RunSettings) -> None:
        self._provider = provider
        self._settings = settings
        self._stack = ExitStack()
        self._ground: Ground | None = None
        self._fault: NoGroundError | None = None
        self.facts: ClusterFacts | None = None
        self.is_enforced = True

    @property
    def fault(self) -> str | None:
        """Why there is no ground, None as long as nothing speaks against one."""
        return None if self._fault is None else str(self._fault)

    def perform(self, scenario: Scenario) -> ScenarioResult:
        """Play a scenario. Raises `NoGroundError`, and `KeyboardInterrupt` once an interrupted one has cleaned up."""
        with self.interruptible():
            return self.ground().perform(scenario)

    def forget(self, topology: Topology) -> None:
        """Take the pods of `topology` down: no scenario of this session will ask for them."""
        if self._ground is not None:
            self._ground.forget(topology)

    def ground(self) -> Ground:
        """Return the ground, opened when first asked for. Raises `NoGroundError`."""
        if self._fault is not None:
            raise self._fault
        if self._ground is None:
            try:
                self._ground = self._opened()
            except InterruptedRunError:
                raise
            except HarnessError as error:
                self._stack.close()
                self.is_enforced = not isinstance(error, NotEnforcedError)
                self._fault = NoGroundError(error.what, where=error.where, remedy=error.remedy)
                raise self._fault from error
        return self._ground

    def close(self) -> str | None:
        """Leave the cluster and return what went wrong on the way out, None where nothing did."""
        self._ground = None
        try:
            self._stack.close()
        except HarnessError as error:
            return str(error)
        return None

    def _opened(self) -> Ground:
        self._stack.enter_context(terminable())
        provider, disturbances = self._provider()
        cluster = self._stack.enter_context(provider.open())
        self.facts = facts(cluster.capabilities(), disturbances)
        sentinel = self._stack.enter_context(proved(cluster, self._settings, 0))
        ground = Ground(cluster, sentinel, self._settings, _ignore)
        self._stack.callback(ground.close)
        return ground

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Turn Ctrl-C and SIGTERM into an orderly end of the scenario under way, and then into pytest's own.

        Cleaning up in the middle of a stack that an exception tears down would leave pods behind.
        """
        cancelled = self._settings.cancelled

        def stop(signum: int, frame: FrameType | None) -> None:
            if cancelled.is_set():
                signal.default_int_handler(signum, frame)
            cancelled.set()

        with _handling(stop):
            try:
                yield
            except InterruptedRunError as error:
                raise KeyboardInterrupt from error
        if cancelled.is_set():
            raise KeyboardInterrupt


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM end the session as Ctrl-C does: by itself it would leave the cluster as it is."""
    with _handling(signal.default_int_handler, (signal.SIGTERM,)):
        yield


@contextmanager
def _handling(
    handler: Callable[[int, FrameType | None], Any], signals: tuple[signal.Signals, ...] = _SIGNALS
) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _ignore(_: Event) -> None:
    """Listen to nothing: pytest tells what happened."""
