"""What `predict` prints."""

from __future__ import annotations

from hypothesis import given

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.result import Decision, FlowResult, Prediction, RunResult, ScenarioResult, StepResult
from harness.reporting import prediction
from harness.reporting.text import printable, width_of
from tests.builders import location
from tests.unit.reporting.strategies import FEW, runs

ALLOW, DENY = Prediction(Decision.ALLOW), Prediction(Decision.DENY)
OPEN = Prediction(Decision.UNSPECIFIED, "mixed-backends")


def _rendered(*predictions: Prediction) -> list[str]:
    flows = tuple(
        FlowResult(
            Flow(Endpoint(f"shop/{number}"), Endpoint("shop/0"), 80, L4Protocol.TCP, Via.POD, Family.IPV4), None, each
        )
        for number, each in enumerate(predictions)
    )
    scenario = ScenarioResult("shop", "shop.scenario.yaml", "", (), (StepResult("first", flows, location()),))
    return prediction.render(RunResult("", "", None, None, (scenario,))).splitlines()


def test_predictions_have_marks_of_their_own() -> None:
    """Allow, deny, unspecified, and a pod's own flow, which no policy sees."""
    lines = _rendered(ALLOW, ALLOW, DENY, OPEN)

    assert [line.split() for line in lines if line.startswith("  shop/")] == [
        ["shop/0", "-"],
        ["shop/1", "."],
        ["shop/2", "X"],
        ["shop/3", "~"],
    ]


def test_what_is_left_open_is_listed_by_reason() -> None:
    """Each reason code once, with what it means and which flows it is about."""
    lines = _rendered(ALLOW, OPEN, OPEN)
    start = next(index for index, line in enumerate(lines) if line.startswith("  ~ mixed"))

    assert lines[start:] == [
        "  ~ mixed-backends (2 flows): the Service's backends differ, and any of them may",
        "    answer",
        "    shop/1, shop/2 -> shop/0:80/TCP (2 flows)",
        "",
    ]


def test_a_step_counts_its_decisions() -> None:
    """Counted by decision; what does not occur is left out."""
    assert "step first: 2 allow, 1 deny" in _rendered(ALLOW, ALLOW, DENY)


@FEW
@given(runs())
def test_no_line_is_too_wide(result: RunResult) -> None:
    """Whatever the topology, predictions fit in 80 columns."""
    lines = prediction.render(result).split("\n")

    assert [line for line in lines if width_of(line) > 80 or line != printable(line)] == []
