"""What plain scalars mean in scenario files, and which of them manifests may not have."""

from typing import Any

import pytest

from harness.scenario.scalars import ambiguity, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-3", -3),
        ("010", 10),
        ("0x1F", 31),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("9" * 41, "9" * 41),
        *((text, text) for text in ("y", "on", "No", "0o17", "1_000", "12:30", "2001-01-01", "=", "a", "-", "1.2.3")),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text: str, value: Any) -> None:
    """Only true and false are booleans, and octals, dates and base-60 numbers are text."""

    assert (resolve(text), type(resolve(text))) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        *("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"),
        *("0o17", "0777", "-017", "08", "0b101", "1_000", "1_0.5", "0x_1F", "12:30", "1:30:00.5"),
        *("2001-01-01", "2001-1-1T10:00:00Z", "=", "<<"),
    ],
)
def test_what_is_read_in_two_ways_is_ambiguous(text: str) -> None:
    """YAML 1.1, or kubectl's flavour of it, reads these differently from YAML 1.2."""

    assert ambiguity(text) is not None


@pytest.mark.parametrize(
    "text", ["", "~", "null", "true", "0", "80", "-1", "1.5", "0.5", "1e3", "yEs", "web", "v1", "192.0.2.0/24", "a:b"]
)
def test_what_everybody_reads_alike_is_not(text: str) -> None:
    """A scalar that all readers take for the same needs no quotes."""

    assert ambiguity(text) is None
