"""Selectors and address ranges of the data plane, against slower ways to say the same."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.cluster.local import ranges
from harness.cluster.local.selectors import PodIndex, selects
from harness.model.flow import Family
from tests.unit.ruleset.worlds import _matches, pod, selectors

SMALL = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)).map(lambda pair: (pair[0], sum(pair))), max_size=5)
LABELS = st.dictionaries(st.sampled_from(["app", "tier", "other"]), st.sampled_from(["", "a", "b"]), max_size=3)


def _numbers(spans: list[tuple[int, int]] | ranges.Ranges) -> set[int]:
    return {number for low, high in spans for number in range(low, high + 1)}


@given(SMALL)
def test_merging_keeps_every_number_and_leaves_gaps_between_ranges(spans: list[tuple[int, int]]) -> None:
    """The same numbers, sorted, in ranges that neither overlap nor touch: what an nft set takes."""
    merged = ranges.merged(spans)

    assert _numbers(merged) == _numbers(spans)
    assert all(left[1] + 1 < right[0] for left, right in itertools.pairwise(merged))


@given(SMALL, SMALL)
def test_without_and_common_are_set_operations(spans: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    """Difference and intersection of ranges are those of the numbers in them."""
    rest = ranges.without(spans, others)
    shared = ranges.common(ranges.merged(spans), ranges.merged(others))

    assert _numbers(rest) == _numbers(spans) - _numbers(others)
    assert _numbers(shared) == _numbers(spans) & _numbers(others)


@given(selectors, LABELS)
def test_a_selector_selects_what_the_documentation_says(selector: dict[str, object], labels: dict[str, str]) -> None:
    """All requirements are ANDed; NotIn and DoesNotExist also match where the key is missing."""

    assert selects(selector, labels) == _matches(selector, labels)


def test_absent_and_empty_selectors_select_everything() -> None:
    """A policy without a podSelector, or with an empty one, is for all pods."""
    forms: list[Any] = [None, {}, {"matchLabels": None}, {"matchLabels": {}, "matchExpressions": []}]

    assert [selects(form, {"a": "b"}) for form in forms] == [True] * 4


def test_a_peer_without_a_namespace_selector_stays_in_its_namespace() -> None:
    """podSelector alone is the policy's own namespace; a namespaceSelector alone is all pods there."""
    index = PodIndex([pod(1), pod(2, "y"), pod(3, "y", app="a")], {"x": {}, "y": {"team": "y"}})
    peers: list[dict[str, Any]] = [
        {"podSelector": {}},
        {"namespaceSelector": {}},
        {"namespaceSelector": {"matchLabels": {"team": "y"}}},
    ]
    seen = [sorted(index.peer("x", peer)) for peer in peers]

    assert seen == [[0], [0, 1, 2], [1, 2]]


def test_a_block_is_read_with_its_exceptions() -> None:
    """An exception is a hole in its block."""
    family, spans = ranges.block({"cidr": "192.0.2.0/24", "except": ["192.0.2.0/25", "192.0.2.255/32"]})

    assert (family, ranges.text(spans, family)) == (Family.IPV4, "192.0.2.128-192.0.2.254")


def test_one_port_and_several_are_written_as_nft_reads_them() -> None:
    """A single number or range stands bare, several stand in braces."""
    texts = [ranges.ports_text(spans) for spans in (((80, 80),), ((80, 90),), ((80, 80), (443, 444)))]

    assert texts == ["80", "80-90", "{ 80, 443-444 }"]
