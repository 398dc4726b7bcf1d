"""Real packets through the local cluster: what the ruleset's text cannot show by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness import manifests
from harness.cluster.local.cluster import LocalCluster
from harness.cluster.local.provider import LocalProvider
from harness.model.flow import Family, L4Protocol
from harness.model.scenario import ObjectRef
from harness.model.topology import External, Listener, Pod, Service, ServicePort
from tests.contract.asking import ask, bring_up, namespace, pod, pod_ref, policy

pytestmark = pytest.mark.netns

CLIENT, SERVER = pod_ref("x", "client"), pod_ref("x", "server")
V4, V6 = Family.IPV4, Family.IPV6
DENY_ALL = policy("x", "deny-all", podSelector={}, policyTypes=["Ingress", "Egress"])


def _server(**labels: str) -> dict[str, Any]:
    listeners = (
        Listener(8080, name="web"),
        Listener(8081),
        Listener(5353, L4Protocol.UDP, name="dns"),
    )
    return manifests.pod(Pod("x", "server", labels, listeners), "x")


def _service(name: str, port: int, target: int | str) -> dict[str, Any]:
    return manifests.service(Service("x", name, {"app": "server"}, (ServicePort(port, target),)), "x")


BASE = [namespace("x", team="x"), pod("x", "client", app="client"), _server(app="server")]


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    """An empty local cluster."""
    with LocalProvider(run="live").open() as opened:
        yield opened


def test_both_families_and_protocols_are_routed(cluster: LocalCluster) -> None:
    """TCP and UDP pass over every family that the cluster says it has."""
    addresses = bring_up(cluster, BASE)[SERVER]
    seen = {
        (family, port): ask(cluster, CLIENT, address, port, protocol)
        for family, address in addresses.items()
        for port, protocol in ((8080, "TCP"), (5353, "UDP"))
    }

    assert set(seen.values()) == {"x/server"}
    assert addresses.keys() == cluster.capabilities().families


def test_a_denied_flow_is_silent_in_both_families(cluster: LocalCluster) -> None:
    """A deny drops: no answer, no refusal, for TCP and UDP alike."""
    addresses = bring_up(cluster, [*BASE, DENY_ALL])[SERVER]
    seen = {
        ask(cluster, CLIENT, address, port, protocol, timeout_s=0.2)
        for address in addresses.values()
        for port, protocol in ((8080, "TCP"), (5353, "UDP"))
    }

    assert seen == {"timeout"}


def test_a_port_without_a_listener_refuses(cluster: LocalCluster) -> None:
    """Refused is what a host says, never what a policy does."""
    addresses = bring_up(cluster, BASE)[SERVER]
    seen = [ask(cluster, CLIENT, addresses[V4], 9, protocol) for protocol in ("TCP", "UDP")]

    assert seen == ["ECONNREFUSED", "ECONNREFUSED"]


def test_a_refusal_is_repeated_as_often_as_one_asks(cluster: LocalCluster) -> None:
    """No kernel limit turns the seventh refusal within a second into silence."""
    address = bring_up(cluster, BASE)[SERVER][V4]

    assert {ask(cluster, CLIENT, address, 9, "UDP") for _ in range(20)} == {"ECONNREFUSED"}


def test_egress_and_ingress_must_both_pass(cluster: LocalCluster) -> None:
    """What the source's egress allows is still judged by the destination's ingress, and the reverse."""
    address = bring_up(cluster, BASE)[SERVER][V4]
    to_server = policy(
        "x",
        "egress",
        podSelector={"matchLabels": {"app": "client"}},
        policyTypes=["Egress"],
        egress=[{"to": [{"podSelector": {"matchLabels": {"app": "server"}}}]}],
    )
    only_8081 = policy(
        "x", "ingress", podSelector={"matchLabels": {"app": "server"}}, ingress=[{"ports": [{"port": 8081}]}]
    )
    cluster.apply([to_server, only_8081])

    assert [ask(cluster, CLIENT, address, port, timeout_s=0.2) for port in (8080, 8081)] == ["timeout", "x/server"]


def test_named_ports_and_ranges_are_enforced(cluster: LocalCluster) -> None:
    """A name opens the subject's own number, a range all of its ports, and neither anything else."""
    address = bring_up(cluster, BASE)[SERVER][V4]
    ports = [{"port": "web"}, {"protocol": "UDP", "port": 5000, "endPort": 5400}]
    cluster.apply([policy("x", "ports", podSelector={"matchLabels": {"app": "server"}}, ingress=[{"ports": ports}])])
    seen = [
        ask(cluster, CLIENT, address, port, protocol, timeout_s=0.2)
        for port, protocol in ((8080, "TCP"), (8081, "TCP"), (5353, "UDP"))
    ]

    assert seen == ["x/server", "timeout", "x/server"]


def test_a_block_with_an_exception_is_enforced(cluster: LocalCluster) -> None:
    """An external inside the block passes, one inside the exception does not."""
    externals = [
        manifests.external(External("office", {V4: "203.0.113.10"})),
        manifests.external(External("annex", {V4: "203.0.113.200"})),
    ]
    address = bring_up(cluster, [*BASE, *externals])[SERVER][V4]
    block = {"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.128/25"]}}
    cluster.apply([policy("x", "block", podSelector={}, ingress=[{"from": [block]}])])
    refs = [ObjectRef("External", "", "office"), ObjectRef("External", "", "annex"), CLIENT]

    assert [ask(cluster, ref, address, 8080, timeout_s=0.2) for ref in refs] == ["x/server", "timeout", "timeout"]


def test_an_external_can_be_reached(cluster: LocalCluster) -> None:
    """Pods reach externals at their fixed addresses, in each family."""
    office = External("office", {V4: "203.0.113.10", V6: "2001:db8::10"}, (Listener(443),))
    bring_up(cluster, [*BASE, manifests.external(office)])
    families = cluster.capabilities().families

    assert {ask(cluster, CLIENT, office.addresses[family], 443) for family in families} == {"office"}


def test_a_service_leads_to_its_target_port(cluster: LocalCluster) -> None:
    """A Service's port is translated, by number or by name, before policies see it."""
    services = [_service("number", 80, 8081), _service("name", 81, "web")]
    addresses = bring_up(cluster, [*BASE, *services])
    only_web = policy("x", "web", podSelector={"matchLabels": {"app": "server"}}, ingress=[{"ports": [{"port": 8080}]}])
    cluster.apply([only_web])
    refs = [ObjectRef("Service", "x", "number"), ObjectRef("Service", "x", "name")]
    seen = {
        (ref.name, family): ask(cluster, CLIENT, address, port, timeout_s=0.2)
        for ref, port in zip(refs, (80, 81), strict=True)
        for family, address in addresses[ref].items()
    }

    assert {name: answer for (name, _), answer in seen.items()} == {"number": "timeout", "name": "x/server"}
    assert len(seen) == 2 * len(cluster.capabilities().families)


def test_a_service_without_backends_refuses(cluster: LocalCluster) -> None:
    """As with kube-proxy: a Service port with nobody behind it answers that nobody is there."""
    unready = manifests.pod(Pod("x", "server", {"app": "server"}, (Listener(8080),), ready=False), "x")
    objects = [namespace("x"), pod("x", "client"), unready, _service("web", 80, 8080)]
    addresses = bring_up(cluster, objects)[ObjectRef("Service", "x", "web")]

    assert {ask(cluster, CLIENT, address, 80) for address in addresses.values()} == {"ECONNREFUSED"}


def test_a_pod_reaches_itself_through_a_service(cluster: LocalCluster) -> None:
    """Hairpin: allowed even under a policy that denies everything, as Calico and Cilium do."""
    addresses = bring_up(cluster, [*BASE, _service("web", 80, 8080), DENY_ALL])
    service = addresses[ObjectRef("Service", "x", "web")]

    assert {ask(cluster, SERVER, address, 80) for address in service.values()} == {"x/server"}


def test_the_node_always_reaches_its_pods(cluster: LocalCluster) -> None:
    """A pod of the host's network is the node, which no ingress policy keeps out."""
    host = manifests.pod(Pod("x", "host", {}, (Listener(9100),), host_network=True), "x")
    addresses = bring_up(cluster, [*BASE, host, DENY_ALL])
    seen = [ask(cluster, pod_ref("x", "host"), address, 8080) for address in addresses[SERVER].values()]

    assert set(seen) == {"x/server"}


def test_egress_to_the_node_is_policed(cluster: LocalCluster) -> None:
    """A pod isolated for egress reaches its own node only where a block says so: a documented choice."""
    host = manifests.pod(Pod("x", "host", {}, (Listener(9100),), host_network=True), "x")
    node = bring_up(cluster, [*BASE, host])[pod_ref("x", "host")][V4]
    seen = [ask(cluster, CLIENT, node, 9100)]
    cluster.apply([DENY_ALL])
    seen.append(ask(cluster, CLIENT, node, 9100, timeout_s=0.2))
    cluster.apply([policy("x", "node", podSelector={}, egress=[{"to": [{"ipBlock": {"cidr": f"{node}/32"}}]}])])
    seen.append(ask(cluster, CLIENT, node, 9100))

    assert seen == ["x/host", "timeout", "x/host"]


def test_an_address_is_not_used_again(cluster: LocalCluster) -> None:
    """A deleted pod's address answers nobody, and goes to no newcomer."""
    before = bring_up(cluster, BASE)[SERVER][V4]
    cluster.delete([SERVER])
    silent = ask(cluster, CLIENT, before, 8080, timeout_s=0.2)
    after = bring_up(cluster, [_server(app="server"), pod("x", "newcomer")])

    assert silent == "timeout"
    assert before not in {address for by_family in after.values() for address in by_family.values()}


def test_a_new_pod_is_under_its_policies_from_its_first_packet(cluster: LocalCluster) -> None:
    """A pod that comes after a policy was never seen without it."""
    address = bring_up(cluster, [*BASE, DENY_ALL])[SERVER][V4]
    bring_up(cluster, [pod("x", "late", app="client")])

    assert ask(cluster, pod_ref("x", "late"), address, 8080, timeout_s=0.2) == "timeout"


def test_a_large_answer_arrives_whole(cluster: LocalCluster) -> None:
    """The channel carries batches far larger than a socket's buffer, in both directions."""
    address = bring_up(cluster, BASE)[SERVER][V4]
    probes = [
        {
            "key": f"{number:>050}",
            "protocol": "TCP",
            "address": address,
            "port": 8080,
            "nonce": f"n{number}",
            "timeout_s": 5.0,
            "engine": "socket",
        }
        for number in range(2000)
    ]
    channel = cluster.open_agent(CLIENT)
    channel.receive()
    channel.send(json.dumps({"op": "probe", "id": 1, "probes": probes}))
    answered: dict[str, str] = {}
    done = False
    while not done:
        message = json.loads(channel.receive())
        answered.update({reply["key"]: reply["result"] for reply in message.get("replies", ())})
        done = bool(message.get("done"))
    channel.close()

    assert len(answered) == 2000
    assert set(answered.values()) == {"ok"}
