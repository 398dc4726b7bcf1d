"""Which pod goes to which node."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.model.flow import Endpoint
from harness.model.topology import NodeChoice, NodePlacement, Pod
from harness.placement import place

NODES = ("n1", "n2", "n3")


def pod(name: str, node: str | None = None) -> Pod:
    """Return a pod of namespace a; `node` is written as in a scenario."""
    relation, _, other = (node or "").partition(" ")
    return Pod("a", name, node=NodePlacement(relation == "same-as", Endpoint(other)) if node else None)


def names(pods: list[Pod], nodes: tuple[str, ...] = NODES, **placed: str) -> dict[str, str]:
    """Return the node of each pod, by the pod's bare name."""
    there = {Endpoint(f"a/{name}"): NodeChoice(node, required=False) for name, node in placed.items()}
    return {endpoint.partition("/")[2]: choice.name for endpoint, choice in place(pods, nodes, there).items()}


def test_pods_are_spread_in_their_order() -> None:
    """With as many pods as nodes, each has a neighbour and a stranger."""
    pods = [pod(name) for name in "wxyz"]

    assert names(pods, ("n1", "n2")) == {"w": "n1", "x": "n2", "y": "n1", "z": "n2"}


def test_without_nodes_nothing_is_chosen() -> None:
    """A cluster whose nodes are unknown is left to its scheduler."""
    assert place([pod("x", "same-as a/y"), pod("y")], ()) == {}


def test_what_an_author_asks_for_is_required_and_all_else_preferred() -> None:
    """Both ends of a placement are held to it; a third pod may go where there is room."""
    placed = place([pod("x", "same-as a/y"), pod("y"), pod("z")], NODES)

    assert [choice.required for choice in placed.values()] == [True, True, False]


def test_a_newcomer_joins_the_pod_that_is_up() -> None:
    """What runs is not moved: the newcomer goes there."""
    assert names([pod("x", "same-as a/y")], y="n3") == {"x": "n3"}


def test_a_newcomer_avoids_the_pod_that_is_up() -> None:
    """The pod that it must not meet is on the first node."""
    assert names([pod("x", "other-than a/y")], ("n1", "n2"), y="n1") == {"x": "n2"}


def test_apart_on_a_single_node_is_refused_with_the_pod() -> None:
    """One node cannot be another node; the message names who asks for it."""
    with pytest.raises(HarnessError, match="a/x: `node:` cannot be honoured on 1 node"):
        place([pod("y"), pod("x", "other-than a/y")], ("n1",))


def test_a_pod_both_with_and_without_another_is_refused() -> None:
    """The same two pods, told to be together by way of a third and apart, fit nowhere."""
    with pytest.raises(HarnessError, match="cannot be honoured"):
        place([pod("x", "same-as a/y"), pod("y", "same-as a/z"), pod("z", "other-than a/x")], NODES)


def test_a_first_choice_that_leads_nowhere_is_taken_back() -> None:
    """On two nodes a chain of three must alternate, whatever looks emptier."""
    pods = [pod("x"), pod("y", "other-than a/z"), pod("z", "other-than a/x")]

    found = names(pods, ("n1", "n2"))

    assert (found["x"] == found["y"], found["z"] == found["x"]) == (True, False)


@st.composite
def topologies(draw: st.DrawFn) -> list[Pod]:
    """Draw pods each of which may refer to one before it, so that no placements go round."""
    pods: list[Pod] = []
    for number in range(draw(st.integers(1, 8))):
        relation = draw(st.sampled_from([None, "same-as", "other-than"])) if pods else None
        other = draw(st.sampled_from(pods)).endpoint if pods else None
        pods.append(pod(f"p{number}", f"{relation} {other}" if relation else None))
    return draw(st.permutations(pods))


@given(topologies())
def test_every_placement_is_honoured(pods: list[Pod]) -> None:
    """Each pod refers to one other, so two nodes always suffice; then every wish holds."""
    placed = place(pods, ("n1", "n2"))

    wishes = [(item, item.node) for item in pods if item.node is not None]
    assert all((placed[item.endpoint].name == placed[wish.other].name) == wish.same for item, wish in wishes)


@given(st.integers(1, 40), st.integers(1, 5))
def test_free_pods_are_spread_evenly(pods: int, nodes: int) -> None:
    """No node has two pods more than another."""
    placed = place([pod(f"p{number}") for number in range(pods)], [f"n{number}" for number in range(nodes)])

    counts = [sum(choice.name == f"n{number}" for choice in placed.values()) for number in range(nodes)]
    assert max(counts) - min(counts) <= 1
