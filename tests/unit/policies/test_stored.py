"""What the API server holds of `policyTypes` after one manager applied a policy again and again."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from harness.model.policy import NetworkPolicy
from harness.scenario.stored import names_policy_types, stored

_INGRESS, _BOTH, _EGRESS = ["Ingress"], ["Ingress", "Egress"], ["Egress"]
_RULE: dict[str, Any] = {"egress": [{}]}


def _applied(specs: Iterable[dict[str, Any]], read: Callable) -> NetworkPolicy | None:
    """Apply the specs one after the other, as the loader does."""
    before, named = None, False
    for spec in specs:
        document = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "x"},
            "spec": spec,
        }
        policy, _ = read(document)
        now_named = names_policy_types(document)
        before, named = stored(before, named, policy, now_named), now_named
    return before


@pytest.mark.parametrize(
    ("specs", "types"),
    [
        pytest.param([{}], _INGRESS, id="created without egress"),
        pytest.param([_RULE], _BOTH, id="created with egress"),
        pytest.param([{}, _RULE], _INGRESS, id="j25: egress rules added later are inert"),
        pytest.param([_RULE, {}], _BOTH, id="j26: egress rules dropped later leave egress isolated"),
        pytest.param([{}, _RULE, _RULE], _INGRESS, id="and stay inert"),
        pytest.param([{}, {**_RULE, "policyTypes": _BOTH}], _BOTH, id="naming the types replaces them"),
        pytest.param([_RULE, {"policyTypes": _EGRESS}], _EGRESS, id="naming fewer replaces them too"),
        pytest.param([{"policyTypes": _EGRESS}, {}], _INGRESS, id="no longer naming them defaults afresh"),
        pytest.param([{"policyTypes": _EGRESS}, _RULE], _BOTH, id="afresh by the rules there are now"),
        pytest.param([{"policyTypes": _INGRESS}, _RULE, {}], _BOTH, id="what was defaulted afresh persists in turn"),
        pytest.param([_RULE, {"policyTypes": []}], _INGRESS, id="an empty list is named, and defaulted"),
        pytest.param([_RULE, {"policyTypes": None}], _BOTH, id="null is not named"),
    ],
)
def test_policy_types_follow_who_named_them(specs: list[dict[str, Any]], types: list[str], read: Callable) -> None:
    """Defaulting fills the field at creation; it belongs to nobody until an apply names it."""

    policy = _applied(specs, read)

    assert policy is not None
    assert list(policy.policy_types) == types


def test_everything_else_is_what_was_applied_last(read: Callable) -> None:
    """Rules and selectors are the applier's own, so the last apply decides."""

    policy = _applied([{"podSelector": {"matchLabels": {"a": "b"}}, "ingress": [{}]}, _RULE], read)

    assert policy is not None
    assert (str(policy.pod_selector), policy.ingress, len(policy.egress)) == ("{}", (), 1)


@pytest.mark.parametrize("document", [{}, {"spec": None}, {"spec": []}, {"spec": {}}, {"spec": {"policyTypes": None}}])
def test_types_are_not_named_where_they_are_absent(document: dict[str, Any]) -> None:
    """Documents in wrong shapes name nothing; that they are wrong is said elsewhere."""

    assert not names_policy_types(document)
