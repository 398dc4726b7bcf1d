"""Ports of rules: numbers, ranges, protocols and names."""

from __future__ import annotations

import pytest

from harness.model.flow import L4Protocol
from harness.model.policy import PolicyPort
from harness.semantics.ports import PortMatch, covers, miss, names_of
from tests import builders as build

TCP, UDP, SCTP = L4Protocol.TCP, L4Protocol.UDP, L4Protocol.SCTP


@pytest.mark.parametrize("protocol", L4Protocol)
def test_no_ports_cover_every_port_of_every_protocol(protocol: L4Protocol) -> None:
    """An absent or empty list is any port."""
    assert covers((), 4711, protocol, frozenset()) is PortMatch.BY_NUMBER


@pytest.mark.parametrize(
    ("entry", "covered"),
    [
        (build.port(port=80), [80]),
        (build.port(port=80, end_port=82), [80, 81, 82]),
        (build.port(port=82, end_port=82), [82]),
        (build.port(port=None), [79, 80, 81, 82, 83]),
        (build.port(port=80, protocol=UDP), []),
        (build.port(port=None, protocol=SCTP), []),
    ],
    ids=["80/TCP", "80-82/TCP", "82-82/TCP", "80/UDP", "any TCP", "any SCTP"],
)
def test_a_number_covers_itself_or_its_range(entry: PolicyPort, covered: list[int]) -> None:
    """EndPort is inclusive, equal bounds are one port, and the protocol must be the same."""
    found = [port for port in range(79, 84) if covers([entry], port, TCP, frozenset()) is not PortMatch.NO]

    assert found == covered


def test_entries_are_alternatives() -> None:
    """A list covers what any entry covers; a name that means nothing neither widens nor voids the others."""
    entries = [build.port(port="unknown"), build.port(port=80, protocol=UDP), build.port(port=81)]

    assert [covers(entries, port, TCP, frozenset({"http"})) is not PortMatch.NO for port in (80, 81)] == [False, True]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([build.port(port="http")], PortMatch.BY_NAME),
        ([build.port(port="http"), build.port(port=80)], PortMatch.BY_NUMBER),
        ([build.port(port="http", protocol=UDP)], PortMatch.NO),
    ],
    ids=["name", "name or number", "other protocol"],
)
def test_a_number_counts_before_a_name(entries: list[PolicyPort], expected: PortMatch) -> None:
    """Only where nothing but a name covers a port can doubts about names matter."""
    assert covers(entries, 80, TCP, frozenset({"http"})) is expected


def test_a_name_is_what_the_destination_declares() -> None:
    """Same number, same protocol, declared: only then does a port bear its name."""
    pod = build.pod(
        listen=[
            build.listener(port=80, name="http"),
            build.listener(port=80, protocol=UDP, name="dns"),
            build.listener(port=81, name="quiet", declared=False),
            build.listener(port=82),
        ]
    )

    found = {(port, protocol): set(names_of(pod, port, protocol)) for port in (80, 81, 82) for protocol in (TCP, UDP)}

    assert {place: names for place, names in found.items() if names} == {(80, TCP): {"http"}, (80, UDP): {"dns"}}


def test_one_name_may_mean_several_numbers() -> None:
    """Containers of one pod may share a name: it is a set of numbers."""
    pod = build.pod(listen=[build.listener(port=80, name="http"), build.listener(port=81, name="http")])

    assert [names_of(pod, port, TCP) for port in (80, 81)] == [{"http"}, {"http"}]


def test_an_external_has_no_named_ports() -> None:
    """A named port never matches what is no pod, whatever it listens on."""
    office = build.external(listen=[build.listener(port=80, name="http")])

    assert names_of(office, 80, TCP) == frozenset()


def test_a_miss_says_what_the_names_mean() -> None:
    """The reader sees the list, and why its names did not help."""
    pod = build.pod(listen=[build.listener(port=8080, name="http")])
    entries = [build.port(port=80), build.port(port="http"), build.port(port="pg"), build.port(port=1, end_port=9)]

    assert miss(entries, 5432, TCP, pod) == (
        "ports: 5432/TCP is not in [80/TCP, http/TCP, pg/TCP, 1-9/TCP]; "
        "http/TCP is 8080 on shop/web; shop/web declares no port pg/TCP"
    )
