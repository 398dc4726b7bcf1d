#!/usr/bin/env python3
"""Measure the predictor: flows per second on 1,000 pods and 500 policies, and how it grows.

One thread, one process. Flows are built beforehand, each at most once, in the order of
the matrix; `decide` is asked for all of them, then `predict` for the same. The index is
built inside `Predictor`, timed apart; the first flows pay for the rows they share with
later ones. Exits 1 if the size that is promised misses its speed or its index takes over a second.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness.model.flow import Endpoint, Family, Flow, Via
from harness.model.labels import LabelSelector, Operator, Requirement
from harness.model.policy import Direction, NetworkPolicy, Peer, PolicyPort, Rule
from harness.model.result import Decision, Prediction
from harness.model.topology import METADATA_NAME, Listener, Namespace, Pod, Topology
from harness.semantics.evaluate import Predictor, predict

PROMISED_FLOWS_PER_S = 200_000
PROMISED_INDEX_S = 1.0
PODS_PER_NAMESPACE = 20
APPS_PER_NAMESPACE = 5


@dataclass(frozen=True)
class Measurement:
    """One size, and what it cost; `first_flows_per_s` starts with nothing worked out yet."""

    pods: int
    policies: int
    flows: int
    index_s: float
    decide_flows_per_s: float
    again_flows_per_s: float
    predict_flows_per_s: float
    denied: float


def build_topology(pods: int) -> Topology:
    """Build namespaces of 20 pods in five applications, each pod listening on two TCP ports, one of them named."""
    namespaces: dict[str, Namespace] = {}
    members: dict[Endpoint, Pod] = {}
    for number in range(pods):
        name = f"team-{number // PODS_PER_NAMESPACE}"
        labels = {METADATA_NAME: name, "team": name, "stage": ("dev", "test", "live")[len(namespaces) % 3]}
        namespaces.setdefault(name, Namespace(name, labels))
        app = f"app-{number % APPS_PER_NAMESPACE}"
        listeners = (Listener(8080, name="http"), Listener(9090))
        pod = Pod(name, f"pod-{number}", {"app": app, "instance": f"pod-{number}"}, listeners)
        members[pod.endpoint] = pod
    return Topology(namespaces=namespaces, pods=members)


def build_policies(policies: int, namespaces: int) -> tuple[NetworkPolicy, ...]:
    """Build policies of five kinds, spread over the namespaces; nine in ten isolate some pods."""
    return tuple(itertools.islice(_policies(namespaces), policies))


def _policies(namespaces: int) -> Iterator[NetworkPolicy]:
    inward, both = (Direction.INGRESS,), (Direction.INGRESS, Direction.EGRESS)
    web = (PolicyPort(port="http"), PolicyPort(port=9000, end_port=9100))
    for number in itertools.count():
        namespace = f"team-{number % namespaces}"
        app = _equal("app", f"app-{number // namespaces % APPS_PER_NAMESPACE}")
        other = _equal("team", f"team-{(number * 7 + 1) % namespaces}")
        live = LabelSelector((Requirement("stage", Operator.NOT_IN, ("dev",)),))
        instance = _equal("instance", f"pod-{number * 13 % (namespaces * PODS_PER_NAMESPACE)}")
        rules = (
            Rule((Peer(pod_selector=app), Peer(namespace_selector=other)), web),
            Rule((Peer(namespace_selector=live, pod_selector=app),), (PolicyPort(port=8080),)),
        )
        match number % 5:
            case 0:
                yield NetworkPolicy(namespace, f"deny-{number}", LabelSelector(), inward)
            case 1:
                yield NetworkPolicy(namespace, f"web-{number}", app, inward, ingress=rules)
            case 2:
                yield NetworkPolicy(namespace, f"out-{number}", app, both, ingress=rules[1:], egress=rules)
            case 3:
                yield NetworkPolicy(namespace, f"team-{number}", LabelSelector(), both, (Rule(),), rules[:1])
            case _:
                yield NetworkPolicy(namespace, f"one-{number}", instance, both, rules, (Rule(ports=web),))


def _equal(key: str, value: str) -> LabelSelector:
    return LabelSelector((Requirement(key, Operator.IN, (value,)),))


def choose_flows(topology: Topology, count: int) -> list[Flow]:
    """Choose that many flows of the matrix at random, the same each time, each once, in the matrix's order."""
    sources = list(topology.pods)
    ports = [(pod.endpoint, each.port, each.protocol) for pod in topology.pods.values() for each in pod.listeners]
    total = len(sources) * len(ports)
    places = sorted(random.Random(1).sample(range(total), min(count, total)))  # noqa: S311 - nothing secret
    return [Flow(sources[at // len(ports)], *ports[at % len(ports)], Via.POD, Family.IPV4) for at in places]


def measure(pods: int, policies: int, flows: int) -> Measurement:
    """Measure one size once."""
    topology = build_topology(pods)
    rules = build_policies(policies, max(1, len(topology.namespaces)))
    chosen = choose_flows(topology, flows)
    start = time.perf_counter()
    predictor = Predictor(topology, rules)
    index_s = time.perf_counter() - start
    decide = predictor.decide
    first_s = _timed(decide, chosen)
    again_s = _timed(decide, chosen)
    start = time.perf_counter()
    matrix = predict(topology, rules, chosen)
    predict_s = time.perf_counter() - start
    denied = sum(prediction.decision is Decision.DENY for prediction in matrix.values())
    return Measurement(
        pods=pods,
        policies=policies,
        flows=len(chosen),
        index_s=round(index_s, 4),
        decide_flows_per_s=round(len(chosen) / first_s),
        again_flows_per_s=round(len(chosen) / again_s),
        predict_flows_per_s=round(len(chosen) / predict_s),
        denied=round(denied / len(chosen), 3),
    )


def _timed(decide: Callable[[Flow], Prediction], flows: list[Flow]) -> float:
    start = time.perf_counter()
    for flow in flows:
        decide(flow)
    return time.perf_counter() - start


def main() -> int:
    """Print the promised size and the growth around it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--flows", type=int, default=500_000, help="flows of the promised size (default: %(default)s)")
    options = parser.parse_args()
    promised = measure(1000, 500, options.flows)
    growth = {
        "pods": [measure(pods, 500, 100_000) for pods in (250, 500, 1000, 2000)],
        "policies": [measure(1000, policies, 100_000) for policies in (0, 125, 250, 500, 1000)],
        "flows": [measure(1000, 500, flows) for flows in (10_000, 50_000, 250_000)],
    }
    speed = min(promised.decide_flows_per_s, promised.predict_flows_per_s)
    holds = speed >= PROMISED_FLOWS_PER_S and promised.index_s < PROMISED_INDEX_S
    if options.json:
        rows = {by: [asdict(each) for each in measured] for by, measured in growth.items()}
        print(json.dumps({"promised": asdict(promised), "growth": rows, "holds": holds}, indent=2))
    else:
        print("  pods policies   flows  index s  decide/s  again/s  predict/s  denied")
        for title, measured in (("promised", [promised]), *growth.items()):
            print(f"{title}:" if title == "promised" else f"by {title}:")
            for each in measured:
                print(
                    f"{each.pods:6} {each.policies:8} {each.flows:7} {each.index_s:8.3f} {each.decide_flows_per_s:9,}"
                    f" {each.again_flows_per_s:8,} {each.predict_flows_per_s:10,} {each.denied:7.1%}"
                )
        print(f"{'holds' if holds else 'MISSED'}: {PROMISED_FLOWS_PER_S:,} flows/s, index under {PROMISED_INDEX_S:g} s")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
