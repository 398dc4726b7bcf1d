"""Laws of expectations, on random topologies and rules, against the plainest reading of the grammar."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.model.flow import Flow, Via
from harness.model.scenario import Expected, Step
from harness.model.topology import Topology
from harness.scenario.load import load

_NAMES = ("a", "b", "ab")
_SPACES = ("x", "y")
_VERBS = ("allow", "deny", "drop", "reject")
_WRITTEN = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)

_pods = st.dictionaries(
    st.tuples(st.sampled_from(_SPACES), st.sampled_from(_NAMES)).map("/".join),
    st.tuples(st.sampled_from(["", "p", "q"]), st.lists(st.sampled_from([80, 81]), unique=True)),
    min_size=2,
)
_atoms = st.one_of(
    st.just("*"),
    st.sampled_from(_SPACES).map("{}/*".format),
    st.tuples(st.sampled_from(_SPACES), st.sampled_from((*_NAMES, "a*", "*b"))).map("/".join),
    st.sampled_from(["{k: p}", "{k: null}", "x/{k: q}", "{}"]),
)
_rules = st.tuples(
    st.sampled_from(_VERBS),
    _atoms,
    _atoms,
    st.sampled_from(["", ":80", ":*", ":80-81", ":81/TCP", ":*/UDP"]),
    st.sampled_from(["", " via pod", " via service"]),
)


def _world(pods: dict[str, tuple[str, list[int]]], expect: str) -> str:
    lines = "".join(
        f"    {name}: {{labels: {{{f'k: {label}' if label else ''}}}, listen: {ports}}}\n"
        for name, (label, ports) in pods.items()
    )
    return (
        "scenario: random\nabout: Random.\ntopology:\n  namespaces: {x: {}, y: {}}\n  pods:\n"
        f"{lines}  services:\n    x/p: {{selector: {{k: p}}, ports: [80]}}\n"
        f"probe: {{via: [pod, service]}}\nsteps:\n- name: one\n  expect:\n{expect}"
    )


_NUMBERS = count()


@pytest.fixture
def step(tmp_path: Path) -> Callable[..., Step | None]:
    """Return a function that makes a step of pods and rules; None where the file is refused."""

    def build(pods: dict[str, tuple[str, list[int]]], expect: str) -> Step | None:
        path = tmp_path / f"{next(_NUMBERS)}.scenario.yaml"
        path.write_text(_world(pods, expect), encoding="utf-8")
        try:
            return load(path).steps[0]
        except ScenarioError:
            return None

    return build


def _text(rule: tuple[str, ...]) -> str:
    verb, source, destination, port, via = rule
    return f'    - {verb}: "{source} -> {destination}{port}{via}"\n'


def _means(atom: str, endpoint: str, topology: Topology) -> bool:
    """Tell whether an atom means a pod, by the words of the format."""
    pod = topology.pods[endpoint]
    if atom == "*":
        return True
    where, _, what = atom.partition("/")
    if atom.startswith("{"):
        where, what = "*", atom
    if where not in ("*", pod.namespace):
        return False
    label = pod.labels.get("k")
    match what:
        case "{k: p}" | "{k: q}":
            return label == what[4]
        case "{k: null}":
            return label is None
        case "{}" | "*":
            return True
        case "a*":
            return pod.name.startswith("a")
        case "*b":
            return pod.name.endswith("b")
        case _:
            return pod.name == what


def _speaks_of(rule: tuple[str, ...], flow: Flow, topology: Topology) -> bool:
    _, source, destination, port, via = rule
    if via and not via.endswith(flow.via):
        return False
    if port in (":80", ":81/TCP") and str(flow.port) != port[1:3]:
        return False
    if port == ":*/UDP" or flow.is_to_itself or not _means(source, flow.source, topology):
        return False
    if flow.via is Via.POD:
        return _means(destination, flow.destination, topology)
    backends = topology.backends(topology.services[flow.destination])
    by_name = destination in ("*", "x/*")
    return by_name or (bool(backends) and all(_means(destination, pod.endpoint, topology) for pod in backends))


@_WRITTEN
@given(pods=_pods, rules=st.lists(_rules, min_size=1, max_size=4))
def test_the_last_rule_that_speaks_of_a_flow_decides(step: Callable, pods: dict, rules: list) -> None:
    """For each flow, the value is that of the last rule whose source and destination mean its ends."""
    plain = step(pods, "    default: deny\n")
    if plain is None:
        return
    topology = plain.topology
    rules = [rule for rule in rules if any(_speaks_of(rule, flow, topology) for flow in plain.flows)]
    written = "    rules:\n" + "".join(map(_text, rules)) if rules else ""
    built = step(pods, "    default: deny\n" + written)

    assert {flow: declaration.expected for flow, declaration in built.declared.items()} == {
        flow: Expected.IGNORE
        if flow.is_to_itself
        else next((Expected(rule[0]) for rule in reversed(rules) if _speaks_of(rule, flow, topology)), Expected.DENY)
        for flow in built.flows
    }


@_WRITTEN
@given(pods=_pods, rule=_rules)
def test_a_rule_is_refused_exactly_if_it_speaks_of_nothing(step: Callable, pods: dict, rule: tuple) -> None:
    """A rule that would change no flow is an error, and one that would is none."""
    plain = step(pods, "    default: deny\n")
    if plain is None:
        return
    speaks = any(_speaks_of(rule, flow, plain.topology) for flow in plain.flows)

    assert (step(pods, "    default: deny\n    rules:\n" + _text(rule)) is not None) is speaks


@_WRITTEN
@given(pods=_pods)
def test_a_drawing_of_everything_is_the_same_as_rules(step: Callable, pods: dict) -> None:
    """Drawing a cell and writing its rule come to the same matrix."""
    plain = step(pods, "    default: deny\n")
    if plain is None:
        return
    flows = [flow for flow in plain.flows if not flow.is_to_itself and flow.via is Via.POD]
    marked = {flow: ".X"[index % 2] for index, flow in enumerate(flows)}
    rules = "".join(
        f'    - {"allow" if mark == "." else "deny"}: "{flow.source} -> {flow.destination}:{flow.port} via pod"\n'
        for flow, mark in marked.items()
    )
    tables = "\n".join(
        f"      {port} {' '.join(pods)}\n"
        + "".join(f"      {source} {' '.join(_drawn(marked, source, end, port) for end in pods)}\n" for source in pods)
        for port in (80, 81)
    )
    written = step(pods, "    default: deny\n" + (f"    rules:\n{rules}" if rules else ""))
    drawn = step(pods, "    default: deny\n    matrix: |\n" + tables)

    assert {flow: cell.expected for flow, cell in drawn.declared.items()} == {
        flow: cell.expected for flow, cell in written.declared.items()
    }


def _drawn(marked: dict[Flow, str], source: str, destination: str, port: int) -> str:
    for flow, mark in marked.items():
        if (flow.source, flow.destination, flow.port) == (source, destination, port):
            return mark
    return "-"
