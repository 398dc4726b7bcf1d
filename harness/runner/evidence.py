"""What was seen open without policies, and of which pods: the positive control of every deny.

Evidence is about addresses, not names: a pod that came back with a new address has to
be seen anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.judge import Baseline
from harness.model.flow import Flow
from harness.model.result import Observation, Outcome

# A flow and the addresses it was about (see `Stage.instance`).
Instance = tuple[Flow, tuple[str | None, ...]]


class Evidence:
    """Baselines by instance; an open one is never overwritten by a later look."""

    def __init__(self) -> None:
        self._seen: dict[Instance, Baseline] = {}
        self._latencies: dict[Flow, float] = {}

    def record(self, observations: Mapping[Flow, Observation], instances: Mapping[Flow, Instance], when: str) -> None:
        """Take in a matrix seen without policies; unsettled flows are no evidence either way."""
        for flow, observation in observations.items():
            if not observation.settled or observation.outcome is Outcome.FAULT:
                continue
            known = self._seen.get(instances[flow])
            if known is None or known.outcome is not Outcome.OPEN:
                self._seen[instances[flow]] = Baseline(observation.outcome, when)
            if observation.outcome is Outcome.OPEN and observation.elapsed_s is not None:
                self._latencies[flow] = observation.elapsed_s

    def record_open(self, observations: Mapping[Flow, Observation], instances: Mapping[Flow, Instance]) -> None:
        """Take in the open flows of a step: what was open under policies is open without them."""
        found = {flow: seen for flow, seen in observations.items() if seen.outcome is Outcome.OPEN}
        self.record(found, instances, "in an earlier or later step")

    def baseline(self, instance: Instance) -> Baseline | None:
        """Return how an instance was seen without policies, None where it never was."""
        return self._seen.get(instance)

    def latencies(self) -> Mapping[Flow, float]:
        """Return the answer times, in seconds, of the flows that were seen open."""
        return dict(self._latencies)

    def missing(self, instances: Iterable[Instance]) -> set[Instance]:
        """Return those of `instances` that were never seen open."""
        return {
            instance
            for instance in instances
            if (known := self._seen.get(instance)) is None or known.outcome is not Outcome.OPEN
        }
