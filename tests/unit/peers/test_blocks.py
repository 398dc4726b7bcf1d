"""IpBlocks against pods, nodes and externals, before any address of a pod is known."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from harness.model.flow import Endpoint, Family
from harness.model.policy import Cidr, IPBlock
from harness.model.topology import External, NodePlacement, Pod
from harness.semantics.blocks import Blocks
from harness.semantics.placement import Placement
from harness.semantics.reasons import IPBLOCK_VS_NODE, IPBLOCK_VS_POD, NO, YES
from tests import builders as build

OFFICE = build.external(address6="2001:db8::10")
SRC, OTHER = build.pod(name="src"), build.pod(name="other")
HOST = build.pod(name="host", host_network=True)
NEAR = build.pod(name="near", host_network=True, node=NodePlacement(same=True, other=Endpoint("shop/host")))
BESIDE = build.pod(name="beside", node=NodePlacement(same=True, other=Endpoint("shop/host")))
FAR = build.pod(name="far", host_network=True, node=NodePlacement(same=False, other=Endpoint("shop/host")))


def _facts(
    cidr: Cidr | str, end: Pod | External, *, excepts: Iterable[Cidr | str] = (), family: Family = Family.IPV4
) -> int:
    topology = build.topology(pods=[SRC, OTHER, HOST, NEAR, BESIDE, FAR], externals=[OFFICE])
    block = build.peer(block=cidr, excepts=excepts).ip_block
    assert isinstance(block, IPBlock)
    return Blocks(topology, Placement(topology.pods.values())).facts(block, end, family)


@pytest.mark.parametrize(
    ("cidr", "excepts", "expected"),
    [
        ("203.0.113.0/24", [], YES),
        ("203.0.113.10/32", [], YES),
        ("203.0.113.11/32", [], NO),
        ("0.0.0.0/0", [], YES),
        ("203.0.113.0/24", ["203.0.113.0/28"], NO),
        ("203.0.113.0/24", ["203.0.113.128/25"], YES),
        ("::/0", [], NO),
    ],
)
def test_an_external_is_covered_by_address(cidr: str, excepts: list[str], expected: int) -> None:
    """In the block and in none of its exceptions; the other family's blocks say nothing."""
    assert _facts(cidr, OFFICE, excepts=excepts) == expected


def test_an_external_is_covered_in_the_family_of_the_flow() -> None:
    """A dual-stack external is compared by the address that the flow uses."""
    assert _facts("2001:db8::/64", OFFICE, family=Family.IPV6) == YES


@pytest.mark.parametrize(
    ("cidr", "family", "expected"),
    [
        ("10.0.0.0/8", Family.IPV4, IPBLOCK_VS_POD),
        ("0.0.0.0/0", Family.IPV4, IPBLOCK_VS_POD),
        ("192.0.2.0/24", Family.IPV4, NO),
        ("198.51.100.64/26", Family.IPV4, NO),
        ("192.0.2.0/23", Family.IPV4, IPBLOCK_VS_POD),
        ("2001:db8::/32", Family.IPV6, NO),
        ("2001:db0::/28", Family.IPV6, IPBLOCK_VS_POD),
        ("10.0.0.0/8", Family.IPV6, NO),
    ],
)
def test_a_pod_is_in_no_documentation_range(cidr: str, family: Family, expected: int) -> None:
    """Whether a block covers pods is open, but where no pod can be in it (RFC 5737, RFC 3849)."""
    assert _facts(cidr, SRC, family=family) == expected


@pytest.mark.parametrize(
    ("excepts", "expected"),
    [
        ([build.cidr(around="shop/src")], NO),
        ([build.cidr(around="shop/src", prefix=24)], NO),
        ([build.cidr(around="shop/other")], IPBLOCK_VS_POD),
        ([build.cidr(around="shop/other", prefix=24)], IPBLOCK_VS_POD),
        (["10.0.0.0/8"], IPBLOCK_VS_POD),
        (["192.0.2.0/24"], IPBLOCK_VS_POD),
    ],
    ids=["itself", "its network", "another", "another's network", "known", "documentation"],
)
def test_only_a_certain_exception_frees_a_pod_of_doubt(excepts: list[Cidr | str], expected: int) -> None:
    """A pod that is certainly carved out is certainly not covered, whatever blocks mean for pods."""
    assert _facts("0.0.0.0/0", SRC, excepts=excepts) == expected


def test_an_exception_in_doubt_leaves_the_external_certain() -> None:
    """A network around a pod reaches no documentation address unless it is larger than the range."""
    small, large = (build.cidr(around="shop/src", prefix=prefix) for prefix in (24, 8))

    assert [_facts("0.0.0.0/0", OFFICE, excepts=[each]) for each in (small, large)] == [YES, IPBLOCK_VS_POD]


def test_an_address_variable_concerns_its_pod_alone() -> None:
    """`${address:shop/src}/32` is certainly no other pod, node or external."""
    cidr = build.cidr(around="shop/src")

    assert [_facts(cidr, end) for end in (SRC, OTHER, HOST, OFFICE)] == [IPBLOCK_VS_POD, NO, NO, NO]


def test_a_network_variable_may_concern_any_pod() -> None:
    """`${network:shop/src/24}` holds that pod for certain and others perhaps: all are open."""
    cidr = build.cidr(around="shop/src", prefix=24)

    assert [_facts(cidr, end) for end in (SRC, OTHER, HOST, OFFICE)] == [
        IPBLOCK_VS_POD,
        IPBLOCK_VS_POD,
        IPBLOCK_VS_NODE,
        NO,
    ]


def test_a_variable_that_names_an_external_is_known() -> None:
    """Externals have their addresses before a run: the block is like a written one."""
    cidr = build.cidr(around="office")

    assert [_facts(cidr, end) for end in (OFFICE, SRC, HOST)] == [YES, NO, NO]


def test_pods_on_one_host_network_share_an_address() -> None:
    """A hostNetwork pod's address is its node's: same node, same address; other pods there have their own."""
    cidr = build.cidr(around="shop/host")

    assert [_facts(cidr, end) for end in (HOST, NEAR, FAR, BESIDE)] == [IPBLOCK_VS_NODE, IPBLOCK_VS_NODE, NO, NO]


def test_a_pod_that_is_gone_has_an_address_of_its_own() -> None:
    """A policy may still name a removed pod; it is certainly nobody else's address."""
    assert _facts(build.cidr(around="shop/gone"), SRC) == NO
