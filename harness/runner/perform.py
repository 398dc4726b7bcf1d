"""One scenario on its stage: baseline, steps, proof for what the baseline could not know, verdicts.

Observes first and judges last: nothing that decides what to probe, or for how
long, has seen an expectation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from harness.errors import HarnessError, NotEnforcedError
from harness.judge import IN_THE_BASELINE
from harness.model.cluster import Timing
from harness.model.flow import Flow
from harness.model.result import Event, Outcome, ScenarioResult, StepResult
from harness.model.scenario import Manifest, ObjectRef, Scenario, Step
from harness.model.topology import Topology
from harness.probing.command import command
from harness.probing.observe import Settled, observe
from harness.runner.evidence import Evidence, Instance
from harness.runner.settings import Emit, InterruptedRunError
from harness.runner.stage import Stage
from harness.runner.turnstile import Turnstile
from harness.runner.verdicts import StepRecord, failed_flows, ignored_flows, never_played, step_result

_MOST_DIAGNOSED = 3
_REOPENED_S = 3.0


@dataclass
class Performance:
    """What is known so far about one scenario under way."""

    scenario: Scenario
    evidence: Evidence = field(default_factory=Evidence)
    records: list[StepRecord] = field(default_factory=list)
    # Every manifest applied and still in force, oldest first: what a restoring apply replays.
    in_force: dict[ObjectRef, list[Manifest]] = field(default_factory=dict)
    last: Mapping[Flow, Outcome] = field(default_factory=dict)


class Performer:
    """Plays scenarios on one stage with one turnstile of the sentinel."""

    def __init__(self, stage: Stage, turnstile: Turnstile, emit: Emit) -> None:
        self._stage = stage
        self._turnstile = turnstile
        self._emit = emit

    def perform(self, scenario: Scenario, *, is_last: bool = False) -> ScenarioResult:
        """Play every step and return the judged result; a cluster or probe that fails makes it inconclusive.

        Policies are gone when this returns; of the last one on a stage, those in no namespace are, as the others go
        with the pods: to lift them first would be work for the CNI. Raises `InterruptedRunError` and `NotEnforcedError`
        only.
        """
        started = time.monotonic()
        self._emit(Event("scenario-started", scenario.name, data={"steps": len(scenario.steps)}))
        show = Performance(scenario)
        error: str | None = None
        try:
            self.baseline(show)
            for step in scenario.steps:
                self._emit(Event("step-started", scenario.name, step.name))
                self.play(show, step)
                self._emit(Event("step-finished", scenario.name, step.name, data={"flows": len(step.flows)}))
            self.prove_missing(show, restore=False)
        except (InterruptedRunError, NotEnforcedError):
            raise
        except HarnessError as fault:
            error = str(fault)
        finally:
            self._stage.delete([ref for ref in show.in_force if not (is_last and ref.namespace)])
        result = ScenarioResult(
            scenario.name,
            scenario.file,
            scenario.about,
            scenario.tags,
            steps=self._judged(show, error),
            error=error,
            duration_s=time.monotonic() - started,
        )
        self._emit(Event("scenario-finished", scenario.name, data={"result": result}))
        return result

    # -- phases ------------------------------------------------------------------

    def baseline(self, show: Performance) -> None:
        """Look at every flow before the first change."""
        self._emit(Event("phase", show.scenario.name, text="baseline"))
        flows = self._stage.topology.flows(show.scenario.probe)
        instances = self._instances(flows)
        if self._stage.was_open:
            flows = self._reopened(flows, instances, show)
        if flows:
            settled, _ = self._observe(flows, show, latencies=None)
            show.evidence.record(settled.observations, instances, IN_THE_BASELINE)
            seen = settled.observations.values()
            self._stage.was_open = all(item.settled and item.outcome is Outcome.OPEN for item in seen)

    def _reopened(
        self, flows: Iterable[Flow], instances: Mapping[Flow, Instance], show: Performance
    ) -> tuple[Flow, ...]:
        """Wait for each flow to be open again after the last scenario's policies; return those that were not.

        These pods stood through a settled baseline, so one answer a flow is all the proof there can be.
        """
        waiting = {flow for flow in flows if not flow.is_to_itself}
        once, end = replace(self._stage.timing, rounds=1, window_s=0.0), time.monotonic() + _REOPENED_S
        while waiting and time.monotonic() < end:
            settled, impossible = self._observe(waiting, show, latencies={}, timing=once)
            opened = {flow: seen for flow, seen in settled.observations.items() if seen.outcome is Outcome.OPEN}
            show.evidence.record(opened, instances, IN_THE_BASELINE)
            waiting -= opened.keys() | impossible.keys()
        return tuple(flow for flow in flows if flow in waiting)

    def play(self, show: Performance, step: Step) -> None:
        """Carry a step's changes out and record what is seen once they are in force."""
        started = time.monotonic()
        if step.remove or step.restart:
            # Once their pods are gone or elsewhere, nothing can be proved about earlier denials any more.
            self.prove_missing(show, restore=True)
        self._change(show, step)
        changed = time.monotonic()
        barrier = self._turnstile.turn()
        settled, impossible = self._observe(
            step.flows,
            show,
            bystanders=ignored_flows(step),
            latencies=show.evidence.latencies(),
            since=changed,
            after_barrier=barrier.passed_at,
        )
        passed_at = barrier.join()
        barrier_s = None if passed_at is None else passed_at - changed
        instances = self._instances(step.flows)
        show.evidence.record_open(settled.observations, instances)
        foretold = self._stage.profile.foretell(step.topology, step.policies, step.flows)
        record = StepRecord(
            step,
            settled,
            instances,
            impossible,
            barrier_s,
            changed - started,
            time.monotonic() - started,
            foretold=foretold,
        )
        show.records.append(self._diagnosed(show, record))

    def _diagnosed(self, show: Performance, record: StepRecord) -> StepRecord:
        """Ask for the cluster's own account of a step that failed, while it still stands as it failed."""
        failed = failed_flows(record, show.evidence)
        if not failed:
            return record
        ends = dict.fromkeys(end for flow in failed[:_MOST_DIAGNOSED] for end in (flow.source, flow.destination))
        diagnostics = self._stage.diagnose(ends)
        commands = [
            f"in {flow.source}: {command(flow, record.instances[flow][1][1] or '?')}"
            for flow in failed[:_MOST_DIAGNOSED]
        ]
        data = {"flows": len(failed), "commands": commands, "diagnostics": diagnostics}
        self._emit(Event("step-failed", show.scenario.name, record.step.name, data=data))
        return replace(record, diagnostics=diagnostics or None)

    def _change(self, show: Performance, step: Step) -> None:
        """Carry out a step's changes in the order the format promises."""
        stage = self._stage
        if step.add != Topology():
            stage.add(step.add)
        if step.remove:
            stage.remove(step.remove)
            gone = {name for name in step.remove if "/" not in name}
            for ref in [ref for ref in show.in_force if ref.namespace in gone]:
                del show.in_force[ref]
        if step.restart:
            stage.restart(step.restart)
        if step.relabel:
            stage.relabel(step.relabel)
        if step.delete:
            stage.delete(step.delete)
            for ref in step.delete:
                show.in_force.pop(ref, None)
        for manifest in step.apply:
            show.in_force.setdefault(manifest.ref, []).append(manifest)
        stage.apply(step.apply)
        if step.wait_s and stage.settings.cancelled.wait(step.wait_s):
            raise InterruptedRunError

    def prove_missing(self, show: Performance, *, restore: bool) -> None:
        """Lift the policies and look at flows that were closed and never seen open at their addresses.

        Pods that came or moved after the baseline have no other positive control. With
        `restore` the same manifests are applied again, in the order they first were.
        """
        closed = {
            record.instances[flow]
            for record in show.records
            for flow, seen in record.observations.items()
            if seen.outcome is not Outcome.OPEN and flow not in record.impossible
        }
        flows = self._stage.topology.flows(show.scenario.probe)
        now = self._instances(flows)
        missing = show.evidence.missing(closed)
        wanted = [flow for flow in flows if now[flow] in missing]
        if not wanted or not show.in_force:
            return
        self._emit(Event("phase", show.scenario.name, text=f"closing baseline of {len(wanted)} flows"))
        self._stage.delete(list(show.in_force))
        settled, _ = self._observe(wanted, show, latencies=None, after_barrier=self._turnstile.turn().passed_at)
        show.evidence.record(settled.observations, now, "once the policies were gone")
        if restore:
            for manifests in show.in_force.values():
                for manifest in manifests:
                    self._stage.apply([manifest])
            self._turnstile.turn().join()

    # -- looking -------------------------------------------------------------------

    def _observe(
        self,
        flows: Iterable[Flow],
        show: Performance,
        *,
        bystanders: frozenset[Flow] = frozenset(),
        latencies: Mapping[Flow, float] | None,
        timing: Timing | None = None,
        since: float | None = None,
        after_barrier: Callable[[], float] | None = None,
    ) -> tuple[Settled, Mapping[Flow, str]]:
        """Watch `flows` until they settle; those that cannot be tried come back with the reason.

        `bystanders` are never judged: they are looked at, and not waited for.
        """
        self._stage.settings.check()
        prober = self._stage.prober()
        reachable, impossible = self._stage.targets(flow for flow in flows if not flow.is_to_itself)
        targets = {flow: target for flow, target in reachable.items() if flow not in bystanders}
        others = {flow: target for flow, target in reachable.items() if flow in bystanders}
        settled = observe(
            prober,
            targets,
            {**self._stage.controls(targets), **others},
            timing or self._stage.timing,
            latencies=latencies,
            last=show.last,
            since=since,
            after_barrier=after_barrier,
            slowest_s=self._turnstile.slowest_s,
            cancelled=self._stage.settings.cancelled,
        )
        told = self._stage.in_the_authors_words
        settled = replace(
            settled,
            observations=settled.observations.map(told),
            controls={flow: told(seen) for flow, seen in settled.controls.items()},
        )
        self._stage.settings.check()
        show.last = {**show.last, **{flow: seen.outcome for flow, seen in settled.observations.items()}}
        return settled, impossible

    def _instances(self, flows: Iterable[Flow]) -> dict[Flow, Instance]:
        return {flow: (flow, self._stage.instance(flow)) for flow in flows}

    # -- judging -------------------------------------------------------------------

    def _judged(self, show: Performance, error: str | None) -> tuple[StepResult, ...]:
        """Judge what was recorded; steps that were never reached are reported as never tried, with the error."""
        results = [step_result(record, show.evidence) for record in show.records]
        results += [
            step_result(never_played(step, _first_line(error or "never tried")), show.evidence)
            for step in show.scenario.steps[len(show.records) :]
        ]
        return tuple(results)


def unplayed(scenario: Scenario, error: str) -> ScenarioResult:
    """Return the result of a scenario whose stage never came up: every flow inconclusive, with the reason."""
    steps = tuple(step_result(never_played(step, _first_line(error)), Evidence()) for step in scenario.steps)
    return ScenarioResult(scenario.name, scenario.file, scenario.about, scenario.tags, steps, error=error)


def _first_line(error: str) -> str:
    """Leave the remedy to the scenario's own error: it would be repeated for every flow."""
    return error.partition("\n")[0]
