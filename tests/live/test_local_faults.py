"""Faults on real packets, where the ruleset's text is no proof: clocks, Services, and ways to say no."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from harness import manifests
from harness.cluster.local.cluster import LocalCluster
from harness.cluster.local.provider import LocalProvider
from harness.model.flow import Family, L4Protocol
from harness.model.scenario import ObjectRef
from harness.model.topology import Listener, Pod, Service, ServicePort
from tests.contract.asking import ask, bring_up, namespace, pod, pod_ref, policy

pytestmark = pytest.mark.netns

CLIENT, SERVER = pod_ref("x", "client"), pod_ref("x", "server")
DENY = policy("x", "deny", podSelector={"matchLabels": {"app": "server"}})
SERVICE = ObjectRef("Service", "x", "web")
Addresses = Mapping[ObjectRef, Mapping[Family, str]]


def _objects() -> list[dict[str, Any]]:
    listeners = (Listener(8080), Listener(8081), Listener(5353, L4Protocol.UDP))
    web = Service("x", "web", {"app": "server"}, (ServicePort(80, 8080), ServicePort(85, 8080)))
    return [
        namespace("x"),
        pod("x", "client", app="client"),
        manifests.pod(Pod("x", "server", {"app": "server"}, listeners), "x"),
        manifests.service(web, "x"),
    ]


@contextmanager
def _broken(fault: str) -> Iterator[tuple[LocalCluster, Addresses]]:
    with LocalProvider(fault, run="faults").open() as cluster:
        yield cluster, bring_up(cluster, _objects())


def _watched(cluster: LocalCluster, address: str, for_s: float) -> list[str]:
    """Return the answers of a while, each change once."""
    seen: list[str] = []
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        answer = ask(cluster, CLIENT, address, 8080, timeout_s=0.08)
        if seen[-1:] != [answer]:
            seen.append(answer)
    return seen


def test_late_policies_are_open_first_and_closed_later() -> None:
    """The flow is open right after apply, and closed once the delay is over."""
    with _broken("late") as (cluster, addresses):
        cluster.apply([DENY])
        seen = _watched(cluster, addresses[SERVER][Family.IPV4], 3.2)

    assert seen == ["x/server", "timeout"]


def test_a_sentinel_overtakes_policies_that_are_out_of_order() -> None:
    """What is applied later is in force at once, what was applied before is not."""
    guard = policy("x", "guard", podSelector={"matchLabels": {"app": "client"}})
    with _broken("late-out-of-order") as (cluster, addresses):
        cluster.apply([DENY])
        cluster.apply([guard])
        at_once = [
            ask(cluster, CLIENT, addresses[SERVER][Family.IPV4], 8080),
            "p1" in cluster.ruleset().split("map ingress")[1].split("}")[0],
        ]
        later = _watched(cluster, addresses[SERVER][Family.IPV4], 3.2)[-1]

    assert at_once == ["x/server", True]
    assert later == "timeout"


def test_a_new_pod_leaks_at_first() -> None:
    """A pod that comes under an existing policy is open for a while."""
    with _broken("pod-start-leak") as (cluster, _):
        time.sleep(1.6)
        cluster.delete([SERVER])
        cluster.apply([DENY])
        address = bring_up(cluster, [_objects()[2]])[SERVER][Family.IPV4]
        seen = _watched(cluster, address, 2.2)

    assert seen == ["x/server", "timeout"]


def test_flapping_never_rests() -> None:
    """Within a few seconds the answer changes several times."""
    with _broken("flapping") as (cluster, addresses):
        cluster.apply([DENY])
        seen = _watched(cluster, addresses[SERVER][Family.IPV4], 3.0)

    assert len(seen) > 4


@pytest.mark.parametrize(
    ("fault", "answers"),
    [("rejects", ["ECONNREFUSED", "ECONNREFUSED"]), ("resets", ["ECONNREFUSED", "timeout"])],
)
def test_denials_that_answer_are_seen_as_such(fault: str, answers: list[str]) -> None:
    """A client is told no: by ICMP for both protocols, or by a TCP reset alone."""
    with _broken(fault) as (cluster, addresses):
        cluster.apply([DENY])
        server = addresses[SERVER]
        seen = [
            [
                ask(cluster, CLIENT, address, port, protocol, timeout_s=0.3)
                for port, protocol in ((8080, "TCP"), (5353, "UDP"))
            ]
            for address in server.values()
        ]

    assert seen == [answers] * len(server)


def test_a_policy_before_translation_sees_the_services_port() -> None:
    """The port the client dialled decides: a rule for 80 and 84-90 opens a Service to 8080, and not 8080 itself."""
    rule = {"ports": [{"port": 80}, {"port": 84, "endPort": 90}]}
    ports = policy("x", "ports", podSelector={"matchLabels": {"app": "server"}}, ingress=[rule])
    with _broken("service-port-not-target") as (cluster, addresses):
        cluster.apply([ports])
        seen = [ask(cluster, CLIENT, addresses[SERVICE][Family.IPV4], port, timeout_s=0.2) for port in (80, 85)]
        direct = ask(cluster, CLIENT, addresses[SERVER][Family.IPV4], 8080, timeout_s=0.2)

    assert (seen, direct) == (["x/server", "x/server"], "timeout")


def test_replies_without_a_rule_of_their_own_are_lost() -> None:
    """A server that is isolated for egress cannot answer what it lets in."""
    quiet = policy("x", "quiet", podSelector={"matchLabels": {"app": "server"}}, policyTypes=["Egress"])
    with _broken("drops-replies") as (cluster, addresses):
        before = ask(cluster, CLIENT, addresses[SERVER][Family.IPV4], 8080)
        cluster.apply([quiet])
        after = ask(cluster, CLIENT, addresses[SERVER][Family.IPV4], 8080, timeout_s=0.2)

    assert (before, after) == ("x/server", "timeout")
