"""What scenarios are played on: a cluster that was seen to enforce, and stages that stay up for the next scenario.

`run` opens one sentinel for each cluster; a `Ground` is for callers who play scenarios one
after the other and do not know beforehand which ones will come (pytest, the Python interface).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from harness.cluster.interface import Cluster, ClusterProvider
from harness.errors import HarnessError, NotEnforcedError, PreflightError
from harness.model.cluster import Capabilities
from harness.model.preflight import failed, warnings
from harness.model.result import ClusterFacts, Event, ScenarioResult
from harness.model.scenario import Scenario
from harness.model.topology import Topology
from harness.plan import has_topology_changes
from harness.runner.improvise import Improvisation
from harness.runner.perform import Performer, unplayed
from harness.runner.sentinel import Sentinel
from harness.runner.settings import Emit, InterruptedRunError, RunSettings
from harness.runner.stage import Stage
from harness.runner.turnstile import Turnstile
from harness.scenario.rename import Renaming


@contextmanager
def proved(cluster: Cluster, settings: RunSettings, worker: int) -> Iterator[Turnstile]:
    """Yield the turnstile of a sentinel that proved `cluster` to enforce, and take it down whatever happens.

    Raises `NotEnforcedError` where the canary policy has no effect.
    """
    with proved_for(cluster, settings, worker, 1) as (turnstile,):
        yield turnstile


@contextmanager
def proved_for(cluster: Cluster, settings: RunSettings, worker: int, lanes: int) -> Iterator[tuple[Turnstile, ...]]:
    """Yield a turnstile for each of several lanes on one cluster, as `proved` does for one."""
    sentinel = Sentinel(cluster, settings, worker, lanes)
    try:
        sentinel.bring_up()
        yield sentinel.turnstiles
    finally:
        sentinel.close()


def renaming(scenarios: Iterable[Scenario], number: int, settings: RunSettings) -> Renaming:
    """Return run-unique names for every namespace of `scenarios`; `number` keeps those of other lanes apart."""
    if settings.verbatim_namespaces:
        return Renaming.identity()
    names: dict[str, None] = {}
    for scenario in scenarios:
        for topology in (scenario.topology, *(step.topology for step in scenario.steps)):
            names |= dict.fromkeys(topology.namespaces)
    return Renaming.build(names, f"{settings.prefix}{number}-")


def checked(provider: ClusterProvider) -> tuple[str, ...]:
    """Look at the cluster before anything runs on it, and return what disturbs there: it belongs into every report.

    Raises `PreflightError` with all that stands in the way, each with its remedy.
    """
    checks = provider.preflight()
    found = failed(checks)
    if found:
        raise PreflightError("\n".join(f"{item}\n    {item.remedy}" if item.remedy else str(item) for item in found))
    return tuple(f"{item} ({item.remedy})" if item.remedy else str(item) for item in warnings(checks))


def facts(known: Capabilities, remarks: Sequence[str] = ()) -> ClusterFacts:
    """Return what reports say about the cluster that they are about, and what to know of this run on it."""
    return ClusterFacts(
        known.kind,
        known.emulated,
        known.cni,
        known.cni_version,
        known.kubernetes,
        tuple(sorted(known.families)),
        (*known.notes, *remarks),
    )


class Ground:
    """One proved cluster on which scenarios are played one by one; not thread-safe.

    Pods of a scenario that leaves them as they were stay up for the next one with the same topology,
    until `forget` says that none will come, or others need the room.
    """

    def __init__(self, cluster: Cluster, turnstile: Turnstile, settings: RunSettings, emit: Emit) -> None:
        self._cluster = cluster
        self._turnstile = turnstile
        self._settings = settings
        self._emit = emit
        self._stages: OrderedDict[int, tuple[Topology, Stage]] = OrderedDict()
        self._made = 0

    def perform(self, scenario: Scenario) -> ScenarioResult:
        """Play `scenario` on pods that are up, or else on new ones, and return what came of it.

        A cluster that fails makes the scenario inconclusive; raises `InterruptedRunError` and `NotEnforcedError` only.
        """
        number = self._standing(scenario.topology)
        try:
            self._settings.check()
            if number is None:
                number = self._bring_up(scenario)
            result = Performer(self._stages[number][1], self._turnstile, self._emit).perform(scenario)
        except (InterruptedRunError, NotEnforcedError):
            raise
        except HarnessError as error:
            result = unplayed(scenario, str(error))
            self._emit(Event("scenario-finished", scenario.name, data={"result": result}))
        if number is not None and (has_topology_changes(scenario) or result.error is not None):
            self._take_down(number)
        return result

    @contextmanager
    def improvise(self, scenario: Scenario) -> Iterator[Improvisation]:
        """Yield the pods of `scenario`, whose steps need not be known yet; they are played as they come.

        Raises `HarnessError` where the pods do not come up.
        """
        self._settings.check()
        number = self._standing(scenario.topology) or self._bring_up(scenario)
        stage = self._stages[number][1]
        rename = partial(renaming, number=number, settings=self._settings)
        improvisation = Improvisation(Performer(stage, self._turnstile, self._emit), stage, scenario, rename)
        try:
            yield improvisation
        finally:
            try:
                improvisation.close()
            finally:
                if not improvisation.leaves_as_found:
                    self._take_down(number)

    def forget(self, topology: Topology) -> None:
        """Take the pods of `topology` down, if they are up: no scenario will ask for them any more."""
        number = self._standing(topology)
        if number is not None:
            self._take_down(number)

    def close(self) -> None:
        """Take every stage down; what one of them cannot delete does not keep the others up."""
        faults: list[HarnessError] = []
        for number in list(self._stages):
            try:
                self._take_down(number)
            except HarnessError as error:
                faults.append(error)
        if faults:
            raise faults[0]

    def _standing(self, topology: Topology) -> int | None:
        return next((number for number, (up, _) in self._stages.items() if up == topology), None)

    def _bring_up(self, scenario: Scenario) -> int:
        topologies = (scenario.topology, *(step.topology for step in scenario.steps))
        pods = max(len(topology.pods) for topology in topologies)
        if any(topology.externals for topology in topologies):
            # Their addresses are fixed, and only one stage can have them.
            for number in [number for number, (_, stage) in self._stages.items() if stage.topology.externals]:
                self._take_down(number)
        while self._stages and self._pods() + pods > self._settings.pod_budget:
            self._take_down(next(iter(self._stages)))
        self._made += 1
        stage = Stage(self._cluster, self._settings, renaming([scenario], self._made, self._settings))
        self._stages[self._made] = (scenario.topology, stage)
        try:
            stage.add(scenario.topology)
        except BaseException:
            self._take_down(self._made)
            raise
        return self._made

    def _pods(self) -> int:
        return sum(len(stage.topology.pods) for _, stage in self._stages.values())

    def _take_down(self, number: int) -> None:
        _, stage = self._stages.pop(number)
        stage.close()
