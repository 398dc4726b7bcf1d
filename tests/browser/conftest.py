"""Opens pages in a real browser; whatever a test does there, the console stays empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from harness.model.result import RunResult
from harness.reporting import html
from tests.browser.chromium import Page, started


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for all tests of a worker."""
    driver = started(tmp_path_factory.mktemp("chromium"))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def opened(chromium: Chrome, tmp_path: Path) -> Iterator[Callable[[RunResult], Page]]:
    """Return a function that renders a run and opens the page; the test fails if the browser complains of anything."""
    page = Page(chromium)

    def show(result: RunResult) -> Page:
        file = tmp_path / "report.html"
        file.write_text(html.render(result), encoding="utf-8")
        page.open(file)
        page.ask("localStorage.clear()")
        return page

    yield show
    assert page.console() == []
