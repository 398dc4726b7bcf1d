"""A session with one agent: what goes wrong becomes a fault with its reason, and nothing waits for ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from harness.errors import ProbeError
from harness.probing.session import AgentSession
from harness.probing.wire import ProbeReply, ProbeRequest
from tests.unit.probing.agents import CUT, ScriptedChannel, answer, ok

Start = Callable[..., tuple[AgentSession, ScriptedChannel]]
REQUESTS = [ProbeRequest(key, "TCP", "192.0.2.1", 80, f"n{key}", 1.0) for key in ("a", "b")]
# For what must come at once: only a defect waits this long.
SOON_S = 20.0


def _summary(replies: Mapping[str, ProbeReply]) -> dict[str, str]:
    return {key: reply.detail or reply.result for key, reply in replies.items()}


def test_replies_come_back_by_key(agent: Start) -> None:
    """A batch's replies may come in several messages and in any order."""

    def script(request: Mapping[str, Any]) -> list[Any]:
        first, second = request["probes"]
        return [
            {"id": request["id"], "replies": [ok(second)]},
            {"id": request["id"], "replies": [ok(first)]},
            {"id": request["id"], "done": True},
        ]

    session, _ = agent(script)

    assert _summary(session.probe(REQUESTS, SOON_S).result()) == {"a": "ok", "b": "ok"}


def test_batches_under_way_at_once_are_kept_apart(agent: Start) -> None:
    """Replies go to the batch of their id, though the keys are the same."""
    session, channel = agent()
    batches = [session.probe(REQUESTS, SOON_S) for _ in range(2)]
    for request in reversed(channel.requests):
        for message in answer(request, f"shop/{request['id']}"):
            channel.say(message)

    assert [batch.result()["a"].answered_by for batch in batches] == ["shop/1", "shop/2"]


def test_what_came_before_a_cut_is_kept(agent: Start) -> None:
    """A channel that is cut in the middle of a line faults the missing probes only."""
    session, _ = agent(lambda request: [{"id": request["id"], "replies": [ok(request["probes"][0])]}, CUT])

    assert _summary(session.probe(REQUESTS, SOON_S).result()) == {
        "a": "ok",
        "b": "the channel to the agent ended: cut in the middle of a line",
    }


def test_what_is_asked_after_the_end_is_a_fault_at_once(agent: Start) -> None:
    """A session that ended says so, and says why."""
    session, _ = agent(lambda _: [CUT])
    session.probe(REQUESTS, SOON_S).result()

    late = session.probe(REQUESTS, SOON_S)

    assert (late.is_done(), late.result()["a"].detail, session.ended) == (
        True,
        "the channel to the agent ended: cut in the middle of a line",
        "the channel to the agent ended: cut in the middle of a line",
    )


@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        '{"id": 1, "replies": 7}',
        '{"id": 1, "replies": [{"key": "a"}]}',
        '{"id": null, "error": "bad request"}',
        '{"hello": 3}',
    ],
)
def test_garbage_is_a_fault_with_its_text(agent: Start, line: str) -> None:
    """After a line that is not understood nothing is believed, and nobody waits."""
    session, _ = agent(lambda _: [line])
    replies = session.probe(REQUESTS, SOON_S).result()

    assert ({reply.result for reply in replies.values()}, bool(replies["a"].detail)) == ({"fault"}, True)


def test_silence_is_a_fault_at_the_deadline(agent: Start) -> None:
    """An agent that says nothing, stopped or lost, costs the deadline and no more."""
    session, _ = agent()
    batch = session.probe(REQUESTS, 0.0)

    assert (batch.is_done(), _summary(batch.result())["a"]) == (True, "no reply from the agent before the deadline")


def test_partial_replies_are_kept_at_the_deadline(agent: Start) -> None:
    """What has come counts, though the rest is missing."""
    session, channel = agent(lambda request: [{"id": request["id"], "replies": [ok(request["probes"][0])]}])
    batch = session.probe(REQUESTS, SOON_S)
    _let_through(session, channel)

    assert _summary(batch.result(0.0)) == {"a": "ok", "b": "no reply from the agent before the deadline"}


def test_a_batch_that_ends_early_faults_what_it_left_out(agent: Start) -> None:
    """`done` without a reply for every probe is the agent's mistake, not an answer."""
    session, _ = agent(lambda request: [{"id": request["id"], "done": True}])

    assert _summary(session.probe(REQUESTS, SOON_S).result())["b"] == "the agent ended the batch without it"


def test_a_refused_request_is_a_fault_with_the_agents_words(agent: Start) -> None:
    """An error reply ends its own batch, not the session."""
    session, _ = agent(lambda request: [{"id": request["id"], "error": "too much"}])
    replies = session.probe(REQUESTS, SOON_S).result()

    assert (_summary(replies)["a"], session.ended) == ("the agent refused the request: too much", None)


def test_closing_ends_what_is_under_way(agent: Start) -> None:
    """Nothing hangs when a run is interrupted."""
    session, _ = agent()
    batch = session.probe(REQUESTS, SOON_S)
    session.close()
    session.close()

    assert _summary(batch.result())["a"] == "the session was closed"


def test_a_greeting_tells_the_agents_name(agent: Start) -> None:
    """It was the first line, and can be asked for again."""
    session, _ = agent(name="shop/db")

    assert [session.hello(SOON_S).name for _ in range(2)] == ["shop/db", "shop/db"]


def test_a_channel_that_ends_before_the_greeting_is_an_error(agent: Start) -> None:
    """An exec that failed is told apart from an agent that is slow."""
    channel = ScriptedChannel()
    channel.say(CUT)
    session = AgentSession(channel, "shop/web")

    with pytest.raises(ProbeError, match="cut in the middle"):
        session.hello(SOON_S)
    session.close()


def test_arrivals_are_a_page_of_the_log(agent: Start) -> None:
    """The next page starts where the agent says."""
    session, channel = agent(
        lambda request: [{"id": request["id"], "arrivals": [[7, "n-1", "80/TCP", "192.0.2.1 1"]], "next": 8}]
    )
    page = session.arrivals(7, SOON_S)

    assert (page.nonces, page.next, channel.requests[0]["since"]) == (("n-1",), 8, 7)


def test_a_log_that_does_not_come_is_an_error(agent: Start) -> None:
    """Unknown is not "did not arrive"."""
    session, _ = agent()

    with pytest.raises(ProbeError, match="no log from the agent"):
        session.arrivals(0, 0.0)


def _let_through(session: AgentSession, channel: ScriptedChannel) -> None:
    """Return once the session has taken in every line sent so far, by asking something behind them."""
    channel.script = lambda request: [{"id": request["id"], "arrivals": [], "next": 0}]
    session.arrivals(0, SOON_S)
