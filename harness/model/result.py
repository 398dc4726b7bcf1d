"""What was predicted, what was seen, and what was made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from harness.errors import SourceLocation
from harness.model.flow import Endpoint, Family, Flow
from harness.model.policy import Direction
from harness.model.scenario import Declaration


class Decision(StrEnum):
    """What the published semantics say of a flow."""

    ALLOW = "allow"
    DENY = "deny"
    UNSPECIFIED = "unspecified"


@dataclass(frozen=True, slots=True)
class Prediction:
    """A decision; `reason` is a code such as `hairpin`, and set only where unspecified."""

    decision: Decision
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.decision}({self.reason})" if self.reason else str(self.decision)


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """How one isolating policy sees a flow.

    `rule` and `peer` are the indexes of the first that match (peer None: the rule takes any peer);
    `rule` None means that no rule matches, and `misses` says for each rule why not.
    """

    policy: str
    location: SourceLocation | None
    rule: int | None
    peer: int | None
    decision: Decision
    reason: str | None = None
    misses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SideExplanation:
    """One direction of one flow: which policies isolate its pod, and what each makes of it."""

    direction: Direction
    pod: Endpoint
    prediction: Prediction
    why: str
    policies: tuple[PolicyVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a flow is predicted so; for a Service, one pair of sides for each backend, in order."""

    flow: Flow
    prediction: Prediction
    why: str
    sides: tuple[SideExplanation, ...] = ()


class Outcome(StrEnum):
    """What the client of one probe saw. Only `open` proves anything by itself.

    `no-data`: the connection was made, and no answer came over it. `wrong-answer`: an answer that
    lacks the nonce or comes from another pod. `fault`: the probe itself failed.
    """

    OPEN = "open"
    NO_ANSWER = "no-answer"
    NO_DATA = "no-data"
    REFUSED = "refused"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    PROHIBITED = "prohibited"
    DNS_FAILURE = "dns-failure"
    WRONG_ANSWER = "wrong-answer"
    FAULT = "fault"


# What a denying data plane may show its client. `no-data` is in neither: a connection was made.
SILENT = frozenset({Outcome.NO_ANSWER})
REJECTED = frozenset({Outcome.REFUSED, Outcome.RESET, Outcome.UNREACHABLE, Outcome.PROHIBITED})
CLOSED = SILENT | REJECTED


@dataclass(frozen=True, slots=True)
class Observation:
    """One flow as seen in one settled matrix.

    `arrived`: whether the destination's own log holds the nonce; None where the log could
    not be read. `alive`: whether the destination answered itself on that port in the same round, None where it was
    not asked. `also_open_from`: another source that was answered there in that round. `request` and `reply` are as
    they crossed the wire.
    """

    outcome: Outcome
    detail: str = ""
    arrived: bool | None = None
    alive: bool | None = None
    also_open_from: Endpoint | None = None
    answered_by: str | None = None
    elapsed_s: float | None = None
    settled: bool = True
    request: Mapping[str, Any] | None = None
    reply: Mapping[str, Any] | None = None


class Verdict(StrEnum):
    """What a comparison came to (design section 2)."""

    MATCH = "MATCH"
    LEAK = "LEAK"
    OUTAGE = "OUTAGE"
    INCONCLUSIVE = "INCONCLUSIVE"
    IGNORED = "IGNORED"
    KNOWN = "KNOWN"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the sentence that justifies it."""

    verdict: Verdict
    why: str


@dataclass(frozen=True, slots=True)
class FlowResult:
    """One judged cell. `observed` is None where the flow was never tried (predictions, dead set-ups).

    `explanation` and `command` are filled for the verdicts that need explaining.
    """

    flow: Flow
    declared: Declaration | None
    predicted: Prediction
    observed: Observation | None = None
    baseline: Outcome | None = None
    judgement: Judgement | None = None
    explanation: Explanation | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step, judged. Times are in seconds from the end of its changes, None where unknown.

    `change_s` is what the changes themselves took, `duration_s` all of it.

    `expected_prediction`: the step said `expect: predicted`. `diagnostics` is the
    cluster's own account, asked for only when something went wrong. `start_leaks` are flows of pods that came with
    this step, seen open before they settled as closed; None where no pod came.
    """

    name: str
    flows: tuple[FlowResult, ...]
    location: SourceLocation
    settled: bool | None = None
    barrier_s: float | None = None
    first_correct_s: float | None = None
    settle_s: float | None = None
    rounds: int | None = None
    flaps: int | None = None
    duration_s: float | None = None
    expected_prediction: bool = False
    diagnostics: str | None = None
    start_leaks: tuple[Flow, ...] | None = None
    change_s: float | None = None


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """A scenario's steps, or the error that kept it from having any more."""

    name: str
    file: str
    about: str
    tags: tuple[str, ...]
    steps: tuple[StepResult, ...]
    error: str | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """Which cluster a run was about."""

    kind: str
    emulated: bool
    cni: str | None = None
    cni_version: str | None = None
    kubernetes: str | None = None
    families: tuple[Family, ...] = ()
    notes: tuple[str, ...] = ()


class Shard(NamedTuple):
    """One of `of` parts of a run that machines play side by side; `number` counts from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True)
class RunResult:
    """A whole run. `started` is an RFC 3339 instant in UTC; `interrupted` runs report what they have.

    `commit` is the revision of the scenarios that were run, where somebody said it. `shard` None: all of them.
    """

    run: str
    started: str
    duration_s: float | None
    cluster: ClusterFacts | None
    scenarios: tuple[ScenarioResult, ...]
    error: str | None = None
    interrupted: bool = False
    commit: str | None = None
    shard: Shard | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened while a run was under way; `kind` is one of the names below.

    `run-started`, `scenario-started`, `step-started`, `phase`, `step-failed`, `step-finished`,
    `scenario-finished`, `note`, `run-finished`.
    """

    kind: str
    scenario: str = ""
    step: str = ""
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
