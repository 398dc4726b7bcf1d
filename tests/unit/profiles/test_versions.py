"""Versions as CNIs tag them, and ranges as profiles write them."""

from __future__ import annotations

import pytest

from harness.profiles.versions import parse_version, parse_versions


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v1.20.1", (1, 20, 1)),
        ("1.20", (1, 20)),
        ("v3.32.0-0.dev-12-gabc", (3, 32, 0)),
        ("v20260528-9350166c", (20260528,)),
        ("1.19.0-pre.1", (1, 19, 0)),
        ("1.20.2+build", (1, 20, 2)),
        ("latest", None),
        ("", None),
        (None, None),
    ],
)
def test_a_version_is_the_numbers_that_a_tag_begins_with(text: str | None, version: tuple[int, ...] | None) -> None:
    """What begins with no number is not known, and guessed from nothing."""
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("ranged", "inside", "outside"),
    [
        (">=1.15", ["1.15", "v1.15.0", "1.20.2", "2"], ["1.14.9", "1"]),
        ("<1.16", ["1.15.99", "0"], ["1.16", "v1.16.0", "1.16.0.1"]),
        (">=1.15, <1.17", ["1.16.3"], ["1.17", "1.14"]),
        ("<1.15,>=1.13", ["1.14.5"], ["1.15", "1.12"]),
        ("<20260401", ["v20251212-20ccfc88"], ["v20260528-9350166c"]),
    ],
)
def test_a_range_has_its_lower_end_and_not_its_upper(ranged: str, inside: list[str], outside: list[str]) -> None:
    """Missing numbers count as zero, so that 1.15 is 1.15.0."""
    versions = parse_versions(ranged)

    assert versions is not None
    assert [text for text in (*inside, *outside) if versions.affects(parse_version(text))] == inside


def test_an_unknown_version_is_affected_only_by_what_affects_all() -> None:
    """A deviation that depends on the version does not apply where nobody knows it."""
    everything, later = parse_versions("all"), parse_versions(">=1.15")

    assert everything is not None
    assert later is not None
    assert (everything.affects(None), later.affects(None)) == (True, False)


@pytest.mark.parametrize("text", ["", "1.15", "=1.15", ">1.15", ">=", ">=1.15 <1.16", ">=1.16, <1.16", "<1, <2", "any"])
def test_what_is_no_range_is_refused(text: str) -> None:
    """A range that is empty, written twice or misspelt covers nothing by guess."""
    assert parse_versions(text) is None
