"""The Markdown report: what a pull request and a CI job's summary show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from harness.model.result import RunResult
from harness.reporting import markdown
from tests.golden import results
from tests.unit.reporting import hostile
from tests.unit.reporting.strategies import FEW, runs

OURS = re.compile(r"(<details>|<summary>[a-z0-9, ]+</summary>|</details>|\s)*")


def _tokens(text: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        yield token
        yield from token.children or ()


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_no_text_of_others_breaks_out_of_code(text: str) -> None:
    """Only our own tags are HTML, only our own words are prose: no link, no mention, no heading, no image."""
    tokens = list(_tokens(markdown.render(hostile.run(text))))
    html = [token.content for token in tokens if token.type in ("html_block", "html_inline")]
    prose = " ".join(token.content for token in tokens if token.type == "text")
    headings = sum(token.type == "heading_open" for token in tokens)

    assert [content for content in html if not OURS.fullmatch(content)] == []
    assert [token.type for token in tokens if token.type in ("link_open", "image", "autolink")] == []
    assert re.findall(r"[@#<>`\\]|https?:|mine|GH-|alert|lt;", prose) == []
    assert headings == 6


@FEW
@given(runs(), st.integers(0, 20_000))
def test_a_page_never_exceeds_its_limit(result: RunResult, limit: int) -> None:
    """A host that is given too much shows nothing, or half a table."""
    text = markdown.render(result, limit)

    assert len(text.encode()) <= limit
    assert text.count("<details>") == text.count("</details>")


@pytest.mark.parametrize("limit", [markdown.COMMENT_LIMIT, markdown.SUMMARY_LIMIT])
def test_what_does_not_fit_is_counted_and_failures_come_first(limit: int) -> None:
    """A run of many failures keeps its head and its first failures, loses evidence before lines, and says so."""
    many = results.mixed()
    result = replace(many, scenarios=many.scenarios * 2000)
    text = markdown.render(result, limit)
    missing = re.search(r"_([0-9,]+) parts did not fit", text)

    assert limit * 0.9 < len(text.encode()) <= limit
    assert 0 < text.index("## netpol-harness: FAILED") + 1 < text.index("**LEAK**")
    assert missing is not None


def test_a_clean_run_is_a_short_page() -> None:
    """Where nothing needs a look, there is a verdict, the counts and the times."""
    text = markdown.render(results.match())

    assert "What needs a look" not in text
    assert text.startswith("## netpol-harness: PASSED: all 24 judged flows as declared\n")
