"""A run in which every text that is not ours tries to break out of a report."""

from __future__ import annotations

from harness.errors import SourceLocation
from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.result import (
    ClusterFacts,
    Decision,
    FlowResult,
    Judgement,
    Observation,
    Outcome,
    Prediction,
    RunResult,
    ScenarioResult,
    StepResult,
    Verdict,
)
from harness.model.scenario import Declaration, Expected

TEXTS = (
    "</details><script>alert(1)</script>",
    "`</code><img src=x onerror=alert(1)>`",
    "``` \n# a heading of mine\n```",
    "@everyone and #1 and GH-2",
    "[a link](https://example.org) https://example.org",
    "a | b | c \\| d \\",
    "\n::error file=a::mine\n##[error]mine",
    "\x1b[31m\x07\u202e\ud800\ufffe",
    "&lt;b&gt; <!-- <b>",
    "]]></failure>",
)


def run(text: str) -> RunResult:
    """Build a run of each verdict, of two steps and a death, with `text` wherever one can be."""
    at = SourceLocation(f"{text}.scenario.yaml", 3, 5)
    results = tuple(
        FlowResult(
            Flow(Endpoint(f"{text}/{verdict}"), Endpoint(f"shop/{text}"), 80, L4Protocol.TCP, Via.POD, Family.IPV4),
            Declaration(Expected.DENY, at, text),
            Prediction(Decision.UNSPECIFIED, text),
            Observation(Outcome.NO_ANSWER, text, answered_by=text, also_open_from=Endpoint(text)),
            Outcome.OPEN,
            Judgement(verdict, f"seen: {text}"),
            None,
            f"nc {text}",
        )
        for verdict in Verdict
    )
    times = {"settled": False, "barrier_s": 0.1, "first_correct_s": 0.2, "settle_s": 0.3, "rounds": 3, "flaps": 1}
    steps = tuple(
        StepResult(f"{number} {text}", results, at, **times, duration_s=1.0, diagnostics=text)  # type: ignore[arg-type]
        for number in range(2)
    )
    scenarios = (
        ScenarioResult(text, at.file, text, (text,), steps, None, 1.0),
        ScenarioResult(f"dead {text}", at.file, text, (), (), text),
    )
    cluster = ClusterFacts(text, emulated=True, cni=text, cni_version=text, kubernetes=text, notes=(text,))
    return RunResult(text, text, 1.0, cluster, scenarios, error=text, commit=text)
