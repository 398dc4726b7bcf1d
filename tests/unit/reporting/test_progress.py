"""Progress while a run is under way."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from harness.model.result import Decision, Event, FlowResult, Judgement, Prediction, ScenarioResult, StepResult, Verdict
from harness.reporting.progress import CLEAR, Progress
from harness.reporting.text import printable, width_of
from tests.builders import flow, location
from tests.unit.reporting.strategies import TEXTS

KINDS = [
    "run-started",
    "scenario-started",
    "scenario-finished",
    "step-started",
    "step-finished",
    "phase",
    "note",
    "run-finished",
]


def _progress(times: Iterable[float] = (), *, is_terminal: bool = True, width: int = 80) -> Progress:
    ticks = iter([*times])
    return Progress(is_terminal=is_terminal, width=width, clock=lambda: next(ticks, 0.0))


def _finished(*verdicts: Verdict, error: str | None = None) -> Event:
    flows = tuple(
        FlowResult(flow(source=f"shop/{index}"), None, Prediction(Decision.DENY), judgement=Judgement(verdict, "so"))
        for index, verdict in enumerate(verdicts)
    )
    step = StepResult("first", flows, location())
    result = ScenarioResult("shop", "shop.scenario.yaml", "", (), (step,), error, 1.5)
    return Event("scenario-finished", "shop", data={"result": result})


def test_a_terminal_has_one_line_that_is_redrawn() -> None:
    """Scenarios done and total, flows, elapsed time, and what is running."""
    progress = _progress([0, 0, 0, 0, 7, 7])
    progress.on(Event("run-started", data={"scenarios": 62}))
    progress.on(Event("step-finished", "shop", "first", data={"flows": 324}))

    assert progress.on(Event("scenario-started", "shop")) == f"{CLEAR}0/62 scenarios, 324 flows seen, 7 s: shop"


def test_elsewhere_each_finished_scenario_is_a_line() -> None:
    """A log has no status line."""
    progress = _progress(is_terminal=False)
    shown = [
        progress.on(Event("run-started", data={"scenarios": 12})),
        progress.on(Event("scenario-started", "shop")),
        progress.on(Event("step-finished", "shop", data={"flows": 2})),
        progress.on(_finished(Verdict.MATCH, Verdict.LEAK)),
        progress.on(_finished(error="no room\nat all")),
        progress.on(Event("run-finished")),
    ]

    assert shown == [
        "",
        "",
        "",
        "[ 1/12] shop: 1 LEAK, 1 MATCH in 1.5 s\n",
        "[ 2/12] shop: no flows in 1.5 s, error: no room ...\n",
        "",
    ]


def test_the_line_is_not_redrawn_faster_than_it_is_read() -> None:
    """Events within a tenth of a second share a drawing."""
    progress = _progress([0.0, 0.0, 0.05, 0.2, 0.2])
    shown = [progress.on(Event("phase", "shop", text=text)) for text in ("baseline", "round 1", "round 2")]

    assert [bool(text) for text in shown] == [True, False, True]


def test_the_line_is_erased_before_anything_else_is_written() -> None:
    """Erased once, and not again until it was drawn anew."""
    progress = _progress()
    progress.on(Event("scenario-started", "shop"))

    assert (progress.cleared(), progress.cleared()) == (CLEAR, "")


def test_a_note_is_a_line_that_stays() -> None:
    """Notes are shown in a log too."""
    assert _progress(is_terminal=False).on(Event("note", "shop", text="a\nb")) == "shop: a\\nb\n"


def test_a_finished_scenario_is_no_longer_running() -> None:
    """Only what is under way is named."""
    progress = _progress()
    progress.on(Event("scenario-started", "shop"))

    assert progress.on(_finished(Verdict.MATCH)) == f"{CLEAR}1 scenario, 0 flows seen, 0 s"


@given(
    st.lists(st.builds(Event, st.sampled_from(KINDS), TEXTS, TEXTS, TEXTS), max_size=8),
    st.booleans(),
    st.integers(40, 120),
)
def test_nothing_but_our_own_codes_reaches_the_terminal(events: list[Event], is_terminal: bool, width: int) -> None:
    """The status line never wraps, and names cannot smuggle escape sequences in."""
    progress = _progress(is_terminal=is_terminal, width=width)
    shown = [text for event in events if (text := progress.on(event))]
    bodies = [text.removeprefix(CLEAR).removesuffix("\n") for text in shown]
    unescaped = [body for body in bodies if body != printable(body)]
    too_wide = [body for text, body in zip(shown, bodies, strict=True) if text[-1] != "\n" and width_of(body) >= width]

    assert (unescaped, too_wide) == ([], [])
