"""Read NetworkPolicy documents, and describe what came of them as text."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.model.policy import NetworkPolicy, Peer, PolicyPort, Rule
from harness.scenario.policies import Path, decode_policy

Fault = tuple[Path, str, str | None]
Read = Callable[[Any], tuple[NetworkPolicy | None, list[Fault]]]


def _read(document: Any) -> tuple[NetworkPolicy | None, list[Fault]]:
    faults: list[Fault] = []
    policy = decode_policy(document, "shop", lambda *fault: faults.append(fault), None)
    return policy, faults


def _peer(peer: Peer) -> str:
    if peer.ip_block:
        excepts = "".join(f" except {block}" for block in peer.ip_block.excepts)
        return f"{peer.ip_block.cidr}{excepts}"
    pods = f"pods {peer.pod_selector}" if peer.pod_selector is not None else "pods"
    return pods if peer.namespace_selector is None else f"{pods} in namespaces {peer.namespace_selector}"


def _port(port: PolicyPort) -> str:
    end = f"-{port.end_port}" if port.end_port is not None else ""
    return f"{port.protocol}/{'*' if port.port is None else port.port}{end}"


def _rule(word: str, rule: Rule) -> str:
    peers = " or ".join(map(_peer, rule.peers)) or "anyone"
    return f"{word} {peers} on {', '.join(map(_port, rule.ports)) or 'anything'}"


def _view(policy: NetworkPolicy) -> list[str]:
    return [
        f"pods {policy.pod_selector} isolated for {', '.join(policy.policy_types)}",
        *(_rule("from", rule) for rule in policy.ingress),
        *(_rule("to", rule) for rule in policy.egress),
    ]


@pytest.fixture(scope="session")
def read() -> Read:
    """Decode a document that lives in `shop`, and return the policy and all faults."""
    return _read


@pytest.fixture(scope="session")
def view() -> Callable[[NetworkPolicy], list[str]]:
    """Render a policy as lines: its targets and types, then a line a rule."""
    return _view
