"""Flows in, outcomes out: one batch a source pod, all sources at once.

Knows how a destination is reached and who may answer there; not what is expected of it.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness.errors import ProbeError
from harness.model.flow import Endpoint, Flow
from harness.model.result import Outcome
from harness.probing.classify import classify
from harness.probing.session import AgentSession, Batch
from harness.probing.wire import ProbeReply, ProbeRequest

# What a batch may take beyond its longest probe, before its agent counts as lost: starting the probes,
# about 0.1 ms each, on a machine that has better things to do.
BATCH_GRACE_S = 4.0
# nc and curl are processes, a dozen at a time in each pod, of 5 to 50 ms of CPU time each, and up to three rounds
# are under way at once.
TOOL_COST_S = 0.3


@dataclass(frozen=True, slots=True)
class Target:
    """Where the destination of a flow is.

    `names` are those of the agents that may answer there, as they call themselves (a Service has one for each
    backend); `alive_by` are the self-probes that show these alive.
    """

    address: str
    port: int
    names: frozenset[str]
    alive_by: tuple[Flow, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeOutcome:
    """What one probe came to. `lasting`: the source's agent is gone, and asking again is in vain."""

    outcome: Outcome
    detail: str
    nonce: str
    answered_by: str | None = None
    elapsed_s: float | None = None
    request: ProbeRequest | None = None
    reply: ProbeReply | None = None
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    session: AgentSession
    batch: Batch
    requests: Mapping[Flow, ProbeRequest]


class RoundHandle:
    """A round under way."""

    def __init__(
        self, flows: Iterable[Flow], asked: Iterable[_Asked], targets: Mapping[Flow, Target], longest_s: float
    ) -> None:
        self._flows = tuple(flows)
        self._asked = tuple(asked)
        self._targets = targets
        self.longest_s = longest_s

    def is_done(self) -> bool:
        """Whether every agent has answered, or has had its time."""
        return all(asked.batch.is_done() for asked in self._asked)

    def result(self, timeout_s: float | None = None) -> dict[Flow, ProbeOutcome]:
        """Wait until the round is over, at most `timeout_s`, and return an outcome for every flow of it."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        outcomes: dict[Flow, ProbeOutcome] = {}
        for asked in self._asked:
            replies = asked.batch.result(None if until is None else max(0.0, until - time.monotonic()))
            if asked.batch.is_overdue:
                asked.session.give_up("the agent did not end its batch before the deadline")
            for flow, request in asked.requests.items():
                outcomes[flow] = self._outcome(flow, asked.session, request, replies[request.key])
        return {flow: outcomes.get(flow) or _no_agent(flow) for flow in self._flows}

    def _outcome(self, flow: Flow, session: AgentSession, request: ProbeRequest, reply: ProbeReply) -> ProbeOutcome:
        names = self._targets[flow].names
        outcome, detail = classify(reply, names, protocol=request.protocol, engine=request.engine)
        return ProbeOutcome(
            outcome=outcome,
            detail=detail,
            nonce=request.nonce,
            answered_by=reply.answered_by,
            elapsed_s=reply.elapsed_s,
            request=request,
            reply=reply,
            lasting=outcome is Outcome.FAULT and session.ended is not None,
        )


class Prober:
    """Asks the agents at `sessions`; `engine` says with which program they probe."""

    def __init__(self, sessions: Mapping[Endpoint, AgentSession], engine: str = "socket") -> None:
        self._sessions = sessions
        self._engine = engine
        self._prefix = secrets.token_hex(4)
        self._serial = itertools.count(1)
        self._lock = threading.Lock()
        self._names: dict[str, AgentSession] = {}
        self._named: set[AgentSession] = set()
        self._next: dict[AgentSession, int] = {}
        self._arrived: dict[AgentSession, set[str]] = defaultdict(set)
        self._lossy: set[AgentSession] = set()

    def round(
        self,
        targets: Mapping[Flow, Target],
        timeout_s: Callable[[Flow], float],
        on_done: Callable[[], None] | None = None,
    ) -> RoundHandle:
        """Start one probe for each flow and return at once; `on_done` is called as each source finishes."""
        by_source: dict[Endpoint, dict[Flow, ProbeRequest]] = defaultdict(dict)
        for flow, target in targets.items():
            by_source[flow.source][flow] = self._request(flow, target, timeout_s(flow))
        asked = []
        longest_s = 0.0
        for source, requests in by_source.items():
            session = self._sessions.get(source)
            if session is None:
                continue
            deadline_s = self._deadline(requests.values())
            longest_s = max(longest_s, deadline_s)
            asked.append(_Asked(session, session.probe(tuple(requests.values()), deadline_s, on_done), requests))
        return RoundHandle(targets, asked, targets, longest_s)

    def arrived(
        self, nonces: Mapping[Flow, str], targets: Mapping[Flow, Target], deadline_s: float
    ) -> dict[Flow, bool | None]:
        """Tell for each flow whether an agent that may answer it has logged its nonce.

        None where it was not seen and some log could not be read whole. Reads each log once.
        """
        until = time.monotonic() + deadline_s
        wanted = {name for flow in nonces for name in targets[flow].names}
        self._learn_names()
        sessions = list(dict.fromkeys(self._names[name] for name in sorted(wanted) if name in self._names))
        # All at once: an agent that does not answer must not use up the time of the others.
        with ThreadPoolExecutor(max_workers=min(32, len(sessions) or 1)) as pool:
            whole = dict(zip(sessions, pool.map(lambda session: self._read_log(session, until), sessions), strict=True))
        return {flow: self._has_arrived(nonce, targets[flow].names, whole) for flow, nonce in nonces.items()}

    def _has_arrived(self, nonce: str, names: frozenset[str], whole: Mapping[AgentSession, bool]) -> bool | None:
        sessions = [self._names.get(name) for name in names]
        if any(session is not None and nonce in self._arrived[session] for session in sessions):
            return True
        return False if sessions and all(session is not None and whole[session] for session in sessions) else None

    def _read_log(self, session: AgentSession, until: float) -> bool:
        """Read what is new in a log; return whether all that it ever held is known."""
        try:
            more = True
            while more:
                page = session.arrivals(self._next.get(session, 0), max(0.0, until - time.monotonic()))
                self._next[session] = page.next
                self._arrived[session].update(page.nonces)
                if page.lost:
                    self._lossy.add(session)
                more = page.more
        except ProbeError:
            return False
        return session not in self._lossy

    def _learn_names(self) -> None:
        """Match names with sessions by the agents' own greetings, which were the first thing they sent."""
        with self._lock:
            for session in self._sessions.values():
                if session not in self._named:
                    with contextlib.suppress(ProbeError):
                        self._names[session.hello(0.0).name] = session
                        self._named.add(session)

    def _request(self, flow: Flow, target: Target, timeout_s: float) -> ProbeRequest:
        serial = next(self._serial)
        # Only nc speaks UDP, and no program of ours but the agent itself speaks SCTP everywhere.
        engine = "nc" if self._engine == "curl" and flow.protocol != "TCP" else self._engine
        return ProbeRequest(
            key=str(serial),
            engine=engine,
            protocol=str(flow.protocol),
            address=target.address,
            port=target.port,
            nonce=f"{self._prefix}-{serial}",
            timeout_s=round(timeout_s, 3),
        )

    def _deadline(self, requests: Iterable[ProbeRequest]) -> float:
        waits = [request.timeout_s for request in requests]
        deadline_s = max(waits, default=0.0) + BATCH_GRACE_S
        return deadline_s if self._engine == "socket" else deadline_s + TOOL_COST_S * len(waits)


def _no_agent(flow: Flow) -> ProbeOutcome:
    return ProbeOutcome(Outcome.FAULT, f"there is no agent in {flow.source}", nonce="", lasting=True)
