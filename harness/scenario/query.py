"""Which flows of a step a rule text speaks of, asked from the command line."""

from __future__ import annotations

from harness.errors import UsageError
from harness.model.flow import Flow
from harness.model.scenario import Step
from harness.scenario.board import Board, area_of
from harness.scenario.cast import Cast
from harness.scenario.patterns import parse_rule
from harness.scenario.rule_faults import RuleFault


def match_flows(text: str, step: Step) -> tuple[Flow, ...]:
    """Return the flows of `step` that `text` matches, in their order. Raises `UsageError` where there is none."""
    board, cast = Board(step.topology, step.flows), Cast(step.topology)
    try:
        area = area_of(parse_rule(text), cast)
        flows = tuple(board.flows[cell] for cell in sorted(board.cells(area)))
    except RuleFault as fault:
        raise UsageError(f"{text!r}: {fault.fault}", remedy=fault.remedy) from fault
    if not flows:
        raise UsageError(f"{text!r} matches no flow of the step '{step.name}'", remedy="see `predict` for its matrix")
    return flows
