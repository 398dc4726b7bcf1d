"""Filtering in a real browser: by verdict, by tag, by words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.support.wait import WebDriverWait

from harness.model.result import RunResult
from tests.browser.chromium import Page
from tests.golden import results
from tests.large import large_run

pytestmark = pytest.mark.chromium
Opened = Callable[[RunResult], Page]


def test_a_verdict_keeps_its_scenarios_and_dims_other_cells(opened: Opened) -> None:
    """Pressing OUTAGE leaves the scenario that has one, and fades every other flow of its matrix."""
    page = opened(results.mixed())
    page.click("[data-verdict=OUTAGE]")

    assert page.seen("article h2 .title") == ["three-tier-shop"]
    assert page.one(".left").text == "1 of 2 scenarios, 1 step, 1 flow"
    assert len(page.all("td[role=gridcell]:not(.dim)")) == 1
    assert page.one("[data-verdict=OUTAGE]").get_attribute("aria-pressed") == "true"


def test_two_verdicts_add_up(opened: Opened) -> None:
    """Verdicts are alternatives: LEAK and OUTAGE show both."""
    page = opened(results.mixed())
    page.click("[data-verdict=OUTAGE]")
    page.click("[data-verdict=LEAK]")

    assert page.one(".left").text.endswith("3 flows")


def test_a_tag_keeps_its_scenarios(opened: Opened) -> None:
    """Choosing a tag leaves the scenarios that carry it."""
    page = opened(large_run(scenarios=5, pods=2))
    page.click("#tag option[value=dns]")

    assert page.seen("article h2 .title") == ["case-3", "case-4"]
    assert page.one(".left").text == "2 of 5 scenarios, 2 steps, 8 flows"


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("visitor db", "1 of 2 scenarios, 1 step, 1 flow"),
        ("guest/visitor -> shop/db", "1 of 2 scenarios, 1 step, 1 flow"),
        (":9090/udp", "1 of 2 scenarios, 1 step, 4 flows"),
        ("ECONNREFUSED", "1 of 2 scenarios, 1 step, 1 flow"),
        ("allow-all", "1 of 2 scenarios, 1 step, 1 flow"),
        ("no such thing", "0 of 2 scenarios, 0 steps, 0 flows"),
    ],
)
def test_words_find_ends_ports_reasons_and_scenarios(opened: Opened, words: str, left: str) -> None:
    """A flow is found when each word stands in its ends, its port, its reason, or in what it belongs to."""
    page = opened(results.mixed())
    page.one("#words").send_keys(words)

    WebDriverWait(page.driver, 10).until(lambda _: " of " in page.one(".left").text)
    assert page.one(".left").text == left


def test_nothing_left_says_so_and_clearing_brings_all_back(opened: Opened) -> None:
    """An empty list is explained, and one press undoes every filter."""
    page = opened(results.mixed())
    page.click("[data-verdict=KNOWN]")

    assert page.seen(".nothing") == ["Nothing passes these filters."]
    page.click(".filters .quiet")
    assert page.seen(".nothing") == []
    assert page.one(".left").text == "2 scenarios, 3 steps, 18 flows"


def test_a_change_of_the_counts_is_announced(opened: Opened) -> None:
    """The counts are a polite live region, so that a screen reader tells what a filter left."""
    page = opened(results.mixed())

    assert page.one(".left").get_attribute("aria-live") == "polite"
