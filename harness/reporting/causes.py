"""Puts flows together that came to the same verdict for the same reason.

Pure. A thousand leaks are usually one missing rule: what was declared where, what was
predicted, seen and concluded, and who decides, is the same for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass

from harness.model.flow import Flow
from harness.model.result import Explanation, FlowResult, Verdict
from harness.reporting.tally import BY_CONCERN, verdict_of

# A measured time, an address or a port differs from flow to flow where the reason does not.
_DETAIL = re.compile(r"[0-9][0-9A-Fa-f.:]*")


@dataclass(frozen=True, slots=True)
class Cause:
    """At least one flow; the first stands for all when details are shown."""

    verdict: Verdict
    results: tuple[FlowResult, ...]

    @property
    def first(self) -> FlowResult:
        """The flow that details are shown of."""
        return self.results[0]

    @property
    def flows(self) -> tuple[Flow, ...]:
        """All flows, in the order of the step."""
        return tuple(result.flow for result in self.results)

    @property
    def why(self) -> str:
        """The sentence that justifies the first one's verdict."""
        return self.first.judgement.why if self.first.judgement else "it was not judged"


def causes(results: Iterable[FlowResult], verdicts: Collection[Verdict]) -> list[Cause]:
    """Group the flows that have one of `verdicts`: worst verdict first, then as they come.

    Runs explain only their first failures; a flow without an explanation joins the first
    cause that is like it in everything else.
    """
    found: dict[Hashable, list[FlowResult]] = {}
    like: dict[Hashable, Hashable] = {}
    for result in results:
        verdict = verdict_of(result)
        if verdict not in verdicts:
            continue
        likeness = (verdict, _likeness(result))
        full = (likeness, _decided(result.explanation)) if result.explanation else like.get(likeness, likeness)
        like.setdefault(likeness, full)
        found.setdefault(full, []).append(result)
    grouped = [Cause(verdict_of(members[0]), tuple(members)) for members in found.values()]
    return sorted(grouped, key=lambda cause: BY_CONCERN.index(cause.verdict))


def _likeness(result: FlowResult) -> Hashable:
    observed, judgement = result.observed, result.judgement
    return (
        result.declared,
        result.predicted,
        (observed.outcome, observed.arrived, observed.alive, observed.settled) if observed else None,
        result.baseline,
        _pattern(judgement.why, result) if judgement else None,
    )


def _pattern(why: str, result: FlowResult) -> str:
    """Return the reason without what is particular to one flow."""
    names = {str(result.flow.source), str(result.flow.destination)}
    if result.observed:
        names |= {str(name) for name in (result.observed.answered_by, result.observed.also_open_from) if name}
    for name in sorted(names, key=len, reverse=True):
        why = why.replace(name, "*")
    return _DETAIL.sub("#", why)


def _decided(explanation: Explanation) -> Hashable:
    return tuple(
        (side.direction, side.prediction, policy.policy, policy.rule, policy.peer, policy.decision)
        for side in explanation.sides
        for policy in side.policies
    )
