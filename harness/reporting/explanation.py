"""Renders why a flow is predicted as it is: who isolates, which rule and peer decide, or why none does."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model.flow import Via
from harness.model.policy import Direction
from harness.model.result import Decision, Explanation, PolicyVerdict, Prediction, SideExplanation
from harness.reporting.style import Look, Tone
from harness.reporting.text import wrapped

_TONES = {Decision.ALLOW: Tone.GOOD, Decision.DENY: Tone.BAD, Decision.UNSPECIFIED: Tone.DOUBT}


def render(explanation: Explanation, *, width: int = 80, colour: bool = False) -> str:
    """Return the whole explanation of one flow, both directions, every isolating policy and each of its rules."""
    look = Look.of(width, colour=colour, verbose=True)
    lines = [look.style.paint(line, Tone.STRONG) for line in wrapped(str(explanation.flow), look.width)]
    text = f"{explanation.prediction}: {explanation.why}"
    lines += _painted(look, explanation.prediction, text, "predicted ", "  ")
    lines += _sides(explanation, look, "", most=10_000)
    return "\n".join(lines) + "\n"


def brief(explanation: Explanation, look: Look, indent: str, most: int) -> list[str]:
    """Return the lines of what decides, at least one; backends, policies and rules at most `most` each."""
    if explanation.sides and explanation.flow.via is Via.POD and explanation.prediction.reason is None:
        return _sides(explanation, look, indent, most)
    return wrapped(explanation.why, look.width, indent) + _sides(explanation, look, indent, most)


def _sides(explanation: Explanation, look: Look, indent: str, most: int) -> list[str]:
    lines: list[str] = []
    for side in explanation.sides[: 2 * most]:
        lines += _side(side, look, indent, most)
    if len(explanation.sides) > 2 * most:
        lines += wrapped(f"and {len(explanation.sides) // 2 - most:,} more backends", look.width, indent)
    return lines


def _side(side: SideExplanation, look: Look, indent: str, most: int) -> Iterator[str]:
    preposition = "into" if side.direction is Direction.INGRESS else "out of"
    head = f"{side.direction} {preposition} {side.pod}: {side.prediction}"
    if not any(policy.decision is side.prediction.decision for policy in side.policies):
        # Not for what the policies say: none isolates, or the pods' nodes matter.
        head += f": {side.why}"
    yield from _painted(look, side.prediction, head, indent, indent + "  ")
    # One policy that allows settles a side, so it comes before those that do not.
    ordered = sorted(side.policies, key=lambda policy: policy.decision is not Decision.ALLOW)
    for policy in ordered[:most]:
        yield from _policy(policy, side.direction, look, indent + "  ", most)
    if len(ordered) > most:
        yield from wrapped(f"and {len(ordered) - most:,} more policies", look.width, indent + "  ")


def _policy(policy: PolicyVerdict, direction: Direction, look: Look, indent: str, most: int) -> Iterator[str]:
    place = f" ({policy.location})" if policy.location else ""
    yield from wrapped(f"{policy.policy}{place}: {_verdict(policy, direction)}", look.width, indent, indent + "  ")
    if policy.rule is None:
        for miss in policy.misses[:most]:
            yield from wrapped(miss, look.width, indent + "  ", indent + "    ")
        if len(policy.misses) > most:
            text = f"and {len(policy.misses) - most:,} more rules that do not match"
            yield from wrapped(text, look.width, indent + "  ")


def _verdict(policy: PolicyVerdict, direction: Direction) -> str:
    reason = f" ({policy.reason})" if policy.reason else ""
    if policy.rule is not None:
        # Counted from 1, like the reasons that the predictor gives for a miss.
        peer = f", peer {policy.peer + 1}" if policy.peer is not None else ""
        return f"{policy.decision}{reason}: {direction.lower()} rule {policy.rule + 1}{peer} matches"
    if not policy.misses:
        return f"{policy.decision}{reason}: it has no {direction.lower()} rules"
    return f"{policy.decision}{reason}: no {direction.lower()} rule matches"


def _painted(look: Look, prediction: Prediction, text: str, first: str, rest: str) -> list[str]:
    """Wrap `text` and colour it, but not its indentation, as the decision deserves."""
    bodies = [(line.lstrip(), line) for line in wrapped(text, look.width, first, rest)]
    tone = _TONES[prediction.decision]
    return [line[: len(line) - len(body)] + look.style.paint(body, tone) for body, line in bodies]
