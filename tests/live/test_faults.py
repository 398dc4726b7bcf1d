"""Mutation as proof: for each way in which a CNI has failed, a scenario that notices; and none cries wolf."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.cluster.local.faults import FAULTS
from harness.cluster.local.provider import LocalProvider
from harness.model.result import RunResult, Verdict
from harness.runner.run import run
from harness.runner.settings import RunSettings
from harness.scenario.load import load

pytestmark = [pytest.mark.netns, pytest.mark.slow]

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LEAK, OUTAGE, INCONCLUSIVE = Verdict.LEAK, Verdict.OUTAGE, Verdict.INCONCLUSIVE

# Fault -> the scenario that notices, and as what.
NOTICED: dict[str, tuple[str, Verdict]] = {
    "deletes-forgotten": ("changes/j02-delete-deny", OUTAGE),
    "drops-replies": ("union/g07-reply-only", OUTAGE),
    "empty-namespace-selector-is-own": ("peers/c05-empty-nsselector-peer", OUTAGE),
    "empty-selector-selects-nothing": ("isolation/a02-deny-ingress-ns", LEAK),
    "empty-set-opens": ("peers/c09-nonexistent-ns", LEAK),
    "except-denies-elsewhere": ("ip-blocks/f05-except-is-not-deny-other-policy", OUTAGE),
    "except-spans-rule": ("ip-blocks/f06-except-overlap-same-rule", OUTAGE),
    "first-accept-ends": ("union/g10-egress-bypass-same-node", LEAK),
    "forgets-egress": ("isolation/a03-deny-egress-ns", LEAK),
    "half-applied": ("isolation/a02-deny-ingress-ns", LEAK),
    "host-label-unpoliced": ("names/m01-label-key-host", LEAK),
    "ignores-end-port": ("ports/d08-endport-range", OUTAGE),
    "ignores-except": ("ip-blocks/f04-except-carves", LEAK),
    "ignores-match-expressions": ("selectors/b05-labels-and-expressions", LEAK),
    "ignores-namespace-relabel": ("changes/j09-ns-label-joins", OUTAGE),
    "ignores-pod-relabel": ("changes/j07-pod-label-joins-peer", OUTAGE),
    "ingress-blocks-egress": ("isolation/a02-deny-ingress-ns", OUTAGE),
    "ingress-satisfies-egress": ("union/g04-same-subjects-both-ends-ingress-leak", LEAK),
    "ipv6-unpoliced": ("ipv6/l12-v6-matrix", LEAK),
    "isolates-only-one": ("isolation/a02-deny-ingress-ns", LEAK),
    "keyed-by-name-only": ("names/m07-same-policy-name-two-ns", LEAK),
    "last-policy-wins": ("union/g01-two-policies-union", OUTAGE),
    "late-out-of-order": ("isolation/a02-deny-ingress-ns", LEAK),
    "long-names-unenforced": ("names/m06-max-length-names", LEAK),
    "name-collision": ("names/m04-name-concat-collision", LEAK),
    "named-port-ignored": ("named-ports/e01-named-ingress", OUTAGE),
    "named-port-on-source": ("named-ports/e03-source-has-same-name-other-number", LEAK),
    "named-port-opens-all": ("named-ports/e01-named-ingress", LEAK),
    "notin-needs-key": ("selectors/b01-notin-missing-key", OUTAGE),
    "ors-selectors": ("peers/c01-and-peer", LEAK),
    "pod-selector-in-all-namespaces": ("peers/c03-podselector-own-ns-only", LEAK),
    "ports-beyond-fifteen-dropped": ("ports/d14-many-ports", OUTAGE),
    "protocol-ignored": ("ports/d02-default-protocol", LEAK),
    "protocol-only-unenforced": ("ports/d04-protocol-only-udp", LEAK),
    "rejects": ("isolation/denied-in-silence", LEAK),
    "resets": ("isolation/denied-in-silence", LEAK),
    "rules-cross-product": ("union/g03-two-rules-not-merged", LEAK),
    "sctp-as-tcp": ("ports/d15-sctp-only", LEAK),
    "service-port-not-target": ("services/i01-clusterip-targetport", OUTAGE),
    "stale-pod-address": ("changes/j12-pod-recreate-same-name", OUTAGE),
    "udp-unpoliced": ("ports/d17-udp-only-policy", LEAK),
    "unresolved-name-opens-all": ("named-ports/e06-unresolved-name-must-not-open", LEAK),
    "update-gap": ("changes/j31-selector-widen-narrow", LEAK),
    "workload-labels-hidden": ("selectors/b18-statefulset-pod-name", LEAK),
}
# Right in the end, but not by the deadline given here, in seconds: without it they show as time, not as a verdict.
TOO_LATE = {
    "flapping": ("isolation/a02-deny-ingress-ns", 3.0),
    "late": ("isolation/a02-deny-ingress-ns", 1.0),
}
# From the step on that names what breaks it, the cluster takes no policy in: whatever it shows is old.
STUCK = {"ipv6-block-stops-sync": "ip-blocks/f22-slash32-and-31"}
# Right in the end, and told of beside the verdicts.
OPEN_AT_START = {"pod-start-leak": "changes/j27-policy-before-namespace-pods"}
# The canary itself notices: such a cluster proves nothing at all.
STOPPED = ("forgets-ingress", "no-enforcement")
# Permitted by the API, whatever most CNIs do: calling it wrong would be the harness's own fault.
PERMITTED = {"ipblock-skips-pods": "ip-blocks/f11-any-v4"}


def play(names: list[str], *, fault: str | None = None, deadline_s: float | None = None) -> RunResult:
    """Run scenarios on a local cluster with a fault."""
    settings = RunSettings("faults", parallel=3, deadline_s=deadline_s)
    scenarios = [load(SCENARIOS / f"{name}.scenario.yaml") for name in names]
    return run(scenarios, LocalProvider(fault, run="faults"), settings, lambda _: None)


def verdicts(result: RunResult) -> Counter[Verdict]:
    """Count all verdicts of a run."""
    return Counter(
        item.judgement.verdict
        for scenario in result.scenarios
        for step in scenario.steps
        for item in step.flows
        if item.judgement
    )


def test_every_fault_has_its_proof() -> None:
    """A fault that no test looks for would be a fault that nobody catches."""
    known = {*NOTICED, *TOO_LATE, *STUCK, *OPEN_AT_START, *STOPPED, *PERMITTED}

    assert known == set(FAULTS)
    assert len(NOTICED) >= 16


def test_a_fault_free_run_has_no_finding() -> None:
    """The scenarios that catch the faults are all green without one."""
    names = sorted({name for name, _ in (*NOTICED.values(), *TOO_LATE.values())} | set(PERMITTED.values()))
    found = verdicts(play(names))

    assert {verdict for verdict in found if verdict not in (Verdict.MATCH, Verdict.IGNORED)} == set()
    assert found[Verdict.MATCH] > 500


@pytest.mark.parametrize("fault", sorted(NOTICED))
def test_a_scenario_notices_the_fault(fault: str) -> None:
    """Each real bug class turns its scenario LEAK or OUTAGE."""
    name, expected = NOTICED[fault]

    assert verdicts(play([name], fault=fault))[expected] > 0


@pytest.mark.parametrize("fault", sorted(TOO_LATE))
def test_a_cluster_that_does_not_settle_in_time_is_inconclusive(fault: str) -> None:
    """Neither a pass nor a failure: the answers kept changing, or the barrier was never seen."""
    name, deadline_s = TOO_LATE[fault]
    found = verdicts(play([name], fault=fault, deadline_s=deadline_s))

    assert found[INCONCLUSIVE] > 0
    assert found[OUTAGE] == 0
    # A UDP probe sends its datagram three times, and between two flaps one always finds the door open.
    assert found[LEAK] == 0 or fault == "flapping"


@pytest.mark.parametrize("fault", sorted(STUCK))
def test_a_cluster_that_takes_no_policy_in_any_more_is_inconclusive(fault: str) -> None:
    """The old policies' effect is neither a pass nor a failure of the new ones; the sentinel says why."""
    result = play([STUCK[fault]], fault=fault, deadline_s=3.0)
    reasons = {item.judgement.why for step in result.scenarios[0].steps for item in step.flows if item.judgement}

    assert set(verdicts(result)) == {INCONCLUSIVE, Verdict.IGNORED}
    assert any("the sentinel policy of this step was never seen in force" in reason for reason in reasons)


@pytest.mark.parametrize("fault", sorted(OPEN_AT_START))
def test_pods_that_start_open_are_told_of(fault: str) -> None:
    """The canary has shown how long new pods are open here, so the end of that is waited for."""
    result = play([OPEN_AT_START[fault]], fault=fault)

    assert set(verdicts(result)) == {Verdict.MATCH, Verdict.IGNORED}
    assert [bool(step.start_leaks) for step in result.scenarios[0].steps] == [False, True, False]


def test_a_late_cluster_is_waited_for_and_its_lateness_told() -> None:
    """Policies that come 2.5 s late are no finding where there is time to wait, but the report says so."""
    result = play(["isolation/a02-deny-ingress-ns"], fault="late")
    (step,) = result.scenarios[0].steps

    assert set(verdicts(result)) == {Verdict.MATCH, Verdict.IGNORED}
    assert step.barrier_s is not None
    assert step.barrier_s > 2.0
    assert step.first_correct_s is not None
    assert step.first_correct_s > 2.0


@pytest.mark.parametrize("fault", STOPPED)
def test_a_cluster_that_does_not_enforce_stops_the_run(fault: str) -> None:
    """By the canary, in one sentence, and with no list of leaks."""
    result = play(["isolation/a02-deny-ingress-ns", "peers/c01-and-peer"], fault=fault)

    assert "does not enforce NetworkPolicies" in (result.error or "")
    assert result.scenarios == ()


@pytest.mark.parametrize("fault", sorted(PERMITTED))
def test_what_the_api_permits_is_no_finding(fault: str) -> None:
    """Where the semantics are open the scenario ignores the flows, with its reason."""
    found = verdicts(play([PERMITTED[fault]], fault=fault))

    assert set(found) == {Verdict.MATCH, Verdict.IGNORED}
