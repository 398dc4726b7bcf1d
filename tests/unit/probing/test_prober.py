"""Flows to probes and back: batches by source, who may answer, and what the logs say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.model.flow import Endpoint, L4Protocol
from harness.model.result import Outcome
from harness.probing.prober import Prober, Target
from harness.probing.session import AgentSession
from tests.builders import flow
from tests.unit.probing.agents import CUT, ScriptedChannel, answer

Start = Callable[..., tuple[AgentSession, ScriptedChannel]]
WEB = Target("192.0.2.1", 8080, frozenset({"shop/web"}))
ONE, TWO = flow(source="shop/one"), flow(source="shop/two")
LOG_S = 20.0


def _log(*nonces: str, lost: int = 0) -> Callable[[Mapping[str, Any]], list[Any]]:
    """Return a script of an agent whose log holds `nonces`, one a page."""

    def script(request: Mapping[str, Any]) -> list[Any]:
        since = request["since"]
        page = [[since, nonce, "8080/TCP", "192.0.2.9 1"] for nonce in nonces[since : since + 1]]
        upto = since + len(page)
        return [{"id": request["id"], "arrivals": page, "next": upto, "more": upto < len(nonces), "lost": lost}]

    return script


def _served(*sessions: AgentSession) -> Prober:
    for session in sessions:
        session.hello(LOG_S)
    return Prober({session.endpoint: session for session in sessions})


def test_each_source_gets_one_batch(agent: Start) -> None:
    """An N x N matrix costs N requests."""
    (one, first), (two, second) = agent(answer, "shop/one"), agent(answer, "shop/two")
    udp = ONE._replace(protocol=L4Protocol.UDP)
    Prober({Endpoint("shop/one"): one, Endpoint("shop/two"): two}).round(
        {ONE: WEB, TWO: WEB, udp: WEB}, lambda _: 1.0
    ).result()

    assert [len(request["probes"]) for channel in (first, second) for request in channel.requests] == [2, 1]


def test_a_probe_carries_its_own_nonce_and_timeout(agent: Start) -> None:
    """No two probes share a nonce, over all rounds."""
    session, channel = agent(answer, "shop/one")
    prober = Prober({Endpoint("shop/one"): session})
    for seconds in (0.5, 1.5):
        prober.round({ONE: WEB}, lambda _, seconds=seconds: seconds).result()

    probes = [request["probes"][0] for request in channel.requests]
    assert ([probe["timeout_s"] for probe in probes], len({probe["nonce"] for probe in probes})) == ([0.5, 1.5], 2)


def test_an_answer_counts_only_from_who_may_answer(agent: Start) -> None:
    """Behind a Service any backend may; anybody else is a wrong answer."""
    session, _ = agent(lambda request: answer(request, "shop/web-2"), "shop/one")
    prober = Prober({Endpoint("shop/one"): session})
    outcomes = [
        prober.round({ONE: Target("192.0.2.1", 80, frozenset(names))}, lambda _: 1.0).result()[ONE].outcome
        for names in ({"shop/web-1", "shop/web-2"}, {"shop/web-1"})
    ]

    assert outcomes == [Outcome.OPEN, Outcome.WRONG_ANSWER]


def test_a_source_without_an_agent_is_a_lasting_fault() -> None:
    """Asking again is in vain, and the reason names the pod."""
    outcome = Prober({}).round({ONE: WEB}, lambda _: 1.0).result()[ONE]

    assert (outcome.outcome, outcome.lasting, outcome.detail) == (
        Outcome.FAULT,
        True,
        "there is no agent in shop/one",
    )


def test_a_source_whose_channel_broke_is_a_lasting_fault(agent: Start) -> None:
    """One killed agent faults its own flows and leaves the others alone."""
    (one, _), (two, _) = agent(lambda _: [CUT], "shop/one"), agent(answer, "shop/two")
    outcomes = (
        Prober({Endpoint("shop/one"): one, Endpoint("shop/two"): two})
        .round({ONE: WEB, TWO: WEB}, lambda _: 1.0)
        .result()
    )

    assert {flow.source: (seen.outcome, seen.lasting) for flow, seen in outcomes.items()} == {
        "shop/one": (Outcome.FAULT, True),
        "shop/two": (Outcome.OPEN, False),
    }


def test_curl_leaves_udp_to_nc(agent: Start) -> None:
    """The engine is what a person would take for the protocol."""
    session, channel = agent(answer, "shop/one")
    udp = ONE._replace(protocol=L4Protocol.UDP)
    Prober({Endpoint("shop/one"): session}, engine="curl").round({ONE: WEB, udp: WEB}, lambda _: 1.0).result()

    assert [probe["engine"] for probe in channel.requests[0]["probes"]] == ["curl", "nc"]


def test_arrival_is_what_the_destinations_log_says(agent: Start) -> None:
    """A nonce in it arrived, and one that is missing from a whole log did not."""
    session, _ = agent(_log("n-1", "n-2", "n-3"))

    arrived = _served(session).arrived({ONE: "n-3", TWO: "n-9"}, {ONE: WEB, TWO: WEB}, LOG_S)

    assert arrived == {ONE: True, TWO: False}


def test_a_log_is_read_on_from_where_it_was_left(agent: Start) -> None:
    """Old entries are remembered, not asked for again."""
    session, channel = agent(_log("n-1", "n-2"))
    prober = _served(session)
    prober.arrived({ONE: "n-1"}, {ONE: WEB}, LOG_S)
    again = prober.arrived({ONE: "n-1"}, {ONE: WEB}, LOG_S)

    assert (again, [request["since"] for request in channel.requests]) == ({ONE: True}, [0, 1, 2])


def test_any_backends_log_counts_for_a_service(agent: Start) -> None:
    """The Service chooses the backend, so all their logs are asked."""
    (one, _), (two, _) = agent(_log(), "shop/web-1"), agent(_log("n-1"), "shop/web-2")
    service = Target("192.0.2.1", 80, frozenset({"shop/web-1", "shop/web-2"}))

    assert _served(one, two).arrived({ONE: "n-1", TWO: "n-2"}, {ONE: service, TWO: service}, LOG_S) == {
        ONE: True,
        TWO: False,
    }


def test_a_log_that_cannot_be_read_whole_leaves_it_open(agent: Start) -> None:
    """Unread, overflowed or absent: what is not found may have arrived all the same."""
    lossy, _ = agent(_log("n-1", lost=3), "shop/lossy")
    broken, _ = agent(lambda _: [CUT], "shop/broken")
    targets = {
        flow(destination=name): Target("192.0.2.1", 80, frozenset({name}))
        for name in ("shop/lossy", "shop/broken", "shop/absent")
    }

    arrived = _served(lossy, broken).arrived(dict.fromkeys(targets, "n-9"), targets, LOG_S)

    assert set(arrived.values()) == {None}


def test_what_a_lossy_log_still_holds_has_arrived(agent: Start) -> None:
    """Losing old entries does not make a new one doubtful."""
    session, _ = agent(_log("n-1", lost=3))

    assert _served(session).arrived({ONE: "n-1"}, {ONE: WEB}, LOG_S) == {ONE: True}
