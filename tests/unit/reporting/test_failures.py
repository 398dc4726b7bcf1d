"""What did not match, explained."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.result import (
    Decision,
    FlowResult,
    Judgement,
    Observation,
    Outcome,
    Prediction,
    Verdict,
)
from harness.model.scenario import Declaration, Expected
from harness.reporting.failures import explain
from harness.reporting.style import Look
from harness.reporting.text import width_of
from tests.builders import flow, location, observation


def _result(
    source: str = "shop/a",
    destination: str = "shop/web",
    *,
    verdict: Verdict = Verdict.LEAK,
    line: int = 1,
    observed: Observation | None = None,
    command: str | None = None,
) -> FlowResult:
    return FlowResult(
        flow(source=source, destination=destination),
        Declaration(Expected.DENY, location(line=line)),
        Prediction(Decision.DENY),
        observed or observation(),
        Outcome.OPEN,
        Judgement(verdict, "so it is"),
        command=command,
    )


def _field(lines: list[str], name: str) -> str:
    (line,) = [line for line in lines if line.strip().startswith(f"{name} ")]
    return line.strip().removeprefix(name).strip()


def test_a_thousand_leaks_of_one_cause_fit_a_screen() -> None:
    """Flows that fail for the same reason are counted, not listed."""
    names = [f"shop/web-{number}" for number in range(33)]
    lines = explain(tuple(_result(a, b) for a in names for b in names if a != b), Look(), "")

    assert (len(lines) < 20, lines[1:3]) == (
        True,
        ["LEAK: 1,056 flows", "  shop/web-0..32 -> shop/web-0..32:8080/TCP (1,056 flows, none to itself)"],
    )


def test_many_causes_are_cut_off_with_a_count() -> None:
    """Eight reasons are told, the rest counted."""
    lines = explain(tuple(_result(line=line) for line in range(1, 31)), Look(), "")

    assert lines[-1] == "... and 22 more flows for 22 other reasons; verbose shows them"


def test_verbose_leaves_nothing_out() -> None:
    """With verbose every reason is told."""
    lines = explain(tuple(_result(line=line) for line in range(1, 31)), Look(verbose=True), "")

    assert sum(line.startswith("LEAK") for line in lines) == 30


@pytest.mark.parametrize("verdict", [Verdict.MATCH, Verdict.KNOWN, Verdict.IGNORED])
def test_what_needs_no_explaining_gets_none(verdict: Verdict) -> None:
    """Matches, known deviations and ignored flows are silent unless verbose."""
    assert explain((_result(verdict=verdict),), Look(), "") == []


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (observation(answered_by="shop/web"), "open, in 0.01 s"),
        (observation(answered_by="shop/other"), "open, answered by shop/other, in 0.01 s"),
        (observation(outcome=Outcome.RESET, detail="ECONNRESET", elapsed_s=None), "reset: ECONNRESET"),
        (observation(outcome=Outcome.NO_ANSWER, settled=False), "no-answer, in 0.01 s (still changing)"),
    ],
)
def test_what_the_client_saw_is_told_apart(observed: Observation, expected: str) -> None:
    """Outcome, detail, who answered, how long it took."""
    assert _field(explain((_result(observed=observed),), Look(), ""), "observed") == expected


@pytest.mark.parametrize(
    ("arrived", "expected"),
    [
        (True, "yes, the destination logged it"),
        (False, "no, the destination logged nothing of it"),
        (None, "not known: the destination's log could not be read"),
    ],
)
def test_arrival_is_yes_no_or_not_known(arrived: bool | None, expected: str) -> None:
    """A log that could not be read is not a log without the nonce."""
    assert _field(explain((_result(observed=observation(arrived=arrived)),), Look(), ""), "arrived") == expected


def test_a_flow_that_was_never_tried_says_so() -> None:
    """Nothing is made up where nothing was seen."""
    lines = explain((replace(_result(), observed=None, baseline=None, judgement=None),), Look(), "")

    assert [_field(lines, name) for name in ("baseline", "observed", "why")] == [
        "not known",
        "never tried",
        "it was not judged",
    ]


def test_a_command_is_broken_between_words_only() -> None:
    """A long command goes on after a backslash, and quoted words stay whole."""
    command = "kubectl -n shop exec client -- sh -c 'echo one two three | nc -w 2 192.0.2.1 80' && echo done"
    lines = explain((_result(command=command),), Look(width=60), "")
    start = next(index for index, line in enumerate(lines) if line.strip().startswith("try"))

    assert lines[start:] == [
        "  try        in shop/a:",
        "             kubectl -n shop exec client -- sh -c \\",
        "               'echo one two three | nc -w 2 192.0.2.1 80' \\",
        "               && echo done",
    ]


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=("C",)), max_size=30), min_size=1))
def test_a_copied_command_is_the_command(words: list[str]) -> None:
    """However it was broken, a shell reads the words it had."""
    command = "run " + shlex.join(words)
    lines = explain((_result(command=command),), Look(width=40), "")
    start = next(index for index, line in enumerate(lines) if line.strip().startswith("try"))
    # A shell drops a backslash and the newline after it; shlex does not.
    copied = "\n".join(lines[start + 1 :]).replace("\\\n", "")

    assert shlex.split(copied) == shlex.split(command)


def test_lines_keep_to_the_width() -> None:
    """At 40 columns everything but a word of a command fits."""
    lines = explain((_result("shop/" + "long-" * 20, command="nc 192.0.2.1 80"),), Look(width=40), "  ")

    assert [line for line in lines if width_of(line) > 40] == []
