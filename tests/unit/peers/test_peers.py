"""Selectors of peers, and placement: who is meant, and in words why not."""

from __future__ import annotations

import pytest

from harness.model.flow import Endpoint, Family
from harness.model.policy import Peer
from harness.model.topology import NodePlacement
from harness.semantics.blocks import Blocks
from harness.semantics.peers import Peers
from harness.semantics.placement import Placement
from harness.semantics.reasons import HOSTNET, YES
from tests import builders as build

OFFICE = build.external()
WEB = build.pod(labels={"app": "web"})
VISITOR = build.pod(namespace="guest", name="visitor", labels={"app": "web"})
AGENT = build.pod(name="agent", labels={"app": "web"}, host_network=True)
TOPOLOGY = build.topology(
    namespaces=[build.namespace(labels={"team": "shop"})], pods=[WEB, VISITOR, AGENT], externals=[OFFICE]
)
PEERS = Peers(TOPOLOGY, Blocks(TOPOLOGY, Placement(TOPOLOGY.pods.values())))


@pytest.mark.parametrize(
    ("peer", "selected"),
    [
        (build.peer(), ["shop/web"]),
        (build.peer(pods={"app": "web"}), ["shop/web"]),
        (build.peer(pods={"app": "db"}), []),
        (build.peer(namespaces={}), ["shop/web", "guest/visitor"]),
        (build.peer(namespaces={"team": "shop"}), ["shop/web"]),
        (build.peer(namespaces={}, pods={"app": "web"}), ["shop/web", "guest/visitor"]),
        (build.peer(namespaces={"team": "none"}, pods={}), []),
    ],
    ids=["own namespace", "label", "other label", "all", "team", "both", "neither"],
)
def test_selectors_select_pods_only(peer: Peer, selected: list[str]) -> None:
    """A podSelector alone stays in the policy's namespace; an external is never selected."""
    ends = (WEB, VISITOR, OFFICE)

    found = [end.endpoint for end in ends if PEERS.facts(peer, "shop", end, Family.IPV4) == YES]

    assert found == selected


def test_a_host_network_pod_that_is_selected_is_in_doubt() -> None:
    """The API permits treating it as a pod or as its node."""
    assert PEERS.facts(build.peer(), "shop", AGENT, Family.IPV4) == HOSTNET


@pytest.mark.parametrize(
    ("peer", "end", "words"),
    [
        (
            build.peer(namespaces={"team": "shop"}),
            VISITOR,
            "namespaceSelector {team=shop} does not select guest {kubernetes.io/metadata.name=guest}",
        ),
        (build.peer(pods={"app": "db"}), WEB, "podSelector {app=db} does not select shop/web {app=web}"),
        (build.peer(), VISITOR, "podSelector {} alone selects in namespace shop only, not guest/visitor"),
        (build.peer(), OFFICE, "selectors never match office, which is no pod"),
        (
            build.peer(block="203.0.113.0/24", excepts=["203.0.113.0/28"]),
            OFFICE,
            "ipBlock 203.0.113.0/24 except [203.0.113.0/28] does not contain office (203.0.113.10)",
        ),
        (build.peer(block="192.0.2.0/24"), WEB, "ipBlock 192.0.2.0/24 does not contain shop/web"),
        (build.peer(block="::/0"), WEB, "ipBlock ::/0 is IPv6, the flow IPv4"),
    ],
    ids=["namespace", "pod", "elsewhere", "external", "except", "pod and block", "family"],
)
def test_a_miss_names_what_was_asked_and_what_was_there(peer: Peer, end: object, words: str) -> None:
    """The reader sees the selector and the labels it met, or the block and the address."""
    assert isinstance(end, type(WEB) | type(OFFICE))

    assert PEERS.miss(peer, "shop", end, Family.IPV4) == words


def test_same_as_is_transitive_and_other_than_spreads() -> None:
    """Pods of one node share what is known of it; what nobody said stays open."""
    pods = [
        build.pod(name="a"),
        build.pod(name="b", node=NodePlacement(same=True, other=Endpoint("shop/a"))),
        build.pod(name="c", node=NodePlacement(same=True, other=Endpoint("shop/b"))),
        build.pod(name="d", node=NodePlacement(same=False, other=Endpoint("shop/c"))),
        build.pod(name="e"),
    ]
    placement = Placement(pods)

    assert [placement.share_node(Endpoint("shop/a"), pod.endpoint) for pod in pods] == [True, True, True, False, None]


def test_pods_that_name_each_other_share_a_node() -> None:
    """A circle of `same-as` is one node, and no endless loop."""
    pods = [
        build.pod(name="a", node=NodePlacement(same=True, other=Endpoint("shop/b"))),
        build.pod(name="b", node=NodePlacement(same=True, other=Endpoint("shop/a"))),
    ]

    assert Placement(pods).share_node(Endpoint("shop/b"), Endpoint("shop/a")) is True
