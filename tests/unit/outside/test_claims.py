"""Who has which address outside."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cluster.outside.claims import Claims, Host
from harness.errors import ClusterError
from harness.manifests import external
from harness.model.flow import Family
from harness.model.scenario import ObjectRef
from harness.model.topology import External, Listener

V4, V6 = Family.IPV4, Family.IPV6
HOSTS = [
    Host(((V4, f"203.0.113.{number}"), (V6, f"2001:db8::{number}")), ("--name", name))
    for name in ("office", "cafe")
    for number in (1, 2)
] + [Host(((V4, "203.0.113.1"), (V6, "2001:db8::2")), ("--name", "office"))]


def _object(name: str) -> ObjectRef:
    return ObjectRef("External", "", name)


def _host(name: str, *addresses: str, listen: tuple[int, ...] = (80,)) -> Host:
    spec = External(name, {V6 if ":" in text else V4: text for text in addresses}, tuple(map(Listener, listen)))
    return Host.of(external(spec, "np-1-" + name), [V4, V6])


def test_two_lanes_that_agree_in_everything_share_a_host() -> None:
    """The host is new once, and gone when the last of them has let go."""
    claims, office = Claims(), _host("office", "203.0.113.10")
    first, second = {_object("one"): office}, {_object("two"): office}
    new = [claims.new(first)]
    claims.claim(first)
    new.append(claims.new(second))
    in_the_way = claims.conflict(second)
    claims.claim(second)

    assert (new, in_the_way) == ([[office], []], None)
    assert (claims.release(first), claims.release(second)) == ([], [office])


@pytest.mark.parametrize(
    "other",
    [
        _host("customer", "203.0.113.10"),
        _host("office", "203.0.113.10", listen=(80, 81)),
        _host("office", "203.0.113.11", "2001:db8::10"),
    ],
    ids=["another name", "another listener", "one address of two"],
)
def test_what_shares_an_address_and_nothing_else_is_in_the_way(other: Host) -> None:
    """Whatever differs, no two hosts are there at one address at once."""
    claims, office = Claims(), _host("office", "203.0.113.10", "2001:db8::10")
    claims.claim({_object("one"): office})
    before = claims.conflict({_object("two"): other})
    claims.release([_object("one")])

    assert before == (other, office)
    assert claims.conflict({_object("two"): other}) is None


def test_addresses_of_a_family_that_nobody_has_do_not_count() -> None:
    """On a cluster without IPv6 an external has its IPv4 address alone, and shares no other."""
    spec = External("office", {V4: "203.0.113.10", V6: "2001:db8::10"})

    assert Host.of(external(spec), [V4]).addresses == ((V4, "203.0.113.10"),)


def test_deleting_what_was_never_there_frees_nothing() -> None:
    """A lane that gave up waiting takes nobody else's host along."""
    claims = Claims()
    claims.claim({_object("one"): _host("office", "203.0.113.10")})

    assert claims.release([_object("two"), _object("two")]) == []


def test_two_of_one_lane_at_one_address_are_refused_at_once() -> None:
    """Waiting would help nothing: they would be in each other's way for ever."""
    wanted = {_object("a"): _host("a", "203.0.113.10"), _object("b"): _host("b", "203.0.113.10")}

    with pytest.raises(ClusterError, match="its address is that of b too"):
        Claims().conflict(wanted)


def test_an_external_that_is_up_cannot_change() -> None:
    """Its agent listens already; another one would be another host."""
    claims = Claims()
    claims.claim({_object("a"): _host("office", "203.0.113.10")})

    with pytest.raises(ClusterError, match="cannot change"):
        claims.conflict({_object("a"): _host("office", "203.0.113.11")})


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, *HOSTS]))))
def test_no_address_is_ever_there_twice(orders: list[tuple[int, Host | None]]) -> None:
    """Whatever comes and goes, hosts that are up share no address, and each is up as long as somebody claims it."""
    claims, up, claimed = Claims(), set(), {}
    for number, host in orders:
        item = _object(str(number))
        if host is None:
            up -= set(claims.release([item]))
            claimed.pop(item, None)
        elif claimed.get(item, host) == host and claims.conflict({item: host}) is None:
            up |= set(claims.new({item: host}))
            claims.claim({item: host})
            claimed[item] = host

    assert up == set(claimed.values())
    assert [pair for pair in combinations(up, 2) if pair[0].shares_address(pair[1])] == []
