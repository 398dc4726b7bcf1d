"""The matrix and its evidence in a real browser, by mouse and by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from harness.model.result import RunResult
from tests.browser.chromium import Page
from tests.golden import results
from tests.large import large_run

pytestmark = pytest.mark.chromium
Opened = Callable[[RunResult], Page]

LEAK = ("guest/visitor", "shop/db:5432/TCP")
FOCUSED = "return document.activeElement.getAttribute('aria-label')"


def test_rows_are_from_and_columns_are_to_and_port(opened: Opened) -> None:
    """The axes are the sources and the destinations with their ports, in the order of the step."""
    page = opened(results.mixed())

    assert page.ask("return [...document.querySelectorAll('.matrix tbody th')].map((each) => each.title)") == [
        *results.SHOP
    ]
    assert page.ask("return [...document.querySelectorAll('.matrix thead th[title]')].map((each) => each.title)") == [
        "shop/frontend:8080/TCP",
        "shop/backend:8080/TCP",
        "shop/backend:9090/UDP",
        "shop/db:5432/TCP",
    ]


@pytest.mark.parametrize(
    ("view", "marks"),
    [
        ("Difference", "–•?L •––O •×?– •×?L"),
        ("Declared", "–•×× •––• •××– •×××"),
        ("Predicted", "••×× •••• •××• •×××"),
        ("Observed", "••×• •••R •××• •×!•"),
    ],
)
def test_each_view_has_its_marks(opened: Opened, view: str, marks: str) -> None:
    """Every cell tells by a mark alone, without its colour, what it is."""
    page = opened(results.mixed())
    for label in page.all(".switch label"):
        if label.text == view:
            label.click()

    rows = page.ask(
        "return [...document.querySelectorAll('.matrix tbody tr[aria-rowindex]')].map((row) => [...row.cells].slice(1)"
        ".map((cell) => cell.textContent).join('')).join(' ')"
    )
    assert rows == marks


def test_marks_of_verdicts_differ_without_colour(opened: Opened) -> None:
    """No two verdicts share a letter, and each is spelled out in the legend and for a screen reader."""
    page = opened(results.mixed())

    assert [text.replace("\n", " ") for text in page.seen(".matrix-box .legend li")] == [
        "L LEAK",
        "O OUTAGE",
        "? INCONCLUSIVE",
        "• allowed, as declared",
        "× denied, as declared",
        "– IGNORED",
    ]
    assert page.cell(*LEAK).get_attribute("aria-label") == "LEAK"


def test_a_click_shows_all_the_evidence(opened: Opened) -> None:
    """Who asked, what answered, which rule decided and where it stands, what was seen, and the command to try."""
    page = opened(results.mixed())
    page.cell(*LEAK).click()
    told = page.one("#evidence").text

    for fact in (
        "guest/visitor → shop/db:5432/TCP",
        "declared deny; open: shop/db sent the nonce back",
        "yes: the destination logged the nonce",
        "alive: it answered its own pod",
        "2.1 ms",
        "4 rounds, settled",
        "scenarios/recipes/three-tier-shop.scenario.yaml:27:5",
        "scenarios/recipes/three-tier-shop/policies.yaml:1:5",
        "rule 1: peer 1: podSelector {tier=backend} does not match the labels {}",
        "egress rule 2, peer 1 matches",
        "ip netns exec np-guest-visitor nc -v -w 2 192.0.2.17 5432",
        "--step segmented --flow 'guest/visitor -> shop/db:5432/TCP'",
    ):
        assert fact in told


def test_a_hover_tells_without_opening_anything(opened: Opened) -> None:
    """Pointing at a cell names the flow, its verdict and the reason above the matrix."""
    page = opened(results.mixed())
    ActionChains(page.driver, duration=0).move_to_element(page.cell(*LEAK)).perform()

    assert "guest/visitor → shop/db:5432/TCP" in page.one(".readout").text
    assert "declared deny; open" in page.one(".readout").text
    assert not page.one("#evidence").is_displayed()


def test_the_keyboard_is_enough(opened: Opened) -> None:
    """Arrows move, Home and End jump, n finds the next finding, Enter opens the evidence, Escape goes back."""
    page = opened(results.mixed())
    page.ask("document.querySelector('td[role=gridcell][tabindex=\"0\"]').focus()")

    page.press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_LEFT)
    assert page.ask(FOCUSED) == "allowed, as declared"
    page.press(Keys.END)
    assert page.ask(FOCUSED) == "OUTAGE"
    page.press("n")
    assert page.ask(FOCUSED) == "INCONCLUSIVE"
    page.press("p", Keys.ENTER)
    assert "shop/backend → shop/db:5432/TCP" in page.one("#evidence h3").text
    page.press(Keys.ESCAPE)
    assert not page.one("#evidence").is_displayed()
    assert page.ask(FOCUSED) == "OUTAGE"


def test_one_cell_of_a_matrix_is_in_the_tab_order(opened: Opened) -> None:
    """A grid is one stop for Tab, wherever the arrows have been."""
    page = opened(results.mixed())
    page.ask("document.querySelector('td[role=gridcell][tabindex=\"0\"]').focus()")
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_RIGHT)

    assert len(page.all("td[role=gridcell][tabindex='0']")) == 1


def test_the_evidence_follows_the_keyboard_while_it_is_open(opened: Opened) -> None:
    """Moving on in the matrix shows the next flow's evidence, so that a row can be read like a list."""
    page = opened(results.mixed())
    page.cell(*LEAK).click()
    page.press(Keys.ARROW_LEFT)

    assert "guest/visitor → shop/backend:9090/UDP" in page.one("#evidence h3").text


def test_the_command_can_be_copied(opened: Opened) -> None:
    """The button copies the very command that is shown."""
    page = opened(results.mixed())
    page.driver.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    page.cell(*LEAK).click()
    page.click("#evidence .copyable:last-of-type .copy")
    command = page.all("#evidence .command")[-1].text

    assert page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])") in {
        command,
        page.all("#evidence .command")[0].text,
    }


def test_sixty_pods_are_all_there(opened: Opened) -> None:
    """A matrix of 60 x 60 is drawn whole, fits an ordinary window, and can be made larger."""
    page = opened(large_run(scenarios=1, pods=60))
    before = page.one("td[role=gridcell]").size["width"]

    assert len(page.all("td[role=gridcell]")) == 3600
    assert page.one("table.matrix").size["width"] <= 1200
    page.click("[aria-label='Larger cells']")
    assert page.one("td[role=gridcell]").size["width"] > before


def test_headers_stay_while_a_matrix_scrolls(opened: Opened) -> None:
    """However far one scrolls, the names of the row and of the column stay in view."""
    page = opened(large_run(scenarios=1, pods=60))
    page.click("[aria-label='Larger cells']")
    page.ask("document.querySelector('.matrix-box .scroller').scrollTo(200, 400)")
    box = page.one(".matrix-box .scroller").rect
    header, row = page.all(".matrix thead th")[30].rect, page.all(".matrix tbody th")[40].rect

    assert abs(header["y"] - box["y"]) < 2
    assert abs(row["x"] - box["x"]) < 2


def test_a_huge_matrix_exists_only_where_it_is_looked_at(opened: Opened) -> None:
    """Of 40,000 cells only those in view are built, and the keyboard reaches the last one all the same."""
    page = opened(large_run(scenarios=1, pods=200))

    assert len(page.all("td[role=gridcell]")) < 8000
    page.ask("document.querySelector('td[role=gridcell][tabindex=\"0\"]').focus()")
    ActionChains(page.driver, duration=0).key_down(Keys.CONTROL).send_keys(Keys.END).key_up(Keys.CONTROL).perform()
    assert page.ask("return document.activeElement.getAttribute('aria-colindex')") == "201"
    assert page.ask("return document.activeElement.parentElement.getAttribute('aria-rowindex')") == "201"
    assert "e-team/app-199 → e-team/app-199" in page.one(".readout").text


def test_only_what_is_wrong_can_be_kept(opened: Opened) -> None:
    """Rows and columns without a finding can be left out, and it is said how many were."""
    page = opened(results.forty())
    page.click(".check input")

    assert page.ask("return document.querySelectorAll('.matrix tbody tr[aria-rowindex]').length") == 25
    assert page.seen("p.remark") == ["Left out: 15 rows and 15 columns with nothing wrong."]
