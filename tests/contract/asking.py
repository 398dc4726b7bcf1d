"""Drive a cluster by its six verbs and the agents' own protocol; no prober in between."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from harness import manifests
from harness.cluster.interface import Cluster
from harness.model.flow import Family
from harness.model.scenario import ObjectRef
from harness.model.topology import Listener, Namespace, Pod

READY_S = 60.0
# Cilium takes up to half a minute to give a pod that was relabelled its new identity.
_SLOWEST = 2
_serial = itertools.count(1)


def namespace(name: str, **labels: str) -> dict[str, Any]:
    """Build a namespace."""
    return manifests.namespace(Namespace(name, labels), name, {})


def pod(namespace: str, name: str, *ports: int, **labels: str) -> dict[str, Any]:
    """Build a pod that listens on TCP `ports`."""
    spec = Pod(namespace, name, labels, tuple(Listener(port) for port in ports))
    return manifests.pod(spec, namespace)


def policy(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    """Build a policy."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": namespace, "name": name},
        "spec": spec,
    }


def pod_ref(namespace: str, name: str) -> ObjectRef:
    """Return the reference of a pod."""
    return ObjectRef("Pod", namespace, name)


def await_answers(
    cluster: Cluster, source: ObjectRef, address: str, ports: Sequence[int], expected: Sequence[str]
) -> list[str]:
    """Return what a pod hears on each port: what is expected, or what it was when the cluster's patience ended.

    Policies are in force some time after the API has taken them, but for a private cluster, whose first answer counts.
    """
    known = cluster.capabilities()
    end = time.monotonic() + (0.0 if known.private else _SLOWEST * known.timing.deadline_s)
    while True:
        heard = [ask(cluster, source, address, port) for port in ports]
        if heard == list(expected) or time.monotonic() > end:
            return heard


def bring_up(cluster: Cluster, objects: Sequence[Mapping[str, Any]]) -> Mapping[ObjectRef, Mapping[Family, str]]:
    """Apply objects, and return the addresses of their pods once these are ready."""
    cluster.apply(objects)
    refs = [manifests.ref(item) for item in objects]
    return cluster.wait_ready([ref for ref in refs if ref.kind in ("Pod", "Service", "External")], READY_S)


def ask(
    cluster: Cluster, source: ObjectRef, address: str, port: int, protocol: str = "TCP", *, timeout_s: float = 0.4
) -> str:
    """Probe once from a pod; return the name of the pod that answered, or how it went instead."""
    number = next(_serial)
    request = {
        "key": "one",
        "protocol": protocol,
        "address": address,
        "port": port,
        "nonce": f"contract{number}",
        "timeout_s": timeout_s,
        "engine": "socket",
    }
    channel = cluster.open_agent(source)
    try:
        channel.receive()
        channel.send(json.dumps({"op": "probe", "id": number, "probes": [request]}))
        while True:
            message = json.loads(channel.receive())
            for reply in message.get("replies", ()):
                if reply["result"] == "ok":
                    return str(reply["answered_by"])
                return str(reply.get("errno") or reply["result"])
            if message.get("done") or message.get("error"):
                return str(message)
    finally:
        channel.close()
