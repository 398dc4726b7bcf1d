"""Explains what did not match: the flows, everything known of one of them, and how to try it by hand."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model.flow import Flow
from harness.model.result import FlowResult, Observation, Verdict
from harness.reporting import explanation, naming
from harness.reporting.causes import Cause, causes
from harness.reporting.grouping import Bundle, bundles
from harness.reporting.style import TONES, Look
from harness.reporting.tally import plural, seconds
from harness.reporting.text import printable, width_of, wrapped

NEEDS_EXPLAINING = (Verdict.LEAK, Verdict.OUTAGE, Verdict.INCONCLUSIVE)
_UNJUDGED = (Verdict.KNOWN, Verdict.IGNORED)
_ANYTHING = 1_000_000_000
_FIELD = 11  # columns that a field's name takes


def explain(results: tuple[FlowResult, ...], look: Look, indent: str) -> list[str]:
    """Return the explanation of every flow that needs one, those of one cause together.

    Unless verbose, at most 8 causes are told in full, and the rest counted.
    """
    found = causes(results, NEEDS_EXPLAINING)
    most = _ANYTHING if look.verbose else 8
    lines: list[str] = []
    for cause in found[:most]:
        lines += ["", *_cause(cause, look, indent)]
    if len(found) > most:
        left = sum(len(cause.results) for cause in found[most:])
        reasons = plural(len(found) - most, "other reason")
        lines += [
            "",
            *wrapped(f"... and {plural(left, 'more flow')} for {reasons}; verbose shows them", look.width, indent),
        ]
    if look.verbose:
        for cause in causes(results, _UNJUDGED):
            lines += ["", *_head(cause, look, indent), *wrapped(cause.why, look.width, indent + "  ")]
    return lines


def _cause(cause: Cause, look: Look, indent: str) -> Iterator[str]:
    yield from _head(cause, look, indent)
    if len(cause.results) > 1:
        yield from wrapped(f"of which {cause.first.flow}", look.width, indent + "  ")
    yield from details(cause.first, look, indent + "  ")


def details(result: FlowResult, look: Look, indent: str = "") -> Iterator[str]:
    """Yield all that is known of one flow: what was declared, predicted, seen, who decides, how to try it by hand."""
    for name, text in _facts(result):
        yield from wrapped(text, look.width, indent + f"{name:<{_FIELD}}")
    if result.explanation:
        told = result.explanation
        indented = indent + " " * _FIELD
        first, *rest = explanation.brief(told, look, indented, most=_ANYTHING if look.verbose else 3)
        yield (indent + f"{'policies':<{_FIELD}}" + first[len(indented) :]).rstrip()
        yield from rest
    if result.command:
        yield from wrapped(f"in {result.flow.source}:", look.width, indent + f"{'try':<{_FIELD}}")
        yield from _command(result.command, look.width, indent + " " * _FIELD)


def _head(cause: Cause, look: Look, indent: str) -> Iterator[str]:
    """Name the verdict, how many flows have it, and which."""
    yield indent + look.style.paint(f"{cause.verdict}: {plural(len(cause.results), 'flow')}", TONES[cause.verdict])
    most = _ANYTHING if look.verbose else 6
    found = bundles(cause.flows)
    for bundle in found[:most]:
        yield from wrapped(shape(bundle, most), look.width, indent + "  ", indent + "      ")
    if len(found) > most:
        left = sum(bundle.flows for bundle in found[most:])
        yield f"{indent}  and {plural(left, 'more flow')}"


def shape(bundle: Bundle, most: int = 6) -> str:
    """Say which flows a bundle holds, in the notation of a flow: `a/x, a/y -> shop/db:5432/TCP (2 flows)`."""
    sources = naming.listed(naming.endpoints(bundle.sources), most)
    targets = naming.endpoints(bundle.destinations)
    ports = naming.planes(bundle.planes)
    pairs = len(bundle.sources) * len(bundle.destinations) * len(bundle.planes)
    count = f" ({plural(bundle.flows, 'flow')}{', none to itself' if bundle.flows < pairs else ''})"
    to = f"{targets[0]}:{ports}" if len(targets) == 1 else f"{naming.listed(targets, most)} on {ports}"
    return f"{sources} -> {to}" + (count if pairs > 1 else "")


def _facts(result: FlowResult) -> Iterator[tuple[str, str]]:
    declared = result.declared
    if declared:
        yield (
            "declared",
            f"{declared.expected} at {declared.location}"
            + (", copied from the prediction" if declared.predicted else "")
            + (f" (because {declared.because})" if declared.because else ""),
        )
    yield "predicted", str(result.predicted)
    yield "baseline", str(result.baseline) if result.baseline else "not known"
    yield "observed", _seen(result.observed, result.flow)
    if result.observed:
        yield "arrived", _arrived(result.observed)
        if result.observed.alive is not None:
            yield "listener", "answered its own pod" if result.observed.alive else "did not answer its own pod"
    yield "why", result.judgement.why if result.judgement else "it was not judged"


def _seen(observed: Observation | None, flow: Flow) -> str:
    if observed is None:
        return "never tried"
    text = str(observed.outcome)
    if observed.answered_by and observed.answered_by != flow.destination:
        text += f", answered by {observed.answered_by}"
    if observed.elapsed_s is not None:
        text += f", in {seconds(observed.elapsed_s)}"
    if observed.detail:
        text += f": {observed.detail}"
    return text if observed.settled else f"{text} (still changing)"


def _arrived(observed: Observation) -> str:
    if observed.arrived is None:
        return "not known: the destination's log could not be read"
    return "yes, the destination logged it" if observed.arrived else "no, the destination logged nothing of it"


def _command(command: str, width: int, first: str) -> Iterator[str]:
    """Yield a shell command that can be copied: broken only between words, each break escaped.

    A word that is too long for a line stays whole, since cutting it would change the command.
    """
    line, prefix = first, first
    for word in _words(printable(command)):
        if line != prefix and width_of(line) + width_of(word) + 3 > width:
            yield f"{line} \\"
            line = prefix = " " * width_of(first) + "  "
        line += word if line == prefix else f" {word}"
    yield line


def _words(command: str) -> Iterator[str]:
    """Split at the spaces that no quote or backslash protects; the words keep their quotes."""
    word, quote, is_escaped = "", "", False
    for char in command:
        if char == " " and not quote and not is_escaped:
            if word:
                yield word
            word = ""
            continue
        word += char
        if is_escaped:
            is_escaped = False
        elif char == "\\" and quote != "'":
            is_escaped = True
        elif char in "'\"" and quote in ("", char):
            quote = "" if quote else char
    if word:
        yield word
