"""Label selectors: what they select, and that the predictor's sets say the same as the records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.labels import LabelSelector, Operator, Requirement
from harness.semantics.members import LabelSets, positions
from tests import builders as build

KEYS = ("app", "tier")
VALUES = ("", "a", "A", "b")
LABELS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
REQUIREMENTS = st.builds(
    lambda key, operator, values: Requirement(
        key, operator, tuple(values) if operator in (Operator.IN, Operator.NOT_IN) else ()
    ),
    st.sampled_from(KEYS),
    st.sampled_from(Operator),
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=3),
)


@pytest.mark.parametrize(
    ("operator", "values", "selected"),
    [
        (Operator.IN, ("a", "b"), ["a"]),
        (Operator.IN, ("",), ["blank"]),
        (Operator.IN, ("A",), []),
        (Operator.NOT_IN, ("a",), ["blank", "other", "none"]),
        (Operator.EXISTS, (), ["a", "blank"]),
        (Operator.DOES_NOT_EXIST, (), ["other", "none"]),
    ],
)
def test_each_operator_treats_a_missing_key_as_the_api_does(
    operator: Operator, values: tuple[str, ...], selected: list[str]
) -> None:
    """NotIn and DoesNotExist match without the key; values are exact and may be empty."""
    objects = {"a": {"tier": "a"}, "blank": {"tier": ""}, "other": {"app": "a"}, "none": {}}
    selector = build.selector(build.requirement(key="tier", operator=operator, values=values))

    assert [name for name, labels in objects.items() if selector.matches(labels)] == selected


def test_no_requirement_selects_everything() -> None:
    """The empty selector selects whatever has labels or none."""
    assert [build.selector().matches(labels) for labels in ({}, {"app": "a"})] == [True, True]


def test_all_requirements_must_hold() -> None:
    """Labels and expressions are ANDed: a contradiction is valid and selects nothing."""
    selector = build.selector(build.requirement(key="app", operator=Operator.NOT_IN, values=("a",)), match={"app": "a"})

    assert [selector.matches({"app": value}) for value in ("a", "b")] == [False, False]


@given(everyone=st.lists(LABELS, max_size=6), requirements=st.lists(REQUIREMENTS, max_size=3))
def test_sets_select_whom_the_selector_selects(everyone: list[dict[str, str]], requirements: list[Requirement]) -> None:
    """LabelSets.select finds by label exactly those that LabelSelector.matches says, and never an unlabelled end."""
    selector = LabelSelector(tuple(requirements))
    size = len(everyone) + 2

    found = list(positions(LabelSets(everyone, size).select(selector), size))

    assert found == [place for place, labels in enumerate(everyone) if selector.matches(labels)]
