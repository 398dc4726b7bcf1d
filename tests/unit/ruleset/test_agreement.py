"""The compiled text says what the API documentation says, on random worlds."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from harness.cluster.local.ruleset import render
from harness.cluster.local.state import State
from tests.unit.ruleset.interpreter import parse
from tests.unit.ruleset.worlds import allows, flows, packet, policies, states


def _open(state: State) -> set[int]:
    rules = parse(render(state))
    return {number for number, flow in enumerate(flows(state)) if rules.verdict(packet(*flow)) == "accept"}


@settings(max_examples=80, deadline=None)
@given(states())
def test_compiled_rules_agree_with_the_documentation(state: State) -> None:
    """Every flow of a random world is judged by the text as by the words of the API."""
    expected = {number for number, flow in enumerate(flows(state)) if allows(state, flow)}

    assert _open(state) == expected


@settings(max_examples=25, deadline=None)
@given(states())
def test_the_order_of_policies_is_irrelevant(state: State) -> None:
    """Policies are a union: turned around they allow the same flows."""
    turned = replace(state, policies=state.policies[::-1])

    assert _open(turned) == _open(state)


@settings(max_examples=25, deadline=None)
@given(states(), policies(9))
def test_another_policy_never_opens_what_no_policy_had_closed(state: State, added: dict[str, object]) -> None:
    """Without policies everything is open, so policies can only close."""
    bare = replace(state, policies=())
    one = replace(state, policies=(added,))

    assert _open(one) <= _open(bare) == set(range(len(flows(state))))


@settings(max_examples=25, deadline=None)
@given(states())
def test_equal_states_give_equal_text(state: State) -> None:
    """Compilation is deterministic, so that two texts can be compared by eye."""
    assert render(state) == render(replace(state))
