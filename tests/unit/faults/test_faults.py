"""Each fault errs where it says, and nowhere by accident."""

from __future__ import annotations

import copy

import pytest

from harness.cluster.local.faults import FAULTS, find
from harness.cluster.local.ruleset import render
from harness.cluster.local.state import State
from harness.errors import UsageError
from tests.unit.faults.broken import APP, CASES, DB, GUEST, Case, change, into, world
from tests.unit.ruleset.interpreter import parse
from tests.unit.ruleset.worlds import packet

# Faults whose effect is no single flow's; each has a test of its own below or in test_timelines.
ELSEWHERE = {
    "service-port-not-target",
    "rejects",
    "resets",
    "drops-replies",
    "late",
    "late-out-of-order",
    "pod-start-leak",
    "update-gap",
    "flapping",
    "stale-pod-address",
    "ignores-pod-relabel",
    "ignores-namespace-relabel",
    "deletes-forgotten",
}


def _in_force(name: str, state: State) -> State:
    delay_s, rewrite = find(name).plan(change(state))[0]
    assert delay_s == 0
    return rewrite(state, change(state))


def _verdict(case: Case, state: State) -> str:
    flow = packet(case.source, case.destination, case.port, case.protocol, case.family)
    return parse(render(state)).verdict(flow)


def test_every_fault_is_proved_somewhere() -> None:
    """A fault without a case, or a case without a fault, would prove nothing."""

    assert CASES.keys() | ELSEWHERE == FAULTS.keys()


@pytest.mark.parametrize("name", CASES)
def test_a_fault_decides_its_flow_wrongly(name: str) -> None:
    """The flow is right without the fault and wrong with it, in the direction that the case names."""
    case = CASES[name]
    verdicts = [_verdict(case, case.state), _verdict(case, _in_force(name, case.state))]

    assert verdicts == (["drop", "accept"] if case.opens else ["accept", "drop"])


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_never_changes_what_it_is_given(name: str) -> None:
    """Misreadings are copies: the store's own objects stay as their author wrote them."""
    for case in CASES.values():
        before = copy.deepcopy(case.state)
        for _, rewrite in FAULTS[name].plan(change(case.state)):
            rewrite(case.state, change(case.state))

        assert case.state == before


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_without_policies_is_harmless(name: str) -> None:
    """Baselines stay green: with no policy there is nothing to misread."""
    state = world()
    for _, rewrite in FAULTS[name].plan(change(state)):
        rules = parse(render(rewrite(state, change(state))))

        flows = [packet(APP, DB, 80), packet(None, APP, 80), packet(GUEST, None, 80)]

        assert [rules.verdict(flow) for flow in flows] == ["accept"] * 3


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_says_what_it_is_and_where_it_was_met(name: str) -> None:
    """Every fault is a class of bug that some CNI had, in words that fit a line."""
    fault = FAULTS[name]

    assert fault.name == name
    assert 0 < len(fault.about) <= 100
    assert fault.source


def test_an_unknown_fault_gets_suggestions() -> None:
    """A misspelled name is a usage error that offers what comes close."""
    with pytest.raises(UsageError, match="ignores-except") as raised:
        find("ignore-except")

    assert "did you mean" in str(raised.value)


def test_a_rejecting_cluster_refuses() -> None:
    """Instead of silence a denied flow gets an answer that says no."""
    case = Case(world(into(app="b")), APP, DB)

    assert _verdict(case, _in_force("rejects", case.state)) == "reject"


def test_a_resetting_cluster_resets_tcp_alone() -> None:
    """TCP is reset; UDP has no reset and is dropped."""
    state = world(into(app="b"))
    verdicts = [_verdict(Case(state, APP, DB, 80, each), _in_force("resets", state)) for each in ("tcp", "udp")]

    assert verdicts == ["reset", "drop"]


def test_replies_are_dropped_where_they_are_judged_as_new() -> None:
    """Without the exemption for established connections no reply has a rule of its own."""
    exemption = "ct state established,related accept"
    state = world(into(app="b"))

    assert exemption in render(state)
    assert exemption not in render(_in_force("drops-replies", state))


def test_ports_can_be_compared_before_translation() -> None:
    """The port that the client dialled is compared: a Service's own."""
    text = render(_in_force("service-port-not-target", world(into({"ports": [{"port": 80}]}, app="b"))))

    assert "meta l4proto tcp ct original proto-dst 80 return" in text
    assert "dport 80" not in text
