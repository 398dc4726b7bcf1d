"""What a run came to, as a script reads it."""

from __future__ import annotations

from harness.errors import ExitCode
from harness.model.result import RunResult, Verdict


def exit_code(result: RunResult) -> ExitCode:
    """Return the worst of what a run found (design section 7)."""
    verdicts = {
        flow.judgement.verdict
        for scenario in result.scenarios
        for step in scenario.steps
        for flow in step.flows
        if flow.judgement
    }
    if result.interrupted:
        return ExitCode.INTERRUPTED
    if result.error is not None:
        return ExitCode.INCONCLUSIVE
    if verdicts & {Verdict.LEAK, Verdict.OUTAGE}:
        return ExitCode.MISMATCH
    if Verdict.INCONCLUSIVE in verdicts or any(scenario.error for scenario in result.scenarios):
        return ExitCode.INCONCLUSIVE
    if result.shard and not result.scenarios:
        return ExitCode.MATCH  # more machines than topologies: the others have the scenarios
    # A run that judged nothing is no evidence of anything.
    return ExitCode.MATCH if verdicts - {Verdict.IGNORED} else ExitCode.INCONCLUSIVE
