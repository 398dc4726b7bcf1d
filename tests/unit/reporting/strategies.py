"""Random runs: any names, any shape of matrix, any verdicts, any texts."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st

from harness.errors import SourceLocation
from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.policy import Direction
from harness.model.result import (
    ClusterFacts,
    Decision,
    Explanation,
    FlowResult,
    Judgement,
    Observation,
    Outcome,
    PolicyVerdict,
    Prediction,
    RunResult,
    ScenarioResult,
    Shard,
    SideExplanation,
    StepResult,
    Verdict,
)
from harness.model.scenario import Declaration, Expected

# Whole matrices take a while to draw, and the unit suite has seconds.
FEW = settings(max_examples=20)

# Low surrogates too: a pod's answer is decoded with whatever it takes, and that is how Python keeps wrong bytes.
# (A high one before a low one would be one character to JSON.)
CHARACTERS = st.characters(max_codepoint=0xD7FF) | st.characters(min_codepoint=0xDC00)
TEXTS = st.text(CHARACTERS, max_size=60)
NAMES = st.one_of(
    st.from_regex(r"[a-z]{1,8}/[a-z]{1,8}(-[0-9]{1,2})?", fullmatch=True),
    st.integers(0, 30).map(lambda number: f"shop/web-{number}"),
    st.text(CHARACTERS, min_size=1, max_size=90),
)
SECONDS = st.none() | st.floats(0, 1e6)
PLANES = st.tuples(
    st.sampled_from([53, 80, 81, 82, 8080, 65535]),
    st.sampled_from(L4Protocol),
    st.sampled_from(Via),
    st.sampled_from(Family),
)


@st.composite
def flows(draw: st.DrawFn, most: int = 14, most_planes: int = 4) -> tuple[Flow, ...]:
    """Draw distinct flows: rectangles with holes, of odd names and of replicas, on a few planes."""
    odd = draw(st.lists(NAMES, max_size=4))
    replicas = draw(st.integers(1, most))
    names = list(dict.fromkeys([*odd, *(f"shop/web-{number}" for number in range(replicas))]))
    sources = names[draw(st.integers(0, len(names) - 1)) :]
    planes = draw(st.lists(PLANES, min_size=1, max_size=most_planes, unique=True))
    holes = draw(st.sets(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=3))
    return tuple(
        Flow(Endpoint(source), Endpoint(destination), *plane)
        for source in sources
        for plane in planes
        for destination in names
        if (source, destination) not in holes
    )


@st.composite
def marks(draw: st.DrawFn) -> tuple[tuple[Flow, str], ...]:
    """Draw a mark for every flow; half of the time by its ends alone, so that there is something to group."""
    found = draw(flows())
    if draw(st.booleans()):
        pattern = draw(st.text(".XLO?-K", min_size=1, max_size=30))
        return tuple((flow, pattern[number % len(pattern)]) for number, flow in enumerate(found))
    odd = draw(st.integers(0, len(found)))
    return tuple(
        (flow, "-" if flow.is_to_itself else "L" if number == odd else "X" if len(flow.destination) % 2 else ".")
        for number, flow in enumerate(found)
    )


_LOCATIONS = st.builds(SourceLocation, TEXTS, st.integers(1, 9999), st.integers(1, 200))
_PREDICTIONS = st.one_of(
    st.sampled_from([Prediction(Decision.ALLOW), Prediction(Decision.DENY)]),
    st.sampled_from(["hairpin", "nat-order", "unheard-of"]).map(lambda code: Prediction(Decision.UNSPECIFIED, code)),
)
_POLICIES = st.builds(
    PolicyVerdict,
    TEXTS,
    st.none() | _LOCATIONS,
    st.none() | st.integers(0, 5),
    st.none() | st.integers(0, 5),
    st.sampled_from(Decision),
    st.none() | TEXTS,
    st.lists(TEXTS, max_size=5).map(tuple),
)
_SIDES = st.builds(
    SideExplanation,
    st.sampled_from(Direction),
    NAMES.map(Endpoint),
    _PREDICTIONS,
    TEXTS,
    st.lists(_POLICIES, max_size=4).map(tuple),
)
_OBSERVATIONS = st.builds(
    Observation,
    st.sampled_from(Outcome),
    TEXTS,
    st.none() | st.booleans(),
    st.none() | st.booleans(),
    st.none() | NAMES.map(Endpoint),
    st.none() | TEXTS,
    SECONDS,
    st.booleans(),
)


def explanations(flow: Flow) -> st.SearchStrategy[Explanation]:
    """Draw explanations of one flow."""
    return st.builds(Explanation, st.just(flow), _PREDICTIONS, TEXTS, st.lists(_SIDES, max_size=2).map(tuple))


def flow_results(flow: Flow) -> st.SearchStrategy[FlowResult]:
    """Draw results of one flow, known in part or in full."""
    return st.builds(
        FlowResult,
        st.just(flow),
        st.none() | st.builds(Declaration, st.sampled_from(Expected), _LOCATIONS, st.none() | TEXTS, st.booleans()),
        _PREDICTIONS,
        st.none() | _OBSERVATIONS,
        st.none() | st.sampled_from(Outcome),
        st.none() | st.builds(Judgement, st.sampled_from(Verdict), TEXTS),
        st.none() | explanations(flow),
        # Words of a reasonable length: a command's words are never cut.
        st.none() | st.lists(st.from_regex(r"[a-z0-9./-]{1,20}", fullmatch=True), min_size=1).map(" ".join),
    )


@st.composite
def steps(draw: st.DrawFn) -> StepResult:
    """Draw one step; a few results are drawn and used over and over, explained once each, as in a run."""
    found = draw(flows(most=5, most_planes=2))
    patterns = draw(st.lists(flow_results(found[0]), min_size=1, max_size=3)) if found else []
    results = []
    for number, flow in enumerate(found):
        pattern = patterns[number % len(patterns)]
        results.append(
            FlowResult(
                flow,
                pattern.declared,
                pattern.predicted,
                pattern.observed,
                pattern.baseline,
                pattern.judgement,
                replace(pattern.explanation, flow=flow) if pattern.explanation and number < len(patterns) else None,
                pattern.command if number < len(patterns) else None,
            )
        )
    return StepResult(
        draw(TEXTS),
        tuple(results),
        draw(_LOCATIONS),
        draw(st.none() | st.booleans()),
        draw(SECONDS),
        draw(SECONDS),
        draw(SECONDS),
        draw(st.none() | st.integers(0, 99)),
        draw(st.none() | st.integers(0, 99)),
        draw(SECONDS),
        draw(st.booleans()),
        draw(st.none() | TEXTS),
        draw(st.none() | st.just(found[:2])),
    )


_CLUSTERS = st.builds(
    ClusterFacts,
    TEXTS,
    emulated=st.booleans(),
    cni=st.none() | TEXTS,
    cni_version=st.none() | TEXTS,
    kubernetes=st.none() | TEXTS,
    families=st.lists(st.sampled_from(Family), unique=True).map(tuple),
    notes=st.lists(TEXTS, max_size=2).map(tuple),
)


def runs() -> st.SearchStrategy[RunResult]:
    """Draw whole runs, finished or not."""
    scenarios = st.builds(
        ScenarioResult,
        TEXTS,
        TEXTS,
        TEXTS,
        st.lists(TEXTS, max_size=2).map(tuple),
        st.lists(steps(), max_size=1).map(tuple),
        st.none() | TEXTS,
        SECONDS,
    )
    return st.builds(
        RunResult,
        TEXTS,
        st.just("2026-11-23T10:00:00Z"),
        SECONDS,
        st.none() | _CLUSTERS,
        st.lists(scenarios, max_size=2).map(tuple),
        st.none() | TEXTS,
        st.booleans(),
        st.none() | TEXTS,
        st.none() | st.just(Shard(2, 4)),
    )
