"""How the page looks and to whom it is readable: dark, light, phone, paper, contrast, names, no script."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from harness.model.result import RunResult
from harness.reporting import html
from tests.browser.chromium import Page
from tests.golden import results
from tests.large import large_run

pytestmark = pytest.mark.chromium
Opened = Callable[[RunResult], Page]

BACKGROUND = "return getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(246, 246, 244)", "rgb(15, 16, 19)"

# WCAG 2.2, 1.4.3: of each text that is displayed, against the nearest background that is not transparent.
CONTRASTS = """
const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (node) => { for (; node; node = node.parentElement) {
  const colour = parse(getComputedStyle(node).backgroundColor); if (colour.length < 4 || colour[3] > 0) return colour; }
  return [255, 255, 255]; };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const poor = new Set();
for (let text; (text = walker.nextNode());) {
  const node = text.parentElement;
  if (!text.data.trim() || !node.checkVisibility({ visibilityProperty: true })) continue;
  if (node.closest("script, style, svg, .hidden, .skip, .none")) continue;
  const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) poor.add(`${node.tagName}.${node.className} ${text.data.trim().slice(0, 20)} ${ratio.toFixed(2)}`);
}
return [...poor];
"""


@pytest.mark.parametrize(("scheme", "background"), [("light", LIGHT), ("dark", DARK)])
def test_the_page_follows_the_systems_scheme(opened: Opened, scheme: str, background: str) -> None:
    """Dark and light come from the system unless somebody chose."""
    page = opened(results.mixed())
    page.look(prefers_color_scheme=scheme)

    assert page.ask(BACKGROUND) == background


def test_a_chosen_theme_is_kept(opened: Opened) -> None:
    """The button goes from the system's theme to light to dark, whatever the system says, and over a reload."""
    page = opened(results.mixed())
    page.look(prefers_color_scheme="dark")
    page.click("#theme")
    chosen = [page.ask(BACKGROUND)]
    page.look(prefers_color_scheme="light")
    page.click("#theme")
    chosen.append(page.ask(BACKGROUND))
    page.driver.refresh()
    chosen.append(page.ask(BACKGROUND))

    assert chosen == [LIGHT, DARK, DARK]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["mixed", "known", "error"])
def test_every_text_has_contrast(opened: Opened, scheme: str, name: str) -> None:
    """Text stands out from what is behind it by 4.5 to 1 in both themes, in every kind of cell and notice."""
    page = opened(results.RUNS[name]())
    page.look(prefers_color_scheme=scheme)
    for button in page.all("article button[aria-expanded=false]"):
        button.click()
    cells = page.all("td[role=gridcell]")
    if cells:
        cells[-1].click()

    assert page.ask(CONTRASTS) == []


@pytest.mark.parametrize("name", results.RUNS)
def test_a_phone_never_scrolls_sideways(opened: Opened, name: str) -> None:
    """On 360 pixels the page is as wide as the screen; wide matrices scroll inside themselves."""
    page = opened(results.RUNS[name]())
    page.look(width=360, height=780, mobile=True)
    for button in page.all("article button[aria-expanded=false]"):
        page.ask("arguments[0].click()", button)

    assert page.ask("return document.documentElement.scrollWidth") == 360


def test_on_a_phone_the_evidence_leaves_its_cell_in_view(opened: Opened) -> None:
    """The evidence is a sheet at the foot of the screen, and what was tapped stays above it."""
    page = opened(results.mixed())
    page.look(width=360, height=780, mobile=True)
    cell = page.cell("guest/visitor", "shop/db:5432/TCP")
    page.ask("arguments[0].scrollIntoView({block: 'end'}); arguments[0].click()", cell)
    sheet, tapped = (
        page.ask("return arguments[0].getBoundingClientRect().toJSON()", each) for each in (page.one("#evidence"), cell)
    )

    assert sheet["left"] == 0
    assert tapped["bottom"] <= sheet["top"]


def test_everything_that_takes_the_focus_has_a_name(opened: Opened) -> None:
    """In the accessibility tree no focusable thing is without a name, and each grid has its headers."""
    page = opened(results.mixed())
    page.cell("guest/visitor", "shop/db:5432/TCP").click()
    nodes = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nameless = [
        node["role"]["value"]
        for node in nodes
        if any(each["name"] == "focusable" for each in node.get("properties", []))
        and not node.get("name", {}).get("value")
        and node["role"]["value"] not in {"RootWebArea", "code", "generic", "pre"}
    ]
    roles = {node["role"]["value"] for node in nodes}

    assert nameless == []
    assert {"grid", "gridcell", "rowheader", "columnheader", "search", "complementary", "main"} <= roles


def test_ids_are_unique_and_headings_in_order(opened: Opened) -> None:
    """No two elements share an id, and no heading skips a level."""
    page = opened(results.mixed())
    ids = page.ask("return [...document.querySelectorAll('[id]')].map((each) => each.id)")
    levels = [
        int(tag[1]) for tag in page.ask("return [...document.querySelectorAll('h1,h2,h3,h4')].map((e) => e.tagName)")
    ]

    assert len(ids) == len(set(ids))
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_first_stop_skips_to_the_scenarios(opened: Opened) -> None:
    """The first Tab of a visitor without a mouse offers to skip the summary, and does."""
    page = opened(results.mixed())
    page.press("\ue004")

    assert page.ask("return document.activeElement.textContent") == "Skip to the scenarios"
    page.press("\ue007")
    assert page.ask("return document.activeElement.id") == "scenarios"


def test_paper_shows_everything_that_matters(opened: Opened) -> None:
    """Printed, every wrong step is open with its whole matrix and its evidence, and no control takes up room."""
    page = opened(large_run(scenarios=4, pods=30))
    page.look(media="print")
    page.ask("dispatchEvent(new Event('beforeprint'))")

    assert [len(text) > 0 for text in page.seen("article .step-body")] == [True, True]
    assert len(page.all("td[role=gridcell]")) == 2 * 900
    assert page.seen(".finding .inside") != []
    assert page.seen(".controls, .filters, .tools, .copy, .readout") == []


def test_paper_leaves_no_trace(opened: Opened) -> None:
    """After printing the page is as it was before."""
    page = opened(large_run(scenarios=4, pods=30))
    before = page.seen("main")
    page.ask("dispatchEvent(new Event('beforeprint')); dispatchEvent(new Event('afterprint'))")

    assert page.seen("main") == before


def test_without_scripts_the_summary_is_there(opened: Opened, tmp_path: Path) -> None:
    """A viewer that forbids scripts shows the outcome, the counts and what failed, as the terminal does."""
    page = opened(results.mixed())
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        (tmp_path / "still.html").write_text(html.render(results.mixed()), encoding="utf-8")
        page.driver.get((tmp_path / "still.html").as_uri())
        text = page.one("main").text
    finally:
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert "three-tier-shop / segmented: 2 LEAK, 1 OUTAGE" in text
