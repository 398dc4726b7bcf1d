"""The findings of a step: flows of one verdict and one cause, described together.

Pure. In a page with a thousand leaks this is the list that is read first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.result import FlowResult, Verdict
from harness.reporting.causes import Cause, causes
from harness.reporting.failures import NEEDS_EXPLAINING, shape
from harness.reporting.grouping import bundles
from harness.reporting.html.columns import spans

_TOLD = (*NEEDS_EXPLAINING, Verdict.KNOWN)
_MOST = 6  # shapes of one finding, and names in one shape
# Looking for what is alike compares each source with each destination; of more pairs a count says as much.
_MOST_PAIRS = 20_000


@dataclass(frozen=True, slots=True)
class Finding:
    """`shapes` say in words which flows; `spans` are their places in the step, as `columns.spans` writes them."""

    verdict: Verdict
    why: str
    shapes: tuple[str, ...]
    spans: list[int]


def findings(flows: Sequence[FlowResult]) -> list[Finding]:
    """Return the findings of a step, worst verdict first."""
    place = {id(flow): index for index, flow in enumerate(flows)}
    return [
        Finding(cause.verdict, cause.why, _shapes(cause), spans(place[id(result)] for result in cause.results))
        for cause in causes(flows, _TOLD)
    ]


def _shapes(cause: Cause) -> tuple[str, ...]:
    flows = cause.flows
    if len({flow.source for flow in flows}) * len({flow.destination for flow in flows}) > _MOST_PAIRS:
        return (f"{cause.first.flow}", f"and {len(flows) - 1:,} more flows")
    found = bundles(flows)
    told = [shape(bundle, _MOST) for bundle in found[:_MOST]]
    if len(found) > _MOST:
        told.append(f"and {sum(bundle.flows for bundle in found[_MOST:]):,} more flows")
    return tuple(told)
