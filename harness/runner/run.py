"""A whole run: lanes side by side within a budget of pods, and nothing left behind.

A private cluster (the local one) is opened once for each worker; a shared one once for the run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from harness.cluster.interface import Cluster, ClusterProvider
from harness.errors import HarnessError, NotEnforcedError, PreflightError
from harness.model.cluster import Capabilities
from harness.model.result import ClusterFacts, Event, RunResult, ScenarioResult
from harness.model.scenario import Scenario
from harness.plan import Lane, lanes
from harness.runner.ground import checked, facts, proved, proved_for, renaming
from harness.runner.perform import Performer, unplayed
from harness.runner.settings import Emit, InterruptedRunError, RunSettings
from harness.runner.stage import Stage
from harness.runner.turns import Turns
from harness.runner.turnstile import Turnstile

_CLOSINGS = 8
_Grounds = Sequence[tuple[Cluster, Turnstile]]


def run(scenarios: Sequence[Scenario], provider: ClusterProvider, settings: RunSettings, emit: Emit) -> RunResult:
    """Play all scenarios and return what came of each, in the order given.

    Never raises a `HarnessError`: a cluster that does not work, an interruption and a cluster that does
    not enforce end in a result that says so.
    """
    return _Run(scenarios, provider, settings, emit).result()


class _Run:
    def __init__(
        self, scenarios: Sequence[Scenario], provider: ClusterProvider, settings: RunSettings, emit: Emit
    ) -> None:
        self._scenarios = scenarios
        self._provider = provider
        self._settings = settings
        self._emit = _serialised(emit)
        self._budget = _PodBudget(settings.pod_budget)
        self._capabilities: Capabilities | None = None
        self._warnings: tuple[str, ...] = ()
        self._stop_reason: str | None = None
        self._means_nothing = False
        self._results: dict[str, ScenarioResult] = {}
        # Where many share a cluster, stages are taken down behind the lanes' backs: a namespace takes seconds to go.
        self._closing: ThreadPoolExecutor | None = None

    def result(self) -> RunResult:
        started, clock = datetime.now(UTC), time.monotonic()
        self._emit(Event("run-started", data={"scenarios": len(self._scenarios)}))
        try:
            self._play_all()
        except InterruptedRunError:
            # Stopped while a cluster was being made.
            pass
        except PreflightError as error:
            self._means_nothing = True
            self._stop(str(error))
        except HarnessError as error:
            # Opening a shared cluster failed: no lane ever started.
            self._stop(str(error))
        interrupted = self._settings.cancelled.is_set() and self._stop_reason is None
        result = RunResult(
            self._settings.run,
            started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            time.monotonic() - clock,
            self._facts(),
            self._ordered_results(),
            error=self._stop_reason,
            interrupted=interrupted,
        )
        self._emit(Event("run-finished", data={"result": result}))
        return result

    def _ordered_results(self) -> tuple[ScenarioResult, ...]:
        if self._means_nothing:
            # Nothing seen on a cluster that does not enforce is a finding: one sentence, no list of leaks.
            return ()
        reason = self._stop_reason or "interrupted"
        return tuple(self._results.get(item.file) or unplayed(item, reason) for item in self._scenarios)

    def _play_all(self) -> None:
        self._warnings = checked(self._provider)
        for text in self._warnings:
            self._emit(Event("note", text=text))
        is_shared = not self._provider.private
        planned = lanes(self._scenarios, self._settings.parallel, pods_are_cheap=not is_shared)
        waiting = Turns(planned, share_addresses=is_shared)
        workers = min(self._settings.parallel, len(waiting))
        with ExitStack() as stack:
            shared: _Grounds | None = None
            if is_shared:
                cluster = stack.enter_context(self._provider.open())
                # Left after the sentinel, so that it goes while the last stages go.
                self._closing = stack.enter_context(ThreadPoolExecutor(_CLOSINGS, thread_name_prefix="closing"))
                shared = stack.enter_context(self._proved_once(cluster, workers))
            pool = stack.enter_context(ThreadPoolExecutor(max(1, workers), thread_name_prefix="lane"))
            for future in [pool.submit(self._work, number, waiting, shared) for number in range(workers)]:
                future.result()

    @contextmanager
    def _proved_once(self, cluster: Cluster, workers: int) -> Iterator[_Grounds]:
        """Prove the one cluster of all workers; each gets a turnstile of its own."""
        self._capabilities = cluster.capabilities()
        try:
            with proved_for(cluster, self._settings, 0, max(1, workers)) as turnstiles:
                yield [(cluster, turnstile) for turnstile in turnstiles]
        except NotEnforcedError:
            self._means_nothing = True
            raise

    def _work(self, worker: int, waiting: Turns, shared: _Grounds | None) -> None:
        """Play lanes until none is waiting, on one proved cluster for as long as that holds."""
        try:
            while waiting:
                with self._ground(worker, shared) as (cluster, turnstile):
                    # A private cluster on which a lane failed is left for a fresh one: that costs little.
                    while self._play_next(waiting, cluster, turnstile) or (shared is not None and waiting):
                        pass
        except InterruptedRunError:
            return
        except NotEnforcedError as error:
            self._means_nothing = True
            self._stop(str(error))
        except HarnessError as error:
            self._stop(str(error))
        except BaseException:
            # A fault of our own: the other workers must not go on for minutes before it is told.
            self._settings.cancelled.set()
            raise

    @contextmanager
    def _ground(self, worker: int, shared: _Grounds | None) -> Iterator[tuple[Cluster, Turnstile]]:
        """Yield a cluster that was seen to enforce, and take it down whatever happens unless it is shared."""
        if shared is not None:
            yield shared[worker]
            return
        with self._provider.open() as cluster:
            self._capabilities = cluster.capabilities()
            with proved(cluster, self._settings, worker) as turnstile:
                yield cluster, turnstile

    def _play_next(self, waiting: Turns, cluster: Cluster, turnstile: Turnstile) -> bool:
        """Play the next lane and tell whether that went well; False also where none is waiting."""
        lane = waiting.take()
        if lane is None:
            return False
        played = 0
        try:
            with self._stage(lane, cluster, waiting) as stage:
                performer = Performer(stage, turnstile, self._emit)
                for scenario in lane.scenarios:
                    self._settings.check()
                    is_last = scenario is lane.scenarios[-1]
                    self._results[scenario.file] = performer.perform(scenario, is_last=is_last)
                    played += 1
        except (InterruptedRunError, NotEnforcedError):
            raise
        except HarnessError as error:
            for scenario in lane.scenarios[played:]:
                result = unplayed(scenario, str(error))
                self._results[scenario.file] = result
                self._emit(Event("scenario-finished", scenario.name, data={"result": result}))
            return False
        return True

    @contextmanager
    def _stage(self, lane: Lane, cluster: Cluster, turns: Turns) -> Iterator[Stage]:
        """Bring up a lane's pods as soon as there is room for them, and take them down whatever happens."""
        share = self._budget.take(lane.pods, self._settings)
        stage = Stage(cluster, self._settings, renaming(lane.scenarios, lane.number, self._settings))

        def close() -> None:
            try:
                stage.close()
            finally:
                self._budget.give_back(share)
                turns.give_back(lane)

        try:
            stage.add(lane.topology)
            yield stage
        finally:
            if self._closing is None:
                close()
            else:
                # What it could not delete, the provider tries again when the cluster is left, and tells of.
                self._closing.submit(close)

    def _stop(self, reason: str) -> None:
        self._stop_reason = self._stop_reason or reason
        self._settings.cancelled.set()

    def _facts(self) -> ClusterFacts | None:
        known = self._capabilities
        if known is None:
            return None
        profile = self._settings.profile.active(known.cni, known.cni_version)
        return facts(known, (*self._warnings, *profile.notes))


class _PodBudget:
    """Lanes wait here until their pods fit; a lane larger than the budget runs alone."""

    def __init__(self, pods: int) -> None:
        self._total = pods
        self._free = pods
        self._changed = threading.Condition()

    def take(self, pods: int, settings: RunSettings) -> int:
        """Wait for `pods` of the budget and return the share taken. Raises `InterruptedRunError` when the run stops."""
        share = min(pods, self._total)
        with self._changed:
            while self._free < share:
                settings.check()
                self._changed.wait(0.1)
            settings.check()
            self._free -= share
        return share

    def give_back(self, share: int) -> None:
        """Let others have a share that was taken."""
        with self._changed:
            self._free += share
            self._changed.notify_all()


def _serialised(emit: Emit) -> Emit:
    """Let listeners be written without locks: lanes emit from their own threads."""
    lock = threading.Lock()

    def send(event: Event) -> None:
        with lock:
            emit(event)

    return send
