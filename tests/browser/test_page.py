"""What a reader finds on the page of a run, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.model.result import RunResult
from tests.browser.chromium import Page
from tests.golden import results
from tests.large import large_run

pytestmark = pytest.mark.chromium
Opened = Callable[[RunResult], Page]


@pytest.mark.parametrize("name", results.RUNS)
def test_every_kind_of_run_has_a_page(opened: Opened, name: str) -> None:
    """A page opens whatever a run came to, and the browser has nothing to complain of."""
    page = opened(results.RUNS[name]())

    assert len(page.all("article.scenario")) == len(results.RUNS[name]().scenarios)
    assert page.one("h1").text in page.driver.title


def test_the_counts_are_those_of_the_run(opened: Opened) -> None:
    """The summary counts every verdict, zeros too, worst first."""
    page = opened(results.mixed())

    assert [text.split("\n")[-2:] for text in page.seen(".tile")] == [
        ["2", "LEAK"],
        ["1", "OUTAGE"],
        ["3", "INCONCLUSIVE"],
        ["0", "KNOWN"],
        ["8", "MATCH"],
        ["4", "IGNORED"],
    ]


def test_the_facts_of_the_cluster_are_told(opened: Opened) -> None:
    """CNI with its version, Kubernetes, commit and run stand in the summary."""
    page = opened(large_run(scenarios=1, pods=2))

    told = dict(text.split("\n") for text in page.seen(".run-facts > div"))
    assert told["CNI"] == "calico v3.32.2"
    assert (told["Kubernetes"], told["Commit"], told["Run"]) == ("v1.36.1", "0123abc", "a1b2c3")


def test_an_emulated_cluster_is_called_so(opened: Opened) -> None:
    """A run of the embedded cluster says that it is never evidence about a CNI; a real one does not."""
    emulated, real = opened(results.match()).seen(".notice"), opened(results.known()).seen(".notice")

    assert [text for text in emulated if "never evidence about a CNI" in text] != []
    assert [text for text in real if "never evidence" in text] == []


def test_a_run_that_was_stopped_says_why(opened: Opened) -> None:
    """The error of a run, an interruption, and a scenario's own error are all told in full."""
    page = opened(replace(results.error(), error="the canary policy\nhad no effect"))
    text = page.one("main").text

    assert "the canary policy\nhad no effect" in text
    assert "Interrupted" in text
    assert "only 3 of 40 pods became ready within 30 s" in text


def test_what_is_wrong_comes_first(opened: Opened) -> None:
    """Scenarios are ordered by their worst verdict, and the first of them is open at its first wrong step."""
    run = results.run(*results.match().scenarios, *results.known().scenarios, *results.mixed().scenarios)
    page = opened(run)

    assert page.seen("article h2 .title") == ["three-tier-shop", "end-port", "three-tier-shop", "allow-all"]
    assert page.seen(".step-body .place")[0].endswith(":24:5")
    assert page.all("article")[0].find_elements("css selector", "table.matrix") != []


def test_a_step_is_built_when_it_is_opened(opened: Opened) -> None:
    """Matrices cost nothing until somebody looks at them."""
    page = opened(results.match())

    assert page.all("table.matrix") == []
    page.click(".step h3 button")
    assert len(page.all("table.matrix")) == 1


def test_findings_are_told_by_cause(opened: Opened) -> None:
    """24 leaks of one cause are one finding, in one line, with the evidence for the first of them."""
    page = opened(results.forty())

    assert page.seen(".shapes") == [
        "guest/visitor -> shop/web-0..23:8080/TCP (24 flows)",
        "shop/web-0..23 -> cache/redis-5:8080/TCP (24 flows)",
    ]
    page.click(".finding summary")
    assert "guest/visitor → shop/web-0:8080/TCP" in page.seen(".finding .inside")[0]


def test_a_known_deviation_has_its_reason_and_a_link(opened: Opened) -> None:
    """The profile's reason is told, and its address can be followed."""
    page = opened(results.known())

    assert "kindnet ignores endPort" in page.seen(".finding .why")[0]
    assert page.one(".findings .links a").get_attribute("href") == "https://example.org/issues/57"


def test_flaps_and_leaks_at_the_start_are_shown(opened: Opened) -> None:
    """Flows of fresh pods that stood open, and flaps, are named at their step."""
    scenario = results.mixed().scenarios[0]
    step = replace(scenario.steps[0], start_leaks=(results.flow("guest/visitor", "shop/db", 5432),))
    page = opened(results.run(replace(scenario, steps=(step,))))

    assert "2 flaps" in page.seen(".step-body .meta")[0]
    assert "guest/visitor → shop/db:5432/TCP" in page.seen(".step-body .notice")[0]


def test_latency_is_a_plot_and_a_table(opened: Opened) -> None:
    """The moments of each step are drawn, and the same numbers stand in a table for who cannot see the plot."""
    page = opened(results.mixed())

    assert "barrier after 12.3 ms" in page.one(".latency .plot svg").get_attribute("aria-label")
    page.click(".latency details summary")
    assert page.seen(".figures tbody tr") != []
    assert "segmented 12.3 ms 24.6 ms 314 ms 4 2" in page.seen(".figures tbody tr")[0]
