"""Rules of the data plane that random worlds meet too seldom."""

from __future__ import annotations

from dataclasses import replace

from harness.cluster.local.ruleset import render
from harness.cluster.local.state import ContainerPort, PodState, ServicePortState, ServiceState, State
from tests.unit.ruleset.interpreter import parse
from tests.unit.ruleset.worlds import V4, V6, packet, pod, policy

WEB = ContainerPort(8080, "tcp", "web")
CLIENT, SERVER = pod(1, app="client"), pod(2, app="server", ports=(WEB,))


def _verdict(state: State, source: PodState | None, destination: PodState | None, port: int, **more: object) -> str:
    return parse(render(state)).verdict(packet(source, destination, port, **more))  # type: ignore[arg-type]


def _state(*policies: object, pods: tuple[PodState, ...] = (CLIENT, SERVER)) -> State:
    return State(namespaces={"x": {}}, pods=pods, policies=policies)  # type: ignore[arg-type]


def test_a_named_port_towards_a_block_opens_the_blocks_family_alone() -> None:
    """An IPv4 block that holds a pod's address says nothing about its IPv6 address."""
    block = {"ipBlock": {"cidr": "10.244.0.0/16"}}
    state = _state(policy(types=("Egress",), egress=[{"to": [block], "ports": [{"port": "web"}]}]))
    verdicts = [_verdict(state, CLIENT, SERVER, 8080, family=family) for family in (V4, V6)]

    assert verdicts == ["accept", "drop"]


def test_a_named_port_for_egress_is_each_peers_own() -> None:
    """Two peers that call different numbers by one name are open on their own number only."""
    other = pod(3, ports=(ContainerPort(9090, "tcp", "web"),))
    state = _state(policy(types=("Egress",), egress=[{"ports": [{"port": "web"}]}]), pods=(CLIENT, SERVER, other))
    open_ = {
        (end.name, port)
        for end in (SERVER, other)
        for port in (8080, 9090)
        if _verdict(state, CLIENT, end, port) == "accept"
    }

    assert open_ == {("pod-2", 8080), ("pod-3", 9090)}


def test_a_name_that_nobody_has_matches_nothing() -> None:
    """It neither opens all ports nor voids the rest of the list."""
    state = _state(policy(ingress=[{"ports": [{"port": "none"}, {"port": 81}]}]))

    assert [_verdict(state, CLIENT, SERVER, port) for port in (80, 81, 8080)] == ["drop", "accept", "drop"]


def test_a_name_holds_for_its_protocol_alone() -> None:
    """The policy's protocol picks among ports of one name."""
    both = pod(2, ports=(WEB, ContainerPort(5353, "udp", "web")))
    state = _state(policy(ingress=[{"ports": [{"port": "web", "protocol": "UDP"}]}]), pods=(CLIENT, both))
    verdicts = [_verdict(state, CLIENT, both, port, protocol="udp") for port in (8080, 5353)]

    assert [*verdicts, _verdict(state, CLIENT, both, 8080)] == ["drop", "accept", "drop"]


def test_a_pod_on_the_hosts_network_is_no_peer() -> None:
    """Selectors pass over it, as subject and as peer: it is the node."""
    host = replace(pod(3, app="client"), host_network=True)
    state = _state(policy(ingress=[{"from": [{"podSelector": {}}]}]), pods=(SERVER, host))
    rules = parse(render(state))

    assert rules.maps["ingress"].keys() == {"p2"}
    assert rules.verdict(packet(host, SERVER, 80)) == "drop"


def test_inert_rules_do_nothing() -> None:
    """Rules of a direction that policyTypes lacks neither allow nor isolate."""
    state = _state(policy(types=("Ingress",), egress=[{"ports": [{"port": 1}]}]))

    assert parse(render(state)).maps["egress"] == {}


def test_pods_under_the_same_rules_share_a_chain() -> None:
    """A policy for a thousand pods is compiled once."""
    pods = tuple(pod(number) for number in range(1, 101))
    rules = parse(render(_state(policy(ingress=[{"ports": [{"port": 80}]}]), pods=pods)))

    assert len(rules.maps["ingress"]) == 100
    assert len(set(rules.maps["ingress"].values())) == 1


def test_services_lead_to_ready_pods_by_their_own_target() -> None:
    """Backends are the ready pods that the selector selects, each on what the target's name means there."""
    other = pod(3, app="server", ports=(ContainerPort(9090, "tcp", "web"),))
    unready = replace(pod(4, app="server", ports=(WEB,)), ready=False)
    nameless = pod(5, app="server")
    service = ServiceState("x", "web", {V4: "10.96.0.2"}, {"app": "server"}, (ServicePortState(80, "web"),))
    text = render(replace(_state(pods=(CLIENT, SERVER, other, unready, nameless)), services=(service,)))

    assert "dnat ip to numgen random mod 2 map { 0 : 10.244.0.3 . 8080, 1 : 10.244.0.4 . 9090 }" in text
    assert "10.96.0.2 . tcp . 80 : goto service-0" in text


def test_a_service_that_selects_nobody_has_no_chain() -> None:
    """Neither an absent nor an unmatched selector has a backend: what goes there is refused."""
    ports = (ServicePortState(80, 80),)
    services = tuple(
        ServiceState("x", name, {V4: f"10.96.0.{number}"}, selector, ports)
        for number, (name, selector) in enumerate({"none": None, "empty": {}, "nobody": {"app": "nobody"}}.items(), 2)
    )
    text = render(replace(_state(), services=services))

    assert "dnat" not in text.split("chain prerouting")[0]
    assert "ip daddr 10.96.0.0/16 reject" in text
