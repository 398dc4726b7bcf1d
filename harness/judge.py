"""Compare what was declared with what was observed, and say how it is known.

Pure. The rules are those of design section 2: an allow needs the destination's answer; a
deny needs a baseline in which the same flow was open, a client that saw no answer, a log
without the nonce, and a destination that still answers itself. Where a proof is missing
the verdict is INCONCLUSIVE with the reason, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.model.flow import Flow
from harness.model.foretold import Foretold
from harness.model.result import (
    CLOSED,
    REJECTED,
    SILENT,
    Decision,
    Judgement,
    Observation,
    Outcome,
    Prediction,
    Verdict,
)
from harness.model.scenario import Declaration, Expected

IN_THE_BASELINE = "in the baseline"


@dataclass(frozen=True, slots=True)
class Baseline:
    """How a flow was seen without the policies, in this run and at the same addresses.

    `when` completes "open ...": in the baseline, or later, once the policies were gone again.
    """

    outcome: Outcome
    when: str = IN_THE_BASELINE


def judge(
    declared: Declaration,
    observed: Observation | None,
    baseline: Baseline | None,
    predicted: Prediction | None = None,
    foretold: Foretold | None = None,
) -> Judgement:
    """Return the verdict on one flow and the sentence that justifies it.

    `baseline` None means that the flow was never seen without policies; `observed` None
    that it was never tried. `predicted` changes no verdict: it says who is to blame for one. `foretold` is what the
    CNI's profile lists: a difference that is exactly that becomes KNOWN, and one that is gone a finding.
    """
    found = _judge(declared, observed, baseline)
    weighed = found
    if foretold is not None and observed is not None and declared.expected is not Expected.IGNORE:
        if foretold.without_policies:
            weighed = _weighed_without_policies(found, observed, baseline, foretold)
        else:
            weighed = _weighed(found, declared.expected, observed, foretold)
    why = weighed.why
    if weighed is found and predicted is not None and found.verdict in (Verdict.LEAK, Verdict.OUTAGE):
        why = f"{why}; {_blame(declared.expected, predicted)}"
    # Nobody declared this cell: a match is news of the cluster alone, and every report says so.
    return Judgement(weighed.verdict, f"expect: predicted: {why}" if declared.predicted else why)


def _judge(declared: Declaration, observed: Observation | None, baseline: Baseline | None) -> Judgement:
    if declared.expected is Expected.IGNORE:
        return Judgement(Verdict.IGNORED, declared.because or "the scenario ignores this flow")
    if observed is None:
        return _inconclusive("the flow was never tried")
    if observed.outcome in (Outcome.FAULT, Outcome.DNS_FAILURE):
        return _inconclusive(f"probe fault: {observed.detail or observed.outcome}")
    if observed.outcome is Outcome.WRONG_ANSWER:
        return _inconclusive(f"something else answered: {observed.detail or 'the nonce did not come back'}")
    if not observed.settled:
        return _inconclusive(f"never settled: the answers kept changing, last seen {observed.outcome}")
    if declared.expected is Expected.ALLOW:
        return _judge_allow(observed, baseline)
    return _judge_deny(declared.expected, observed, baseline)


def _judge_allow(observed: Observation, baseline: Baseline | None) -> Judgement:
    if observed.outcome is Outcome.OPEN:
        return Judgement(Verdict.MATCH, f"open: {observed.answered_by or 'the destination'} sent the nonce back")
    missing = _missing_control(observed, baseline)
    if missing:
        return _inconclusive(f"{_seen(observed)}, but {missing}")
    if observed.arrived:
        return Judgement(
            Verdict.OUTAGE,
            f"declared allow; the request reached the destination, yet the client saw {observed.outcome}: "
            "the reply is lost",
        )
    return Judgement(
        Verdict.OUTAGE, f"declared allow; {_seen(observed)}, though open {_when(baseline)}{_alive_too(observed)}"
    )


def _judge_deny(expected: Expected, observed: Observation, baseline: Baseline | None) -> Judgement:
    if observed.outcome is Outcome.OPEN:
        answered = observed.answered_by or "the destination"
        return Judgement(Verdict.LEAK, f"declared {expected}; open: {answered} sent the nonce back")
    if observed.arrived:
        # Delivered is delivered: whoever lost the reply, the policy let the request in.
        return Judgement(
            Verdict.LEAK,
            f"declared {expected}; the client saw {observed.outcome}, yet the destination received the nonce",
        )
    if observed.outcome not in CLOSED:
        return _inconclusive(
            f"{_seen(observed)}: a connection was made and nothing came over it, so neither side is proved"
        )
    missing = _missing_control(observed, baseline)
    if missing:
        return _inconclusive(f"{_seen(observed)}, but {missing}")
    if observed.arrived is None:
        return _inconclusive(f"{_seen(observed)}, but the destination's log of received nonces could not be read")
    if expected is Expected.DROP and observed.outcome not in SILENT:
        return Judgement(
            Verdict.LEAK, f"declared drop, which is silent; {_seen(observed)}: the answer tells the client who is there"
        )
    if expected is Expected.REJECT and observed.outcome not in REJECTED:
        return Judgement(Verdict.OUTAGE, "declared reject, which answers; the client saw no answer")
    return Judgement(
        Verdict.MATCH,
        f"{_seen(observed)}, not in the destination's log, open {_when(baseline)}{_alive_too(observed)}",
    )


def _weighed_without_policies(
    found: Judgement, observed: Observation, baseline: Baseline | None, foretold: Foretold
) -> Judgement:
    """Return what a verdict is where the profile lists that its flow is closed whatever the policies say.

    Closed with them and without them, with a listener that is alive, is what it lists, and no policy's doing.
    """
    if baseline is None or not observed.settled:
        return found
    listed = f"the profile of {foretold.profile} lists this, {foretold.listed}"
    if _is_closed(observed) and observed.alive and baseline.outcome in CLOSED:
        return Judgement(Verdict.KNOWN, f"{_seen(observed)}, and none {baseline.when} either; {listed}")
    if baseline == Baseline(Outcome.OPEN) and foretold.certain:
        return Judgement(Verdict.LEAK, f"open {baseline.when}; but {listed}: remove it there, or bound its versions")
    return found


def _weighed(found: Judgement, expected: Expected, observed: Observation, foretold: Foretold) -> Judgement:
    """Return what a verdict is in the light of a profile that lists a deviation for its flow.

    Of the listed behaviour only what both ends show counts: an answer, or a client that saw none and a request that
    did not arrive. A flow whose author expects what the profile lists is judged as any other.
    """
    is_opened = foretold.decision is Decision.ALLOW
    if is_opened is not expected.is_deny:
        return found
    if found.verdict is (Verdict.LEAK if is_opened else Verdict.OUTAGE):
        is_listed = observed.outcome is Outcome.OPEN if is_opened else _is_closed(observed)
        if is_listed:
            return Judgement(
                Verdict.KNOWN, f"{found.why}; the profile of {foretold.profile} lists this, {foretold.listed}"
            )
    if found.verdict is Verdict.MATCH and foretold.certain:
        return Judgement(
            # Against the profile: closed where it says open, or open where it says closed.
            Verdict.OUTAGE if is_opened else Verdict.LEAK,
            f"as declared, {found.why}; but the profile of {foretold.profile} lists a deviation that no longer "
            f"happens here, {foretold.listed}: remove it there, or bound its versions",
        )
    return found


def _is_closed(observed: Observation) -> bool:
    return observed.outcome in CLOSED and not observed.arrived


def _blame(expected: Expected, predicted: Prediction) -> str:
    match predicted.decision:
        case Decision.UNSPECIFIED:
            return f"the published semantics leave it open ({predicted.reason})"
        case Decision.ALLOW if expected.is_deny:
            return "the policies allow it: they are wrong, or the expectation is, and the cluster obeys"
        case Decision.DENY if not expected.is_deny:
            return "the policies deny it: they are wrong, or the expectation is, and the cluster obeys"
        case _:
            return f"the policies {predicted.decision} it: the cluster does not obey them"


def _missing_control(observed: Observation, baseline: Baseline | None) -> str | None:
    """Say which positive control is missing for believing that a flow is closed, or None."""
    if baseline is None:
        return "there is no baseline: the flow was never seen without policies"
    if baseline.outcome is not Outcome.OPEN:
        return f"it was not open {baseline.when} either ({baseline.outcome})"
    if observed.alive is False:
        return "the destination does not answer itself: its listener is dead"
    if observed.alive is None:
        return "the destination could not be asked whether it still answers itself"
    return None


def _when(baseline: Baseline | None) -> str:
    return baseline.when if baseline else "at no time"


def _seen(observed: Observation) -> str:
    text = "the client saw no answer" if observed.outcome is Outcome.NO_ANSWER else f"the client saw {observed.outcome}"
    return f"{text} ({observed.detail})" if observed.detail else text


def _alive_too(observed: Observation) -> str:
    peer = f", and {observed.also_open_from} is answered there" if observed.also_open_from else ""
    return f", and the destination answers itself{peer}"


def _inconclusive(why: str) -> Judgement:
    return Judgement(Verdict.INCONCLUSIVE, why)


def first_correct(
    history: Iterable[tuple[float, Mapping[Flow, Outcome]]], declared: Mapping[Flow, Declaration]
) -> float | None:
    """Return the time of the first round from which on every judged flow was as declared so far seen, or None.

    Looks back over what the observer recorded without knowing what was expected. A round may cover some of the
    flows only; the others count as last seen.
    """
    wanted = {flow: cell.expected for flow, cell in declared.items() if cell.expected is not Expected.IGNORE}
    latest: dict[Flow, Outcome] = {}
    for at_s, outcomes in history:
        latest.update(outcomes)
        if all(flow in latest and _agrees(expected, latest[flow]) for flow, expected in wanted.items()):
            return at_s
    return None


def _agrees(expected: Expected, outcome: Outcome) -> bool:
    if expected is Expected.ALLOW:
        return outcome is Outcome.OPEN
    return outcome in CLOSED
