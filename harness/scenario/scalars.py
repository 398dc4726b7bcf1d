"""What a plain YAML scalar means, and where YAML's own versions disagree about it.

Pure. Scenario files follow the core schema of YAML 1.2; manifests are read as kubectl
reads them, and what its YAML 1.1 flavour reads differently is a fault, never a guess.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

# Python refuses to convert longer numbers, and nothing in these files needs them.
LONGEST_NUMBER = 40

_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")

# go-yaml v2, which kubectl reads manifests with, resolves exactly these spellings.
_BOOLEANS_1_1: dict[str, str] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), "true"),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), "false"),
}
_OCTAL = re.compile(r"[-+]?0o?[0-9_]+")
_BINARY = re.compile(r"[-+]?0b[01_]+")
_GROUPED = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|0x[0-9a-fA-F_]+)")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")


def resolve(text: str) -> Scalar:
    """Return what the plain scalar `text` means in YAML 1.2.

    Octals (`0o17`) and numbers of more than 40 characters stay text: whoever writes one where
    text is expected means the text, and where a number is expected it is a fault.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789" or len(text) > LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    return float(text) if _FLOAT.fullmatch(text) else text


def ambiguity(text: str) -> str | None:
    """Say in which ways the plain scalar `text` is read, or None where all read it alike."""
    if text in _BOOLEANS_1_1:
        return f"kubectl reads it as the boolean {_BOOLEANS_1_1[text]}, YAML 1.2 as text"
    if text == "=":
        return "YAML 1.1 reads it as its default-value mark, YAML 1.2 as text"
    if text == "<<":
        return "kubectl reads it as a merge key, YAML 1.2 as text"
    if not text or text[0] not in "+-0123456789" or len(text) > LONGEST_NUMBER:
        return None
    if _OCTAL.fullmatch(text):
        return _octal(text)
    if _BINARY.fullmatch(text):
        return "kubectl reads it as a binary number, YAML 1.2 as text"
    if "_" in text and _GROUPED.fullmatch(text):
        return f"kubectl reads it as the number {text.replace('_', '')}, YAML 1.2 as text"
    if _SEXAGESIMAL.fullmatch(text):
        return "YAML 1.1 reads it as a number to the base 60, YAML 1.2 as text"
    if _DATE.fullmatch(text):
        return "YAML 1.1 reads it as a date, YAML 1.2 as text"
    return None


def _octal(text: str) -> str:
    digits = text.replace("_", "").replace("o", "")
    if not set(digits.lstrip("+-")) <= set("01234567"):
        return "YAML 1.1 reads a leading 0 as the mark of an octal number, YAML 1.2 does not"
    other = "YAML 1.1 as text" if "o" in text else "YAML 1.2 as a decimal one"
    return f"kubectl reads it as an octal number, {int(digits, 8)}, {other}"
