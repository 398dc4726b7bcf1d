"""Names, labels and port names are valid exactly where Kubernetes says so."""

import pytest

from harness.scenario.names import (
    is_dns1123_label,
    is_dns1123_subdomain,
    label_key_fault,
    label_value_fault,
    port_name_fault,
    shown,
)


@pytest.mark.parametrize("text", ["a", "0", "shop-1", "a--b", "a" * 63])
def test_a_dns_label_is_taken(text: str) -> None:
    """RFC 1123: lower-case letters, digits and dashes inside, at most 63 characters."""

    assert is_dns1123_label(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "A", "a.b", "a_b", "ä", "a\n", "a" * 64, "٣"])
def test_what_is_no_dns_label_is_refused(text: str) -> None:
    """A newline at the end and digits of other scripts are the ones that a careless pattern lets pass."""

    assert not is_dns1123_label(text)


@pytest.mark.parametrize("text", ["a", "a.b", "a-1.b-2.c", "a" * 253])
def test_a_dns_subdomain_is_taken(text: str) -> None:
    """Dots join labels; the 63 characters of a label are not asked for, the 253 in all are."""

    assert is_dns1123_subdomain(text)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a.-b", "A.b", "a" * 254, "a\n"])
def test_what_is_no_dns_subdomain_is_refused(text: str) -> None:
    """Each part between dots starts and ends with a letter or digit."""

    assert not is_dns1123_subdomain(text)


@pytest.mark.parametrize("key", ["a", "A", "a.b_c-d", "kubernetes.io/metadata.name", "x" * 253 + "/" + "y" * 63, "9"])
def test_a_label_key_is_taken(key: str) -> None:
    """A key is a name of at most 63 characters, after a DNS subdomain and '/' if there is one."""

    assert label_key_fault(key) is None


@pytest.mark.parametrize(
    ("key", "fault"),
    [
        ("", "'' has no name"),
        ("/", "'/' has nothing before '/'"),
        ("/a", "'/a' has nothing before '/'"),
        ("a/", "'a/' has no name"),
        ("a/b/c", "'a/b/c' has more than one '/'"),
        ("A/b", "'A/b' has a prefix that is no DNS name in lower case of at most 253 characters"),
        ("k" * 64, f"'{'k' * 64}' has 64 characters, of at most 63"),
        (
            "a\n",
            "'a\\n' may hold only letters, digits, '-', '_' and '.', and must start and end with a letter or digit",
        ),
    ],
)
def test_what_is_no_label_key_is_refused_with_its_reason(key: str, fault: str) -> None:
    """The reason quotes the key, on one line."""

    assert label_key_fault(key) == fault


@pytest.mark.parametrize("value", ["", "a", "A.b_c-9", "v" * 63])
def test_a_label_value_is_taken(value: str) -> None:
    """The empty value is a value."""

    assert label_value_fault(value) is None


@pytest.mark.parametrize("value", ["-", "a-", ".a", "a b", "a/b", "é", "v" * 64])
def test_what_is_no_label_value_is_refused(value: str) -> None:
    """At most 63 letters, digits, '-', '_', '.', with a letter or digit at both ends."""

    assert label_value_fault(value) is not None


@pytest.mark.parametrize("name", ["http", "a", "9p", "p-9", "abcdefghijklmno"])
def test_a_port_name_is_taken(name: str) -> None:
    """RFC 6335: at most 15 characters, at least one letter."""

    assert port_name_fault(name) is None


@pytest.mark.parametrize("name", ["", "80", "8-0", "HTTP", "a--b", "-a", "a-", "a_b", "abcdefghijklmnop", "a\n", "é"])
def test_what_is_no_port_name_is_refused(name: str) -> None:
    """No capitals, no two dashes in a row, none at the ends."""

    assert port_name_fault(name) is not None


def test_a_long_or_hostile_text_is_shown_short_and_on_one_line() -> None:
    """Control characters of a hostile file must not reach a terminal."""

    assert shown("\x1b[31m" + "x" * 1000) == "'\\x1b[31m" + "x" * 74 + "…'"
