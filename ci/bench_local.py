#!/usr/bin/env python3
"""Measure the local cluster: pods up, policies compiled, policies in force. Prints numbers; `--json` for machines."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import manifests
from harness.cluster.local.provider import LocalProvider
from harness.cluster.local.ruleset import render
from harness.cluster.local.state import ContainerPort, PodState, State
from harness.model.flow import Family
from harness.model.scenario import ObjectRef
from harness.model.topology import Listener, Namespace, Pod

NAMESPACES = 20
TIERS = 10


def main(argv: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--pods", type=int, default=100, help="pods to bring up (default 100)")
    options = parser.parse_args(argv)
    results = {**compiling(), **bringing_up(options.pods)}
    if options.json:
        print(json.dumps(results))
    else:
        width = max(map(len, results))
        for name, seconds in results.items():
            print(f"{name:{width}}  {seconds * 1000:9.1f} ms")
    return 0


def compiling() -> dict[str, float]:
    """Return how long policies take to compile, alone, for a small and a large cluster."""
    return {
        f"compile {policies} policies x {pods} pods": best_of(lambda: render(cluster(pods, policies)))  # noqa: B023
        for pods, policies in ((60, 10), (200, 100), (1000, 500))
    }


def bringing_up(count: int) -> dict[str, float]:
    """Return how long real pods and policies take, from the first call to the last agent that answers."""
    spaces = [manifests.namespace(Namespace("bench", {}), "bench", {})]
    pods = [Pod("bench", f"pod-{number}", tier(number), (Listener(8080),)) for number in range(count)]
    refs = [ObjectRef("Pod", "bench", pod.name) for pod in pods]
    results = {}
    started = time.perf_counter()
    with LocalProvider(run="bench").open() as local:
        results["open a cluster"] = time.perf_counter() - started
        started = time.perf_counter()
        local.apply([*spaces, *(manifests.pod(pod, "bench") for pod in pods)])
        local.wait_ready(refs, 60.0)
        for ref in refs:
            channel = local.open_agent(ref)
            channel.receive()
            channel.close()
        results[f"{count} pods up, every agent answering"] = time.perf_counter() - started
        started = time.perf_counter()
        local.apply([manifest("bench", number) for number in range(10)])
        results[f"10 policies in force over {count} pods"] = time.perf_counter() - started
        started = time.perf_counter()
        local.delete(refs)
        results[f"{count} pods deleted"] = time.perf_counter() - started
        started = time.perf_counter()
    results["close a cluster"] = time.perf_counter() - started
    return results


def cluster(pods: int, policies: int) -> State:
    """Build a cluster with every kind of rule in it."""
    return State(
        namespaces={f"ns-{number}": {"team": str(number % 5)} for number in range(NAMESPACES)},
        pods=tuple(
            PodState(
                namespace=f"ns-{number % NAMESPACES}",
                name=f"pod-{number}",
                interface=f"p{number + 1}",
                addresses={
                    Family.IPV4: f"10.244.{number // 250}.{number % 250 + 2}",
                    Family.IPV6: f"fd00:10:244::{number + 2:x}",
                },
                labels=tier(number),
                ports=(ContainerPort(8080 + number % 2, "tcp", "web"),),
            )
            for number in range(pods)
        ),
        policies=tuple(manifest(f"ns-{number % NAMESPACES}", number) for number in range(policies)),
    )


def tier(number: int) -> dict[str, str]:
    """Return the labels of a pod."""
    return {"tier": str(number % TIERS)}


def manifest(namespace: str, number: int) -> dict[str, Any]:
    """Build a policy with selectors, blocks, ranges and names, both ways."""
    peers = [
        {"podSelector": {"matchLabels": tier(number + 1)}},
        {
            "namespaceSelector": {
                "matchExpressions": [{"key": "team", "operator": "NotIn", "values": [str(number % 5)]}]
            }
        },
        {"ipBlock": {"cidr": "203.0.113.0/24", "except": [f"203.0.113.{number % 250}/32"]}},
    ]
    ports = [{"port": "web"}, {"port": 9000 + number % 50, "endPort": 9100}, {"protocol": "UDP", "port": 53}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": namespace, "name": f"policy-{number}"},
        "spec": {
            "podSelector": {"matchLabels": tier(number)} if number % 3 else {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": peers, "ports": ports}],
            "egress": [{"to": peers, "ports": ports}],
        },
    }


def best_of(action: Callable[[], object], times: int = 3) -> float:
    """Return the fastest of a few runs: the others measure what else the machine does."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
