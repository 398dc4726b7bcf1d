"""Annotations: findings at the lines of scenarios, as GitHub Actions takes them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given

from harness.model.result import RunResult
from harness.reporting import annotations
from tests.golden import results
from tests.unit.reporting import hostile
from tests.unit.reporting.strategies import FEW, runs

COMMAND = re.compile(
    r"::(error|warning) file=[^,:\n]+,line=[0-9]+,col=[0-9]+,title=[^,:\n]*::[^\n]+"
    r"|::notice title=netpol-harness::[^\n]+"
    r"|::warning title=the run was stopped::[^\n]+"
)


def test_a_finding_stands_at_the_line_of_its_rule() -> None:
    """File, line and column of the rule that declared the flows, the worst first, flows of one cause together."""
    first, *_ = annotations.render(results.mixed()).splitlines()

    assert first == (
        "::error file=scenarios/recipes/three-tier-shop.scenario.yaml,line=27,col=5,title=LEAK%3A 2 flows::"
        "three-tier-shop / segmented: declared deny; open: shop/db sent the nonce back%0A"
        "shop/frontend, guest/visitor -> shop/db:5432/TCP (2 flows)"
    )


def test_doubt_is_a_warning() -> None:
    """What proves nothing against a policy must not look as if it did."""
    kinds = {line.split(" ")[0] for line in annotations.render(results.error()).splitlines()}

    assert kinds == {"::warning"}


def test_at_most_ten_are_shown_and_the_others_counted() -> None:
    """GitHub drops the eleventh without a word."""
    many = results.mixed()
    lines = annotations.render(replace(many, scenarios=many.scenarios * 5)).splitlines()

    assert (len(lines), lines[-1]) == (
        11,
        "::notice title=netpol-harness::10 more findings: see the job summary or the log",
    )


def test_a_clean_run_has_none() -> None:
    """Where all is as declared there is nothing to point at."""
    assert annotations.render(results.match()) == ""


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_no_text_of_others_becomes_a_command(text: str) -> None:
    """Each line is one command of ours: what a pod says can neither end one nor begin another."""
    lines = annotations.render(hostile.run(text)).splitlines()

    assert [line for line in lines if not COMMAND.fullmatch(line)] == []
    assert all(line.isprintable() for line in lines)


@FEW
@given(runs())
def test_any_run_gives_well_formed_commands(result: RunResult) -> None:
    """Whatever names and reasons a run holds, GitHub can read every line."""
    lines = annotations.render(result, lambda _: "a.scenario.yaml").splitlines()

    assert [line for line in lines if not COMMAND.fullmatch(line)] == []


def test_the_path_is_that_of_the_repository() -> None:
    """GitHub wants paths from the repository's root, wherever the program was started."""
    first, *_ = annotations.render(results.mixed(), lambda file: f"tests/e2e/{file}").splitlines()

    assert first.startswith("::error file=tests/e2e/scenarios/recipes/")
