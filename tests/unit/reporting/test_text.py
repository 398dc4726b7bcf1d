"""Text as a terminal shows it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reporting.text import block, clipped, first_line, glued, printable, split, squeezed, width_of, wrapped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("two\nlines\t", "two\\nlines\\t"),
        ("a\u202eb", "a\\u202eb"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("thin\u2009space", "thin space"),
        ("\ud800", "\\ud800"),
        ("caf\u00e9 \u5bff\u53f8", "caf\u00e9 \u5bff\u53f8"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, expected: str) -> None:
    """Control characters, bidirectional marks and broken surrogates are shown, never sent."""
    assert printable(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("abc", 3), ("\u5bff\u53f8", 4), ("e\u0301", 1), ("", 0)])
def test_width_counts_columns(text: str, expected: int) -> None:
    """East Asian wide characters take two columns, combining marks none."""
    assert width_of(text) == expected


@given(st.text(st.characters()))
def test_no_text_reaches_a_terminal_unescaped(text: str) -> None:
    """What is printable holds no control, format or surrogate character."""
    categories = {unicodedata.category(char)[0] for char in printable(text)}

    assert "C" not in categories


@given(st.text(st.characters()), st.integers(10, 90), st.sampled_from(["", "  ", "why  "]))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int, first: str) -> None:
    """No line is too wide, and all but the spaces is still there."""
    lines = wrapped(text, width, first, "  ")
    whole = "".join(lines).replace(" ", "")

    assert max(map(width_of, lines)) <= width
    assert whole == (first + printable(text)).replace(" ", "")


@given(st.text(st.characters()), st.integers(0, 40))
def test_cut_text_fits(text: str, width: int) -> None:
    """Clipping, squeezing and splitting keep to the width, whatever the characters."""
    text = printable(text)

    assert [
        kept for kept in (clipped(text, width), squeezed(text, width), split(text, width)[0]) if width_of(kept) > width
    ] == []


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("short", 10, "short"), ("shop/backend-0", 10, "sho...nd-0"), ("shop/backend-0", 2, "..")],
)
def test_squeezing_keeps_both_ends(text: str, width: int, expected: str) -> None:
    """Names differ at their ends, so the middle goes."""
    assert squeezed(text, width) == expected


def test_glued_words_stay_together() -> None:
    """A no-break space is a space at which no line is broken."""
    assert wrapped(f"one {glued('two three')}", 10) == ["one", "two three"]


def test_a_block_keeps_carets_under_their_columns() -> None:
    """Errors point into a source line; spacing carries meaning there."""
    actual = block("a.yaml:1:5: bad\n    key: 1\n    ^\n", 80, "  ")

    assert actual == ["  a.yaml:1:5: bad", "      key: 1", "      ^"]


@given(st.text(st.characters()))
def test_a_block_fits(text: str) -> None:
    """Lines of a block that do not fit are wrapped."""
    assert [line for line in block(text, 60, "    ") if width_of(line) > 60] == []


@pytest.mark.parametrize(("text", "expected"), [("one\ntwo", "one ..."), (" one ", "one"), ("", "")])
def test_the_first_line_says_that_there_are_more(text: str, expected: str) -> None:
    """A list of errors shows a line of each."""
    assert first_line(text) == expected


def test_words_are_escaped_before_they_are_measured() -> None:
    """An escape takes the columns of its escaped form."""
    assert wrapped("\x1b" * 3, 8) == ["\\x1b\\x1b", "\\x1b"]


def test_an_empty_text_is_a_line() -> None:
    """A field without a value keeps its line."""
    assert wrapped("", 20, "why ") == ["why"]
