"""What hostile names, and the eyes of those who read, may ask of the views."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from harness.model.flow import Endpoint, Flow
from harness.model.result import Verdict
from harness.reporting.comparison import contrast
from harness.reporting.comparison import export as comparison_export
from harness.reporting.comparison import listing as comparison_listing
from harness.reporting.comparison import page as comparison_page
from harness.reporting.history import export, issue, listing, page, sheet
from harness.reporting.history.overview import Overview, Selection, build
from harness.reporting.history.records import RunRecord, ScenarioRecord
from harness.reporting.text import width_of
from tests.golden.histories import comparison, overview
from tests.unit.history.nights import cells, entries, night, step, upgraded

HOSTILE = (
    "</style></title></svg><script>alert(1)</script>",
    '" onload="alert(1)',
    "'><img src=x onerror=alert(1)>",
    "]]><!-- javascript:alert(1)",
    "\x1b[31m\x07\u202e\u2028",
    "`x` @everyone [a](https://example.org) ![b](https://example.org/c.png)",
)


def hostile(number: int, letters: str, text: str) -> RunRecord:
    """Build a run in which everything that others choose is `text`."""
    matrix = cells(letters)
    flows = tuple(Flow(Endpoint(text), Endpoint(f"{text}{at}"), *flow[2:]) for at, flow in enumerate(matrix.flows))
    played = replace(step(replace(matrix, flows=flows), scenario=text, name=text), reasons={0: text})
    facts = upgraded(cni=text, cni_version=text, kubernetes=text, kind=text)
    run = night(number, "M", facts=facts, commit=text)
    scenarios = (ScenarioRecord(text, text, None, 1.0, (played,)), ScenarioRecord(f"{text}!", text, text, 1.0, ()))
    return replace(run, header=replace(run.header, run=text, error=text), scenarios=scenarios)


def hostile_runs(text: str) -> list[RunRecord]:
    """Build a history with every kind of change."""
    return [hostile(0, "MLMO", text), hostile(1, "LMKL", text), hostile(2, "MLK", text)]


def hostile_overview(text: str) -> Overview:
    """Build what is shown of it."""
    return build(text, entries(*hostile_runs(text)), Selection())


def hostile_page(text: str) -> str:
    """Render both pages of it."""
    runs = hostile_runs(text)
    return page.render(hostile_overview(text)) + comparison_page.render(contrast.build(*runs[:2], text, text))


class Tags(HTMLParser):
    """Collects what a browser would see: tags, and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {(tag, name) for name, _ in attrs} | {(tag, "")}


def tags(html: str) -> set[tuple[str, str]]:
    """Return every tag with every attribute that it has somewhere."""
    parser = Tags()
    parser.feed(html)
    return parser.seen


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_becomes_markup(text: str) -> None:
    """A page of hostile names has no tag and no attribute that a page of tame ones lacks."""
    assert tags(hostile_page(text)) == tags(hostile_page("tame"))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_page_holds_no_character_that_cannot_be_seen(text: str) -> None:
    """Escape sequences and marks that reverse writing are spelled out, in pages as in a terminal."""
    texts = [hostile_page(text), listing.render(hostile_overview(text))]

    assert [char for each in texts for char in each if not char.isprintable() and char != "\n"] == []


def test_a_page_has_no_script_and_loads_nothing() -> None:
    """The page's own policy allows its one style and nothing else."""
    html = page.render(overview())

    assert "default-src 'none'; style-src 'sha256-" in html
    assert re.findall(r"<(?:script|img|link|iframe|object|embed|form|base)\b| on\w+=|\sstyle=", html) == []
    assert re.findall(r"(?:src|href)=\"(?!#lane-\d+\")", html) == []


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_verdict_is_a_word_and_a_mark(verdict: Verdict) -> None:
    """Whoever sees no colour reads the same."""
    text = re.sub(r"<[^>]+>", "", sheet.verdict(verdict))

    assert text.endswith(f" {verdict}")
    assert len(text) == len(f"? {verdict}")


def test_every_plot_has_a_sentence() -> None:
    """Whoever sees no plot is told what it shows, and has the numbers in a table."""
    html = page.render(overview())

    assert len(re.findall(r'<svg viewBox="[^"]+" role="img" aria-label="[^"]{40,}">', html)) == 4
    assert html.count("<figure>") == 4


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("text", ["tame", *HOSTILE, "x" * 200])
def test_no_line_is_wider_than_the_terminal(width: int, text: str) -> None:
    """Text is wrapped, whatever it holds; only the table of runs needs 65 columns."""
    runs = hostile_runs(text)
    compared = contrast.build(*runs[:2], text, text)
    texts = [listing.render(hostile_overview(text), width=width), comparison_listing.render(compared, width=width)]

    assert [line for each in texts for line in each.splitlines() if width_of(line) > max(width, 76)] == []


@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_chose_stands_as_code_in_an_issue(text: str) -> None:
    """No mention, link or image is left outside of code spans, and no span ends before its end."""
    runs = hostile_runs(text)[:2]
    overview_ = build("runs.db", entries(*runs), Selection(across=hostile_overview(text).selection.across))
    title, _, body = issue.render(overview_, {(1, runs[1].scenarios[0].steps[0].key, "x"): text}).partition("\n")
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", body)

    assert title.startswith("NetworkPolicy: ")
    assert re.findall(r"[@<\[]|alert|https", outside) == []


@pytest.mark.parametrize("text", ["", " ", "`", "``a`", "a`b``c", "`a", "plain"])
def test_a_code_span_holds_any_text(text: str) -> None:
    """The fence is longer than any run of backticks in the text (CommonMark 6.1)."""
    span = issue.code(text)
    fence = re.match("`+", span)

    assert fence is not None
    assert span.endswith(fence[0])
    assert fence[0] not in set(re.findall("`+", span[len(fence[0]) : -len(fence[0])]))


def test_no_regression_is_no_issue() -> None:
    """A nightly job files what is not empty."""
    assert issue.render(build("x", entries(night(0, "M"), night(1, "?")), Selection()), {}) == ""


def test_the_documents_are_json_with_all_that_the_text_shows() -> None:
    """Scripts find every change, every flow that fails and every flake."""
    document = json.loads(export.render(overview()))
    lane = document["lanes"][0]

    assert [change["kind"] for change in lane["changes"]].count("gone") == 5
    assert (len(lane["failing"]), len(document["lanes"][1]["flakes"])) == (2, 1)
    assert len(json.loads(comparison_export.render(comparison()))["differences"]) == 3
