"""The page as text: what it is made of, and that hostile text stays data."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.result import RunResult
from harness.reporting import html
from harness.reporting.html import page
from harness.reporting.html.columns import Strings, packed, spans
from tests.golden.results import RUNS, forecast

ANYTHING = st.text(st.characters(codec=None), max_size=40)


def data_of(result: RunResult) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html.render(result))[1])


@pytest.mark.parametrize("name", RUNS)
def test_the_page_can_be_written_as_utf8(name: str) -> None:
    """Whatever a pod said, the page has an encoding."""
    assert html.render(RUNS[name]()).encode("utf-8").startswith(b"<!doctype html>")


def test_a_run_that_never_began_has_a_page() -> None:
    """No cluster, no scenario, no time: the page says what there is."""
    assert "NOTHING WAS JUDGED" in html.render(RunResult("", "", None, None, ()))


def test_a_prediction_has_a_page() -> None:
    """A run in which nothing was observed renders too."""
    assert data_of(forecast())["scenarios"][0]["steps"][0]["count"] == 20


def test_the_policy_admits_exactly_our_script_and_style() -> None:
    """The digests of the content security policy are those of the two elements that the page has."""
    text = html.render(RUNS["mixed"]())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    found = (
        re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1],
        re.findall(r"<script>(.*?)</script>", text, re.DOTALL),
    )
    digests = [
        "sha256-" + base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (found[0], *found[1])
    ]

    assert len(found[1]) == 1
    assert f"style-src '{digests[0]}'" in policy.replace("&#x27;", "'")
    assert f"script-src '{digests[1]}'" in policy.replace("&#x27;", "'")
    assert policy.startswith("default-src")


def test_nothing_is_fetched() -> None:
    """No asset names an address, but for the one that is a name of SVG elements."""
    text = html.render(RUNS["match"]())

    assert set(re.findall(r"(?:https?:)?//[a-z0-9.]+\.[a-z]+[\w/]*", re.sub(r"//[ ].*", "", text))) <= {
        "http://www.w3.org/2000/svg"
    }
    assert re.findall(r"<link|@import|url\(|\ssrc=", text) == []


@given(ANYTHING)
def test_an_island_holds_any_text_and_no_markup(text: str) -> None:
    """Any text comes back out of the island, which holds no character that ends a script element."""
    island = page.island({"text": text})

    assert json.loads(island) == {"text": text}
    assert island.isascii()
    assert set("<>&") & set(island) == set()


@given(ANYTHING)
def test_the_strings_of_a_page_are_printable(text: str) -> None:
    """Of what cannot be seen only line breaks are left."""
    strings = Strings()
    strings.add(text)

    assert all(line.isprintable() for line in strings.rows[0].split("\n"))


@given(st.lists(st.integers(-1, 3)))
def test_a_packed_column_holds_the_same_numbers(values: list[int]) -> None:
    """Runs are another way to write a column, and never a longer one."""
    found = packed(values)
    runs = found["runs"] if isinstance(found, dict) else None
    read = (
        [value for value, count in zip(runs[::2], runs[1::2], strict=True) for _ in range(count)]
        if runs is not None
        else found
    )

    assert read == values
    assert runs is None or len(runs) < len(values)


@given(st.sets(st.integers(0, 50)))
def test_spans_hold_the_same_numbers(numbers: set[int]) -> None:
    """Stretches are another way to write ascending numbers."""
    found = spans(sorted(numbers))

    assert {
        number for first, count in zip(found[::2], found[1::2], strict=True) for number in range(first, first + count)
    } == numbers


def test_the_same_run_renders_to_the_same_page() -> None:
    """A page depends on its run alone, so that two of them can be compared."""
    assert html.render(RUNS["mixed"]()) == html.render(RUNS["mixed"]())
