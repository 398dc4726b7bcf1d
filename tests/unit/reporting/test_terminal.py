"""The report in a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.result import (
    ClusterFacts,
    Decision,
    FlowResult,
    Judgement,
    Prediction,
    RunResult,
    ScenarioResult,
    StepResult,
    Verdict,
)
from harness.model.scenario import Declaration, Expected
from harness.reporting import terminal
from harness.reporting.text import printable, width_of
from tests.builders import location, observation
from tests.unit.reporting.strategies import FEW, runs

SGR = re.compile(r"\x1b\[[0-9]*m")


def _flow_result(verdict: Verdict, number: int = 0) -> FlowResult:
    flow = Flow(Endpoint(f"shop/a-{number}"), Endpoint("shop/web"), 80, L4Protocol.TCP, Via.POD, Family.IPV4)
    declared = Declaration(Expected.DENY, location())
    return FlowResult(
        flow, declared, Prediction(Decision.DENY), observation(), judgement=Judgement(verdict, "so it is")
    )


def _scenario(*verdicts: Verdict, error: str | None = None, settled: bool = True, steps: int = 1) -> ScenarioResult:
    flows = tuple(_flow_result(verdict, number) for number, verdict in enumerate(verdicts))
    step = StepResult("first", flows, location(), settled=settled, settle_s=0.25)
    return ScenarioResult("shop", "shop.scenario.yaml", "About it.", (), (step,) * steps, error)


def _run(*scenarios: ScenarioResult, error: str | None = None, interrupted: bool = False) -> RunResult:
    cluster = ClusterFacts("local", emulated=True, notes=("a note",))
    return RunResult("id", "2026-11-23T10:00:00Z", 1.0, cluster, scenarios, error, interrupted)


@FEW
@given(runs(), st.booleans(), st.sampled_from([40, 80, 132]))
def test_no_line_is_wider_than_asked_for(result: RunResult, verbose: bool, width: int) -> None:
    """Whatever the topology, the names and the texts, the report keeps to its width and shows no control character."""
    lines = terminal.render(result, width=width, verbose=verbose).split("\n")

    assert [line for line in lines if width_of(line) > width or line != printable(line)] == []


@FEW
@given(runs())
def test_colour_only_adds(result: RunResult) -> None:
    """Without its colour codes the coloured report is the plain one."""
    assert SGR.sub("", terminal.render(result, colour=True)) == terminal.render(result)


def test_a_step_that_matches_takes_a_line() -> None:
    """What is as declared needs no matrix."""
    scenario = _scenario(Verdict.MATCH, Verdict.IGNORED)

    assert terminal.render_scenario(scenario) == "ok    shop / first: 1 MATCH, 1 IGNORED, settled in 0.25 s\n"


@pytest.mark.parametrize(
    ("verdict", "label", "mark"),
    [(Verdict.LEAK, "FAIL", "L"), (Verdict.OUTAGE, "FAIL", "O"), (Verdict.INCONCLUSIVE, "????", "?")],
)
def test_a_step_that_does_not_match_shows_its_matrix(verdict: Verdict, label: str, mark: str) -> None:
    """The label, the cell and the explanation all say so, without colour."""
    text = terminal.render_scenario(_scenario(Verdict.MATCH, verdict))

    assert [part in text for part in (f"{label}  shop", f"shop/a-1   {mark}\n", f"{verdict}: 1 flow\n")] == [True] * 3


def test_verbose_shows_every_matrix() -> None:
    """Asked to, the report shows what matches too."""
    assert "shop/a-0   X\n" in terminal.render_scenario(_scenario(Verdict.MATCH), verbose=True)


def test_a_step_that_never_settled_says_so() -> None:
    """Even where every flow that was judged matches."""
    assert "NEVER SETTLED" in terminal.render_scenario(_scenario(Verdict.MATCH, settled=False))


def test_a_step_is_rendered_by_itself_as_within_its_scenario() -> None:
    """The CLI may print steps as they come."""
    scenario = _scenario(Verdict.LEAK)

    assert terminal.render_step(scenario, scenario.steps[0]) in terminal.render_scenario(scenario)


def test_a_scenario_that_died_shows_its_error() -> None:
    """An error is shown whole, where there are no steps too."""
    scenario = _scenario(error="no room\nfor pods", steps=0)

    assert terminal.render_scenario(scenario) == "ERROR shop (shop.scenario.yaml)\n      no room\n      for pods\n"


def test_a_thousand_leaks_do_not_scroll_away() -> None:
    """The report of 1,000 leaks of one cause fits on two screens."""
    text = terminal.render(_run(_scenario(*[Verdict.LEAK] * 1000)))

    assert (text.count("\n") < 50, "LEAK: 1,000 flows" in text) == (True, True)


def test_a_huge_matrix_shows_what_did_not_match() -> None:
    """Where nothing can be grouped, rows without a failure are left out and counted."""
    names = [Endpoint(f"shop/{chr(97 + a)}{chr(97 + b)}") for a in range(10) for b in range(10)]
    flows = []
    for row, source in enumerate(names):
        for column, destination in enumerate(names):
            flow = Flow(source, destination, 80, L4Protocol.TCP, Via.POD, Family.IPV4)
            leaks = (row, column) == (3, 4)
            # A mark that depends on every bit of both numbers keeps any two rows apart.
            expected = Expected.DENY if leaks or (row & column).bit_count() % 2 else Expected.ALLOW
            verdict = Verdict.LEAK if leaks else Verdict.MATCH
            flows.append(
                FlowResult(
                    flow,
                    Declaration(expected, location()),
                    Prediction(Decision.DENY),
                    observation(),
                    judgement=Judgement(verdict, "so it is"),
                )
            )
    scenario = ScenarioResult("big", "big.scenario.yaml", "", (), (StepResult("one", tuple(flows), location()),))
    text = terminal.render_scenario(scenario)

    assert (text.count("\n") < 40, "shop/ad    L\n" in text, "(left out: 99 rows and 99 columns; verbose" in text) == (
        True,
        True,
        True,
    )


def test_an_emulator_is_labelled_at_both_ends() -> None:
    """A report of the local cluster is never taken for evidence about a CNI; its notes are for who wants detail."""
    texts = [terminal.render(_run(_scenario(Verdict.MATCH)), verbose=verbose) for verbose in (False, True)]

    assert [text.count("emulated cluster: never evidence about a CNI") for text in texts] == [2, 2]
    assert [text.count("a note") for text in texts] == [0, 2]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (lambda: _run(_scenario(Verdict.MATCH, Verdict.KNOWN)), "PASSED: all 1 judged flow as declared"),
        (lambda: _run(_scenario(Verdict.LEAK, Verdict.INCONCLUSIVE)), "FAILED: 1 LEAK"),
        (lambda: _run(_scenario(Verdict.INCONCLUSIVE)), "INCONCLUSIVE: 1 flow without proof either way"),
        (lambda: _run(_scenario(Verdict.MATCH, error="died")), "INCONCLUSIVE: 1 scenario with errors"),
        (lambda: _run(_scenario(Verdict.LEAK), error="canary"), "INCONCLUSIVE: the run was stopped, after 1 LEAK"),
        (lambda: _run(_scenario(Verdict.LEAK), interrupted=True), "INTERRUPTED: of what was tried, 1 LEAK"),
        (_run, "NOTHING WAS JUDGED: there is no evidence of anything"),
        (lambda: _run(_scenario(Verdict.IGNORED)), "NOTHING WAS JUDGED: there is no evidence of anything"),
    ],
)
def test_the_last_line_is_the_outcome(result: Callable[[], RunResult], expected: str) -> None:
    """A run that proved nothing never reads as if it had passed."""
    assert terminal.render_summary(result()).splitlines()[-1] == expected


def test_the_summary_counts_every_verdict() -> None:
    """Zeros are shown too, so that nothing is absent by oversight."""
    text = terminal.render_summary(_run(_scenario(*Verdict)))

    assert "LEAK 1  OUTAGE 1  INCONCLUSIVE 1  KNOWN 1  MATCH 1  IGNORED 1\n" in text
