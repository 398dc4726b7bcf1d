"""For each fault of reading or compiling: a world, a flow, what is right, and what the fault makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from harness.cluster.local.state import ContainerPort, PodState, State
from harness.cluster.local.timelines import Change
from harness.model.flow import Family
from tests.unit.ruleset.worlds import V4, V6, pod, policy

WEB, WEB2 = ContainerPort(80, "tcp", "web"), ContainerPort(81, "tcp", "web")
APP, DB, GUEST = pod(1, ports=(WEB,), app="a"), pod(2, ports=(WEB2,), app="b"), pod(3, "y", app="a")
BARE = pod(4)


@dataclass(frozen=True)
class Case:
    """One flow, from `source` (None: the external) to `destination`; `opens` says in which direction the fault errs."""

    state: State
    source: PodState | None
    destination: PodState | None
    port: int = 80
    protocol: str = "tcp"
    family: Family = V4
    opens: bool = True


def world(*policies: Any, pods: tuple[PodState, ...] = (APP, DB, GUEST, BARE)) -> State:
    """Build a state of these policies."""
    return State(namespaces={"x": {"team": "x"}, "y": {"team": "y"}, "xy": {}}, pods=pods, policies=policies)


def change(
    now: State, before: State | None = None, programmed: State | None = None, *, pending: bool = False
) -> Change:
    """Build a change to `now`, from nothing unless said otherwise."""
    earlier = [state for state in (programmed, before, now) if state is not None]
    first_pods: dict[str, PodState] = {}
    first_namespaces: dict[str, Any] = {}
    for state in earlier:
        for item in state.pods:
            first_pods.setdefault(item.interface, item)
        for name, labels in state.namespaces.items():
            first_namespaces.setdefault(name, labels)
    return Change(now, before or State(), programmed or before or State(), pending, first_pods, first_namespaces)


def into(*rules: Any, name: str = "one", namespace: str = "x", **labels: str) -> dict[str, Any]:
    """Build an ingress policy for the pods with `labels`."""
    return policy(name, namespace, podSelector={"matchLabels": labels}, ingress=list(rules))


def out(*rules: Any, **labels: str) -> dict[str, Any]:
    """Build an egress policy for the pods with `labels`."""
    return policy("out", types=("Egress",), podSelector={"matchLabels": labels}, egress=list(rules))


def _ports(*ports: Any) -> dict[str, Any]:
    return {"ports": [item if isinstance(item, dict) else {"port": item} for item in ports]}


def _peers(*peers: Any) -> dict[str, Any]:
    return {"from": list(peers)}


def _block(cidr: str, *excepts: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr, **({"except": list(excepts)} if excepts else {})}}


_NOBODY = {"podSelector": {"matchLabels": {"app": "nobody"}}}
_NOT_C = {"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["c"]}]}}
_EXPRESSION = {
    "podSelector": {
        "matchLabels": {"app": "a"},
        "matchExpressions": [{"key": "team", "operator": "Exists"}],
    }
}
_BOTH = {"podSelector": {"matchLabels": {"app": "b"}}, "namespaceSelector": {"matchLabels": {"team": "y"}}}
_HOST = replace(DB, labels={"app": "b", "host": ""})
_STATEFUL = replace(DB, labels={"app": "b", "statefulset.kubernetes.io/pod-name": "db-0"})
_FIFTEEN = _ports(*range(1000, 1016))
_DENY_B = into(app="b")
_XY = pod(5, "xy", app="b")

CASES: dict[str, Case] = {
    "no-enforcement": Case(world(_DENY_B), APP, DB),
    "ignores-end-port": Case(world(into(_ports({"port": 79, "endPort": 90}), app="b")), APP, DB, opens=False),
    "named-port-opens-all": Case(world(into(_ports("web"), app="b")), APP, DB, 443),
    "unresolved-name-opens-all": Case(world(into(_ports("none"), app="b")), APP, DB, 443),
    "named-port-on-source": Case(world(into(_ports("web"), app="b")), APP, DB, 80),
    "named-port-ignored": Case(world(into(_ports("web"), app="b")), APP, DB, 81, opens=False),
    "protocol-ignored": Case(world(into(_ports(80), app="b")), APP, DB, 80, "udp"),
    "sctp-as-tcp": Case(world(into(_ports({"port": 80, "protocol": "SCTP"}), app="b")), APP, DB),
    "udp-unpoliced": Case(world(_DENY_B), APP, DB, 53, "udp"),
    "ports-beyond-fifteen-dropped": Case(world(into(_FIFTEEN, app="b")), APP, DB, 1015, opens=False),
    "protocol-only-unenforced": Case(world(into(_ports({"protocol": "UDP"}), app="b")), APP, DB),
    "ignores-except": Case(world(into(_peers(_block("10.244.0.0/24", "10.244.0.0/29")), app="b")), APP, DB),
    "except-denies-elsewhere": Case(
        world(into(_peers(_block("10.244.0.0/24", "10.244.0.0/29"), {"podSelector": {}}), app="b")),
        APP,
        DB,
        opens=False,
    ),
    "except-spans-rule": Case(
        world(into(_peers(_block("10.0.0.0/8", "10.244.0.0/16"), _block("10.128.0.0/9")), app="b")),
        APP,
        DB,
        opens=False,
    ),
    "ipblock-skips-pods": Case(world(into(_peers(_block("0.0.0.0/0")), app="b")), APP, DB, opens=False),
    "ipv6-block-stops-sync": Case(world(into(_peers(_block("2001:db8::/32")), app="b")), APP, DB),
    "ipv6-unpoliced": Case(world(_DENY_B), APP, DB, family=V6),
    "ors-selectors": Case(world(into(_peers(_BOTH), app="b")), GUEST, DB),
    "notin-needs-key": Case(world(into(_peers(_NOT_C), app="b")), BARE, DB, opens=False),
    "ignores-match-expressions": Case(world(into(_peers(_EXPRESSION), app="b")), APP, DB),
    "pod-selector-in-all-namespaces": Case(world(into(_peers({"podSelector": {}}), app="b")), GUEST, DB),
    "empty-namespace-selector-is-own": Case(
        world(into(_peers({"namespaceSelector": {}}), app="b")), GUEST, DB, opens=False
    ),
    "empty-selector-selects-nothing": Case(world(into()), APP, DB),
    "empty-set-opens": Case(world(into(_peers(_NOBODY), app="b")), APP, DB),
    "host-label-unpoliced": Case(world(_DENY_B, pods=(APP, _HOST)), APP, _HOST),
    "workload-labels-hidden": Case(
        world(into(**{"statefulset.kubernetes.io/pod-name": "db-0"}), pods=(APP, _STATEFUL)), APP, _STATEFUL
    ),
    "forgets-egress": Case(world(out(app="a")), APP, DB),
    "forgets-ingress": Case(world(_DENY_B), APP, DB),
    "ingress-blocks-egress": Case(world(into(app="a")), APP, DB, opens=False),
    "last-policy-wins": Case(world(into({}, app="b"), into(name="two", app="b")), APP, DB, opens=False),
    "rules-cross-product": Case(
        world(into({**_peers({"podSelector": {}}), **_ports(443)}, {**_peers(_BOTH), **_ports(80)}, app="b")), APP, DB
    ),
    "first-accept-ends": Case(world(out({}, app="a"), _DENY_B), APP, DB),
    "ingress-satisfies-egress": Case(
        world(
            policy(
                types=("Ingress", "Egress"),
                podSelector={},
                ingress=[_peers({"podSelector": {}})],
                egress=[_ports({"port": 53, "protocol": "UDP"})],
            )
        ),
        APP,
        DB,
    ),
    "name-collision": Case(world(into(name="ya"), into({}, name="a", namespace="xy"), pods=(APP, DB, _XY)), APP, DB),
    "keyed-by-name-only": Case(world(into(), into({}, namespace="y")), APP, DB),
    "long-names-unenforced": Case(world(into(name="n" * 60, app="b")), APP, DB),
    "half-applied": Case(world(into()), DB, APP),
    "isolates-only-one": Case(world(into()), APP, DB),
}
