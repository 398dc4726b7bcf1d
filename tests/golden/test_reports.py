"""Whole reports, as they are read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.reporting import annotations, codequality, document, explanation, junit, markdown, prediction, terminal
from tests.golden.histories import REPORTS as HISTORIES
from tests.golden.results import RUNS, forecast
from tests.golden.results import explanation as an_explanation

REPORTS: dict[str, Callable[[], str]] = {
    **{f"{name}.txt": lambda build=build: terminal.render(build()) for name, build in RUNS.items()},
    **{f"{name}.json": lambda build=build: document.render(build()) for name, build in RUNS.items() if name != "forty"},
    **{
        f"{name}.junit.xml": lambda build=build: junit.render(build())
        for name, build in RUNS.items()
        if name != "forty"
    },
    **{f"{name}.md": lambda build=build: markdown.render(build()) for name, build in RUNS.items()},
    **{f"{name}.annotations.txt": lambda name=name: annotations.render(RUNS[name]()) for name in ("mixed", "error")},
    "mixed.codequality.json": lambda: codequality.render(RUNS["mixed"]()),
    "match.verbose.txt": lambda: terminal.render(RUNS["match"](), verbose=True),
    "known.verbose.txt": lambda: terminal.render(RUNS["known"](), verbose=True),
    "mixed.colour.txt": lambda: terminal.render(RUNS["mixed"](), colour=True),
    "mixed.wide.txt": lambda: terminal.render(RUNS["mixed"](), width=120),
    "predict.txt": lambda: prediction.render(forecast()),
    "predict.json": lambda: document.render(forecast()),
    "explain.txt": lambda: explanation.render(an_explanation()),
    **HISTORIES,
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_reads_as_it_did_in_review(name: str, golden: Callable[[str, str], str]) -> None:
    """A change of any report is a change of a file that people read."""
    actual = REPORTS[name]()

    assert actual == golden(name, actual)


def test_every_golden_belongs_to_a_report(goldens: set[str]) -> None:
    """A golden that nothing renders would be a promise that nobody keeps."""
    assert goldens == set(REPORTS)
