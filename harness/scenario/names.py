"""What Kubernetes takes as a name, a label key, a label value and a port's name.

The rules of apimachinery `util/validation`. A fault is a sentence part that fits behind the
offending value (`'80' has no letter`); None means that the value is fine.
"""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_PORT_NAME = re.compile(r"[-a-z0-9]+")

LABEL_LIMIT = 63
SUBDOMAIN_LIMIT = 253
PORT_NAME_LIMIT = 15


def is_dns1123_label(text: str) -> bool:
    """Tell whether `text` can name a namespace or a Service: lower case, digits, dashes inside, at most 63."""
    return len(text) <= LABEL_LIMIT and _LABEL.fullmatch(text) is not None


def is_dns1123_subdomain(text: str) -> bool:
    """Tell whether `text` can name a pod or a policy: as a namespace, with dots, at most 253."""
    return len(text) <= SUBDOMAIN_LIMIT and _SUBDOMAIN.fullmatch(text) is not None


def label_key_fault(text: str) -> str | None:
    """Say why `text` is no label key (`name` or `prefix.example.org/name`), or return None."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        return f"{shown(text)} has more than one '/'"
    if slash and not prefix:
        return f"{shown(text)} has nothing before '/'"
    if slash and not is_dns1123_subdomain(prefix):
        return f"{shown(text)} has a prefix that is no DNS name in lower case of at most {SUBDOMAIN_LIMIT} characters"
    if not name:
        return f"{shown(text)} has no name"
    return _qualified_fault(text, name)


def label_value_fault(text: str) -> str | None:
    """Say why `text` is no label value, or return None; the empty string is one."""
    return _qualified_fault(text, text) if text else None


def port_name_fault(text: str) -> str | None:
    """Say why `text` is no name of a port, or return None (RFC 6335 service names, in lower case)."""
    if not text:
        return "'' is no name"
    if len(text) > PORT_NAME_LIMIT:
        return f"{shown(text)} has {len(text)} characters, of at most {PORT_NAME_LIMIT}"
    if _PORT_NAME.fullmatch(text) is None:
        return f"{shown(text)} may hold only lower-case letters, digits and '-'"
    if not any("a" <= char <= "z" for char in text):
        return f"{shown(text)} has no letter"
    if "--" in text:
        return f"{shown(text)} has two dashes in a row"
    if text.startswith("-") or text.endswith("-"):
        return f"{shown(text)} starts or ends with '-'"
    return None


def shown(text: str, limit: int = 80) -> str:
    """Quote `text` for a message: on one line, cut where it is too long to read."""
    return repr(text if len(text) <= limit else f"{text[: limit - 1]}…")


def _qualified_fault(whole: str, name: str) -> str | None:
    if len(name) > LABEL_LIMIT:
        return f"{shown(whole)} has {len(name)} characters, of at most {LABEL_LIMIT}"
    if _QUALIFIED.fullmatch(name) is None:
        return (
            f"{shown(whole)} may hold only letters, digits, '-', '_' and '.', "
            "and must start and end with a letter or digit"
        )
    return None
