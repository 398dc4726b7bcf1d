"""CIDRs with variables: what they parse to, and what they become once pods have addresses."""

from copy import deepcopy
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.flow import Endpoint, Family
from harness.model.policy import Cidr
from harness.scenario.variables import parse_cidr, prefix_length, substitute

_ADDRESSES = {
    ("shop/db", Family.IPV4): "192.0.2.77",
    ("shop/db", Family.IPV6): "2001:db8:0:1::7",
    ("office", Family.IPV4): "203.0.113.10",
}


def _address(endpoint: Endpoint, family: Family) -> str:
    return _ADDRESSES[endpoint, family]


@pytest.mark.parametrize(
    ("text", "family", "endpoint", "prefix"),
    [
        ("${address:shop/db}/32", Family.IPV4, "shop/db", 32),
        ("${address6:shop/db}/128", Family.IPV6, "shop/db", 128),
        ("${network:shop/db/24}", Family.IPV4, "shop/db", 24),
        ("${network6:shop/db/64}", Family.IPV6, "shop/db", 64),
        ("${address:office}/32", Family.IPV4, "office", 32),
        ("${network:office/0}", Family.IPV4, "office", 0),
        ("${network:shop/web-0.a/32}", Family.IPV4, "shop/web-0.a", 32),
    ],
)
def test_a_variable_is_a_block_around_an_endpoint(text: str, family: Family, endpoint: str, prefix: int) -> None:
    """Nothing is known of it but family, size and whose address it is."""

    assert parse_cidr(text) == Cidr(text, family, endpoint=Endpoint(endpoint), prefix=prefix)


@pytest.mark.parametrize(
    "text", ["0.0.0.0/0", "192.0.2.0/24", "192.0.2.1/32", "::/0", "2001:DB8::/32", "2001:db8::1/128"]
)
def test_a_plain_block_is_known_at_once(text: str) -> None:
    """The author's spelling is kept beside the parsed network."""

    network = ip_network(text)
    family = Family.IPV4 if network.version == 4 else Family.IPV6

    assert parse_cidr(text) == Cidr(text, family, network=network)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/24",
        "192.0.2.0/-1",
        "192.0.2.0/+24",
        "192.0.2.0/\uff12\uff14",
        "192.0.2.0/24/24",
        " 192.0.2.0/24",
        "::1%lo/128",
    ],
)
def test_what_is_no_block_is_a_fault(text: str) -> None:
    """Python's own parser would take some of these; the API server takes none."""

    assert isinstance(parse_cidr(text), str)


@given(st.one_of(st.text(), st.from_regex(r"\$?\{?(address|network)6?:?[a-z/]*[0-9/]*\}?/?[0-9]*", fullmatch=True)))
def test_any_text_is_a_block_or_a_fault(text: str) -> None:
    """Parsing never raises, and a fault is a sentence part on one line."""

    parsed = parse_cidr(text)

    assert isinstance(parsed, Cidr) or (parsed != "" and "\n" not in parsed)


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_an_address_with_any_prefix_is_taken_exactly_when_no_host_bits_are_set(address: object, bits: int) -> None:
    """StrictIPCIDRValidation, on by default from Kubernetes 1.36."""

    text = f"{address}/{bits}"

    assert isinstance(parse_cidr(text), Cidr) == (str(ip_network(text, strict=False)) == text)


def test_prefix_length_is_known_for_variables_too() -> None:
    """`except` can be compared with `cidr` by size before any pod runs."""

    lengths = [
        prefix_length(cidr)
        for text in ("${network:shop/db/24}", "192.0.2.0/28", "0.0.0.0/0")
        if isinstance(cidr := parse_cidr(text), Cidr)
    ]

    assert lengths == [24, 28, 0]


def test_variables_become_the_real_blocks() -> None:
    """The address's own host bits are masked away, and nothing else of the document changes."""

    document = {
        "metadata": {"name": "x", "annotations": {"cidr": "${address:shop/db}/32"}},
        "spec": {
            "ingress": [
                {
                    "from": [
                        {
                            "ipBlock": {
                                "cidr": "${network:shop/db/24}",
                                "except": ["${address:shop/db}/32", "192.0.2.0/28", "${address:office}/32"],
                            }
                        },
                        {"ipBlock": {"cidr": "${network6:shop/db/64}"}},
                        {"podSelector": {"matchLabels": {"app": "${address:shop/db}/32"}}},
                    ]
                }
            ]
        },
    }
    before = deepcopy(document)
    expected = deepcopy(document)
    expected["spec"]["ingress"][0]["from"][0]["ipBlock"] = {
        "cidr": "192.0.2.0/24",
        "except": ["192.0.2.77/32", "192.0.2.0/28", "203.0.113.10/32"],
    }
    expected["spec"]["ingress"][0]["from"][1]["ipBlock"]["cidr"] = "2001:db8:0:1::/64"

    assert (substitute(document, _address), document) == (expected, before)


def test_what_is_no_variable_stays_as_written() -> None:
    """Other kinds are not validated here, and may mean something else by these fields."""

    document = {"spec": {"cidr": "$(other)", "except": "${address:shop/db}/32", "deep": [{"cidr": {"cidr": 1}}]}}

    assert substitute(document, _address) == document


def test_an_endpoint_without_address_is_the_callers_error() -> None:
    """Whatever the caller's function raises goes through: only it knows what is missing."""

    with pytest.raises(KeyError):
        substitute({"cidr": "${address6:office}/128"}, _address)
