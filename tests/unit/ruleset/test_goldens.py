"""Whole rulesets, to be read in review."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.cluster.local.ruleset import render
from harness.cluster.local.state import ContainerPort, ServicePortState, ServiceState, State
from tests.unit.ruleset.worlds import V4, V6, pod, policy

GOLDEN = Path(__file__).parent / "golden"
WEB = pod(1, app="web", ports=(ContainerPort(8080, "tcp", "http"),))
WEB2 = pod(2, app="web", ports=(ContainerPort(9090, "tcp", "http"),))
GUEST = pod(3, "y", app="guest")
NODE = replace(pod(4, app="web"), host_network=True)
BASE = State(namespaces={"x": {"team": "x"}, "y": {"team": "y"}}, pods=(WEB, WEB2, GUEST, NODE))
SERVICE = ServiceState(
    "x", "web", {V4: "10.96.0.2", V6: "fd00:10:96::2"}, {"app": "web"}, (ServicePortState(80, "http"),)
)
STATES = {
    "nothing": State(),
    "deny-all": replace(BASE, policies=(policy(types=("Ingress", "Egress")),)),
    "named-ports": replace(
        BASE,
        policies=(
            policy("in", podSelector={"matchLabels": {"app": "web"}}, ingress=[{"ports": [{"port": "http"}]}]),
            policy("out", "y", ("Egress",), egress=[{"to": [{"namespaceSelector": {}}], "ports": [{"port": "http"}]}]),
        ),
    ),
    "blocks": replace(
        BASE,
        policies=(
            policy(
                ingress=[
                    {
                        "from": [
                            {"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.64/26"]}},
                            {"ipBlock": {"cidr": "203.0.113.100/32"}},
                            {"ipBlock": {"cidr": "::/0"}},
                        ],
                        "ports": [{"port": 80, "endPort": 90}, {"port": 85}, {"protocol": "SCTP"}],
                    }
                ]
            ),
        ),
    ),
    "service": replace(BASE, services=(SERVICE,)),
}


@pytest.mark.parametrize("name", STATES)
def test_a_ruleset_is_as_it_was_reviewed(name: str, request: pytest.FixtureRequest) -> None:
    """A change of the text is a change that somebody reads."""
    file = GOLDEN / f"{name}.nft"
    if request.config.getoption("--update-goldens"):
        file.write_text(render(STATES[name]))

    assert render(STATES[name]) == file.read_text()
