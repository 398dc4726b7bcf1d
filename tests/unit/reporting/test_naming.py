"""Short names for many things at once."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.flow import Family, L4Protocol, Via
from harness.reporting import naming
from harness.reporting.naming import Plane
from tests.unit.reporting.strategies import PLANES

TCP, UDP = L4Protocol.TCP, L4Protocol.UDP
POD, SERVICE = Via.POD, Via.SERVICE
V4, V6 = Family.IPV4, Family.IPV6


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["shop/web-0", "shop/web-1", "shop/web-2", "shop/db"], ["shop/web-0..2", "shop/db"]),
        (["shop/web-0", "shop/web-1"], ["shop/web-0", "shop/web-1"]),
        (["shop/web-1", "shop/web-3", "shop/web-4", "shop/web-5"], ["shop/web-1", "shop/web-3..5"]),
        (["a/x-8", "a/x-9", "a/x-10", "b/x-11"], ["a/x-8..10", "b/x-11"]),
        (["a/x-01", "a/x-02", "a/x-03"], ["a/x-01", "a/x-02", "a/x-03"]),
        (["office"], ["office"]),
        ([], []),
    ],
)
def test_runs_of_replicas_take_one_term(names: list[str], expected: list[str]) -> None:
    """Three replicas or more in a row are a range; leading zeros are part of a name."""
    assert naming.endpoints(names) == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([80], "80"), ([443, 80], "80, 443"), ([8080, 8081, 8082, 8083, 53], "53, 8080-8083"), ([1, 2], "1, 2")],
)
def test_runs_of_ports_are_ranges(numbers: list[int], expected: str) -> None:
    """Three ports or more in a row are a range."""
    assert naming.ports(numbers) == expected


@pytest.mark.parametrize(
    ("planes", "expected"),
    [
        ([(80, TCP, POD, V4)], "80/TCP"),
        ([(80, TCP, SERVICE, V6)], "80/TCP via service over IPv6"),
        ([(80, TCP, POD, V4), (80, UDP, POD, V4)], "80/TCP+UDP"),
        (list(product([80, 81], [TCP], [POD, SERVICE], [V4, V6])), "80, 81/TCP via pod and service over IPv4 and IPv6"),
        ([(53, UDP, POD, V4), (53, UDP, POD, V6), (80, TCP, POD, V4)], "53/UDP over IPv4 and IPv6; 80/TCP"),
        ([(53, UDP, POD, V4), (53, UDP, SERVICE, V6)], "53/UDP; 53/UDP via service over IPv6"),
    ],
)
def test_planes_are_named_together(planes: list[tuple[int, L4Protocol, Via, Family]], expected: str) -> None:
    """What is ordinary goes unsaid, every combination is said once."""
    assert naming.planes([Plane(*plane) for plane in planes]) == expected


@given(st.lists(PLANES.map(lambda plane: Plane(*plane)), min_size=1, unique=True))
def test_every_port_of_some_planes_is_named(planes: list[Plane]) -> None:
    """However planes combine, none of their ports, protocols or families is lost."""
    text = naming.planes(planes)
    lost = [plane for plane in planes if plane.protocol not in text or (plane.family is V6 and "IPv6" not in text)]

    assert lost == []


def test_long_lists_end_in_a_count() -> None:
    """What is left out is counted."""
    assert naming.listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"
