"""Verdicts in the light of a CNI's profile: KNOWN is exactly what is listed, and what is gone is a finding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge import Baseline, judge
from harness.model.foretold import Foretold
from harness.model.result import CLOSED, Decision, Observation, Outcome, Prediction, Verdict
from harness.model.scenario import Declaration, Expected
from tests import builders as build

OPEN_BEFORE = Baseline(Outcome.OPEN)
CLOSED_WITH_PROOF = build.observation(outcome=Outcome.NO_ANSWER)
LISTED = "endport-ignored: only the first port counts, since it is not implemented (https://example.org/1; <1.16)"


def foretold(decision: Decision, *, certain: bool = True) -> Foretold:
    """Build what a profile of some CNI says of a flow."""
    return Foretold(decision, certain, "acme 1.2.3", LISTED)


def declared(expected: Expected, *, predicted: bool = False) -> Declaration:
    """Declare one cell."""
    return Declaration(expected, build.location(), "of no interest", predicted)


def test_a_leak_that_the_profile_lists_is_known() -> None:
    """Declared deny, seen open, and listed as open: KNOWN, with the profile's reason and link."""
    judgement = judge(declared(Expected.DENY), build.observation(), OPEN_BEFORE, None, foretold(Decision.ALLOW))

    assert judgement.verdict is Verdict.KNOWN
    assert "the profile of acme 1.2.3 lists this" in judgement.why
    assert LISTED in judgement.why


def test_an_outage_that_the_profile_lists_is_known() -> None:
    """Declared allow, seen closed, and listed as closed: KNOWN, and nobody is blamed."""
    blamed = Prediction(Decision.ALLOW)
    judgement = judge(declared(Expected.ALLOW), CLOSED_WITH_PROOF, OPEN_BEFORE, blamed, foretold(Decision.DENY))

    assert judgement.verdict is Verdict.KNOWN
    assert "does not obey" not in judgement.why


@pytest.mark.parametrize(
    ("expected", "seen", "listed", "verdict"),
    [
        (Expected.DENY, CLOSED_WITH_PROOF, Decision.ALLOW, Verdict.OUTAGE),
        (Expected.ALLOW, build.observation(), Decision.DENY, Verdict.LEAK),
    ],
)
def test_a_deviation_that_is_gone_is_a_finding(
    expected: Expected, seen: Observation, listed: Decision, verdict: Verdict
) -> None:
    """What matches against a certain entry contradicts the profile, which has to be mended."""
    judgement = judge(declared(expected), seen, OPEN_BEFORE, None, foretold(listed))

    assert judgement.verdict is verdict
    assert "no longer happens here" in judgement.why
    assert judgement.why.endswith("remove it there, or bound its versions")


def test_a_deviation_of_some_times_may_be_absent() -> None:
    """What depends on a setting or on timing proves nothing by not happening."""
    sometimes = foretold(Decision.ALLOW, certain=False)

    assert judge(declared(Expected.DENY), CLOSED_WITH_PROOF, OPEN_BEFORE, None, sometimes).verdict is Verdict.MATCH
    assert judge(declared(Expected.DENY), build.observation(), OPEN_BEFORE, None, sometimes).verdict is Verdict.KNOWN


@pytest.mark.parametrize("listed", [Decision.ALLOW, Decision.DENY])
def test_a_request_that_arrives_without_an_answer_is_never_known(listed: Decision) -> None:
    """A profile lists flows as open or closed; a lost reply is neither."""
    lost = replace(CLOSED_WITH_PROOF, arrived=True)
    verdicts = {
        judge(declared(expected), lost, OPEN_BEFORE, None, foretold(listed)).verdict
        for expected in (Expected.DENY, Expected.ALLOW)
    }

    assert verdicts == {Verdict.LEAK, Verdict.OUTAGE}


def test_the_wrong_way_to_say_no_is_never_known() -> None:
    """A profile that lists a flow as open or closed says nothing of how it is closed."""
    refused = replace(CLOSED_WITH_PROOF, outcome=Outcome.REFUSED)
    verdicts = {
        judge(declared(expected), seen, OPEN_BEFORE, None, foretold(listed, certain=False)).verdict
        for expected, seen in ((Expected.DROP, refused), (Expected.REJECT, CLOSED_WITH_PROOF))
        for listed in (Decision.ALLOW, Decision.DENY)
    }

    assert verdicts == {Verdict.LEAK, Verdict.OUTAGE}


def test_a_known_cell_of_expect_predicted_says_so() -> None:
    """A copied expectation stays marked as such, also where it is known to differ."""
    copied = declared(Expected.DENY, predicted=True)
    judgement = judge(copied, build.observation(), OPEN_BEFORE, None, foretold(Decision.ALLOW))

    assert judgement.verdict is Verdict.KNOWN
    assert judgement.why.startswith("expect: predicted: ")


OBSERVATIONS = st.none() | st.builds(
    Observation,
    outcome=st.sampled_from(Outcome),
    arrived=st.sampled_from([True, False, None]),
    alive=st.sampled_from([True, False, None]),
    settled=st.booleans(),
)
BASELINES = st.none() | st.builds(Baseline, st.sampled_from(Outcome))
FORETOLD = st.builds(foretold, st.sampled_from([Decision.ALLOW, Decision.DENY]), certain=st.booleans())


@given(st.sampled_from(Expected), OBSERVATIONS, BASELINES, FORETOLD)
def test_a_profile_never_makes_a_verdict_of_what_has_no_proof(
    expected: Expected, seen: Observation | None, baseline: Baseline | None, told: Foretold
) -> None:
    """INCONCLUSIVE and IGNORED stay what they are, word for word, and nothing becomes either."""
    plain = judge(declared(expected), seen, baseline)
    weighed = judge(declared(expected), seen, baseline, None, told)
    unproved = (Verdict.INCONCLUSIVE, Verdict.IGNORED)

    assert (plain.verdict in unproved) is (weighed.verdict in unproved)
    assert plain.verdict not in unproved or weighed == plain


@given(st.sampled_from(Expected), OBSERVATIONS, BASELINES, FORETOLD)
def test_known_is_exactly_what_is_listed(
    expected: Expected, seen: Observation | None, baseline: Baseline | None, told: Foretold
) -> None:
    """KNOWN takes a difference, and an observation that is the listed one."""
    verdict = judge(declared(expected), seen, baseline, None, told).verdict
    differs = judge(declared(expected), seen, baseline).verdict in (Verdict.LEAK, Verdict.OUTAGE)
    is_open = seen is not None and seen.outcome is Outcome.OPEN
    is_closed = seen is not None and seen.outcome in CLOSED and not seen.arrived

    assert verdict is not Verdict.KNOWN or (
        differs and (is_open if told.decision is Decision.ALLOW else is_closed and expected is Expected.ALLOW)
    )


@given(st.sampled_from(Expected), OBSERVATIONS, BASELINES, FORETOLD)
def test_an_expectation_that_knows_the_deviation_is_judged_as_any_other(
    expected: Expected, seen: Observation | None, baseline: Baseline | None, told: Foretold
) -> None:
    """An author who declares what the profile lists gets the verdict that he would get without it."""
    agrees = expected.is_deny if told.decision is Decision.DENY else expected is Expected.ALLOW
    weighed = judge(declared(expected), seen, baseline, None, told)

    assert not agrees or weighed == judge(declared(expected), seen, baseline)


@pytest.mark.parametrize("expected", [Expected.DENY, Expected.ALLOW])
def test_what_is_closed_without_any_policy_is_known_where_it_is_listed(expected: Expected) -> None:
    """No baseline can be had, so nothing but the profile accounts for it; the listener is alive all the same."""
    cut = replace(foretold(Decision.DENY), without_policies=True)
    closed_before = Baseline(Outcome.NO_ANSWER)

    assert judge(declared(expected), CLOSED_WITH_PROOF, closed_before, None, cut).verdict is Verdict.KNOWN
    assert judge(declared(expected), CLOSED_WITH_PROOF, closed_before).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("seen", "before"),
    [
        (replace(CLOSED_WITH_PROOF, alive=False), Baseline(Outcome.NO_ANSWER)),
        (replace(CLOSED_WITH_PROOF, alive=None), Baseline(Outcome.NO_ANSWER)),
        (replace(CLOSED_WITH_PROOF, settled=False), Baseline(Outcome.NO_ANSWER)),
        (CLOSED_WITH_PROOF, Baseline(Outcome.FAULT)),
        (CLOSED_WITH_PROOF, None),
    ],
)
def test_without_its_proof_it_stays_inconclusive(seen: Observation, before: Baseline | None) -> None:
    """A dead listener, an unsettled step and a faulty baseline say nothing of a label."""
    cut = replace(foretold(Decision.DENY), without_policies=True)

    assert judge(declared(Expected.DENY), seen, before, None, cut).verdict is Verdict.INCONCLUSIVE


def test_what_no_longer_happens_is_a_finding() -> None:
    """It was open in the baseline, so the profile is out of date; open later, under a policy, says nothing."""
    cut = replace(foretold(Decision.DENY), without_policies=True)
    later = replace(OPEN_BEFORE, when="in an earlier or later step")

    assert judge(declared(Expected.DENY), CLOSED_WITH_PROOF, OPEN_BEFORE, None, cut).verdict is Verdict.LEAK
    assert judge(declared(Expected.DENY), CLOSED_WITH_PROOF, later, None, cut).verdict is Verdict.MATCH
