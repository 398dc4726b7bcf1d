"""Verdicts: an allow and a deny both need proof, and whatever lacks it is inconclusive."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SourceLocation
from harness.judge import Baseline, first_correct, judge
from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.result import Decision, Observation, Outcome, Prediction, Verdict
from harness.model.scenario import Declaration, Expected

PLACE = SourceLocation("shop.scenario.yaml", 27, 5)
OPEN_BEFORE = Baseline(Outcome.OPEN)
CLOSED_WITH_PROOF = Observation(Outcome.NO_ANSWER, arrived=False, alive=True)


def declared(expected: Expected, because: str | None = None) -> Declaration:
    """Declare one cell."""
    return Declaration(expected, PLACE, because)


def flow(port: int = 80) -> Flow:
    """Name one flow."""
    return Flow(Endpoint("x/b"), Endpoint("x/a"), port, L4Protocol.TCP, Via.POD, Family.IPV4)


def test_an_allow_matches_when_the_nonce_comes_back() -> None:
    """Allow needs proof: the reply carries the nonce and the name of the pod that answered."""
    seen = Observation(Outcome.OPEN, answered_by="x/a", alive=True)

    assert judge(declared(Expected.ALLOW), seen, None).verdict is Verdict.MATCH


def test_a_deny_matches_only_with_all_its_proofs() -> None:
    """Deny needs the baseline, silence, an empty log and a living destination."""
    judgement = judge(declared(Expected.DENY), CLOSED_WITH_PROOF, OPEN_BEFORE)

    assert judgement.verdict is Verdict.MATCH


@pytest.mark.parametrize(
    ("baseline", "change", "reason"),
    [
        (None, {}, "no baseline"),
        (Baseline(Outcome.NO_ANSWER), {}, "not open in the baseline either"),
        (OPEN_BEFORE, {"alive": False}, "listener is dead"),
        (OPEN_BEFORE, {"alive": None}, "could not be asked"),
        (OPEN_BEFORE, {"arrived": None}, "log of received nonces could not be read"),
        (OPEN_BEFORE, {"settled": False}, "never settled"),
        (OPEN_BEFORE, {"outcome": Outcome.FAULT, "detail": "the channel was cut"}, "the channel was cut"),
        (OPEN_BEFORE, {"outcome": Outcome.DNS_FAILURE}, "probe fault"),
        (OPEN_BEFORE, {"outcome": Outcome.WRONG_ANSWER}, "something else answered"),
        (OPEN_BEFORE, {"outcome": Outcome.NO_DATA}, "nothing came over it"),
    ],
)
def test_a_deny_without_one_of_its_proofs_is_inconclusive(
    baseline: Baseline | None, change: dict[str, object], reason: str
) -> None:
    """Silence alone is not evidence: each missing proof is named."""
    judgement = judge(declared(Expected.DENY), replace(CLOSED_WITH_PROOF, **change), baseline)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert reason in judgement.why


def test_a_declared_deny_that_is_open_leaks_even_without_a_baseline() -> None:
    """An answer proves itself."""
    seen = Observation(Outcome.OPEN, answered_by="x/a")

    assert judge(declared(Expected.DENY), seen, None).verdict is Verdict.LEAK


def test_a_request_that_arrived_leaks_though_the_client_saw_nothing() -> None:
    """The destination's own log holds the nonce: the policy let the request in."""
    seen = replace(CLOSED_WITH_PROOF, arrived=True)

    assert judge(declared(Expected.DENY), seen, OPEN_BEFORE).verdict is Verdict.LEAK


def test_a_declared_allow_that_is_closed_is_an_outage_only_with_controls() -> None:
    """An outage needs the same controls as a deny: open before, and a living destination."""
    proved = judge(declared(Expected.ALLOW), CLOSED_WITH_PROOF, OPEN_BEFORE)
    unproved = judge(declared(Expected.ALLOW), CLOSED_WITH_PROOF, None)

    assert (proved.verdict, unproved.verdict) == (Verdict.OUTAGE, Verdict.INCONCLUSIVE)


def test_strict_forms_tell_silence_from_an_answer() -> None:
    """`drop` wants silence and `reject` an answer that says no; plain `deny` takes both."""
    refused = replace(CLOSED_WITH_PROOF, outcome=Outcome.REFUSED)
    verdicts = {
        (expected, seen.outcome): judge(declared(expected), seen, OPEN_BEFORE).verdict
        for expected in (Expected.DENY, Expected.DROP, Expected.REJECT)
        for seen in (CLOSED_WITH_PROOF, refused)
    }

    assert verdicts == {
        (Expected.DENY, Outcome.NO_ANSWER): Verdict.MATCH,
        (Expected.DENY, Outcome.REFUSED): Verdict.MATCH,
        (Expected.DROP, Outcome.NO_ANSWER): Verdict.MATCH,
        (Expected.DROP, Outcome.REFUSED): Verdict.LEAK,
        (Expected.REJECT, Outcome.NO_ANSWER): Verdict.OUTAGE,
        (Expected.REJECT, Outcome.REFUSED): Verdict.MATCH,
    }


def test_an_ignored_flow_is_never_judged() -> None:
    """IGNORED carries the author's reason, whatever was seen."""
    judgement = judge(declared(Expected.IGNORE, "hairpin"), Observation(Outcome.OPEN), None)

    assert (judgement.verdict, judgement.why) == (Verdict.IGNORED, "hairpin")


@pytest.mark.parametrize(
    ("predicted", "blamed"),
    [
        (Prediction(Decision.ALLOW), "the cluster obeys"),
        (Prediction(Decision.DENY), "the cluster does not obey"),
        (Prediction(Decision.UNSPECIFIED, "hairpin"), "leave it open (hairpin)"),
    ],
)
def test_a_leak_says_who_is_to_blame(predicted: Prediction, blamed: str) -> None:
    """Whether the policies or the cluster let it through is what a person asks first."""
    judgement = judge(declared(Expected.DENY), Observation(Outcome.OPEN, answered_by="x/a"), None, predicted)

    assert judgement.verdict is Verdict.LEAK
    assert blamed in judgement.why


def test_a_predicted_expectation_is_marked_in_its_reason() -> None:
    """`expect: predicted` tests the CNI and not an author's intent, and no report may hide it."""
    copied = Declaration(Expected.ALLOW, PLACE, predicted=True)

    assert judge(copied, Observation(Outcome.OPEN), None).why.startswith("expect: predicted: ")


OBSERVATIONS = st.builds(
    Observation,
    outcome=st.sampled_from(Outcome),
    arrived=st.sampled_from([True, False, None]),
    alive=st.sampled_from([True, False, None]),
    settled=st.booleans(),
)
BASELINES = st.none() | st.builds(Baseline, st.sampled_from(Outcome))


@given(st.sampled_from([item for item in Expected if item.is_deny]), OBSERVATIONS, BASELINES)
def test_no_deny_ever_matches_without_its_baseline(
    expected: Expected, seen: Observation, baseline: Baseline | None
) -> None:
    """Invariant: a deny is never believed unless the flow was open without the policy, in this run."""
    matched = judge(declared(expected), seen, baseline).verdict is Verdict.MATCH

    assert not matched or (baseline == OPEN_BEFORE and seen.arrived is False and seen.alive is True and seen.settled)


@given(st.sampled_from(Expected), OBSERVATIONS, BASELINES)
def test_a_fault_of_the_probe_is_never_a_verdict(
    expected: Expected, seen: Observation, baseline: Baseline | None
) -> None:
    """A fault of the harness, the network or the API is INCONCLUSIVE, or IGNORED by the author."""
    verdict = judge(declared(expected), replace(seen, outcome=Outcome.FAULT), baseline).verdict

    assert verdict in (Verdict.INCONCLUSIVE, Verdict.IGNORED)


def test_first_correct_is_found_in_rounds_that_cover_some_flows_only() -> None:
    """A flow that a round leaves out counts as last seen."""
    wanted = {flow(80): declared(Expected.ALLOW), flow(81): declared(Expected.DENY)}
    history = [
        (0.1, {flow(80): Outcome.OPEN, flow(81): Outcome.OPEN}),
        (0.2, {flow(81): Outcome.NO_ANSWER}),
        (0.3, {flow(80): Outcome.OPEN, flow(81): Outcome.NO_ANSWER}),
    ]

    assert first_correct(history, wanted) == 0.2
    assert first_correct(history[:1], wanted) is None
