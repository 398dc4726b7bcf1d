"""The grammar of rules: `SRC -> DST[:PORT[/PROTO]] [via pod|service] [over IPv4|IPv6]`.

Pure text to records: whether a name exists is asked later, by `cast`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Never

from harness.model.flow import Family, L4Protocol, Via
from harness.scenario.findings import closest
from harness.scenario.names import label_key_fault, label_value_fault, port_name_fault, shown
from harness.scenario.rule_faults import RuleFault

MAX_PORT = 65535
_SPACE = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"[A-Za-z0-9_.*-]+")
_KEY = re.compile(r"[^\s:,{}\[\]\"']+")
_VALUE = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s,{}\[\]\"']*")
_PORT = re.compile(r"[A-Za-z0-9_.*-]+")
_OPTION = re.compile(r"[A-Za-z0-9_-]+")
_EXAMPLE = "as in: shop/web -> shop/db:5432/TCP via pod"


@dataclass(frozen=True)
class Pattern:
    """One way to name endpoints: by name, with `*` as a wildcard, or by labels.

    `namespace` None is a bare name: `*` for every pod, else an external. `labels` maps a key to its
    value, or to None where the key must be absent; `name` is None then. `column` is where it was written.
    """

    text: str
    column: int
    namespace: str | None = None
    name: str | None = None
    labels: Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class PortPattern:
    """Which ports: a range of numbers, a name, or every one where both are None."""

    column: int = 0
    numbers: range | None = None
    name: str | None = None


ANY_PORT = PortPattern()


@dataclass(frozen=True)
class RulePattern:
    """A parsed rule; None means every one. An endpoint matches if any of its patterns does."""

    sources: tuple[Pattern, ...]
    destinations: tuple[Pattern, ...]
    port: PortPattern = ANY_PORT
    protocol: L4Protocol | None = None
    via: Via | None = None
    family: Family | None = None


def parse_rule(text: str) -> RulePattern:
    """Return the rule that `text` is. Raises `RuleFault`."""
    scanner = _Scanner(text)
    sources = scanner.endpoints()
    if not scanner.takes("->"):
        scanner.fail("expected '->' between source and destination", _EXAMPLE)
    destinations = scanner.endpoints()
    port, protocol = ANY_PORT, None
    if scanner.takes(":"):
        port, protocol = scanner.port()
    via: Via | None = None
    family: Family | None = None
    while not scanner.is_done():
        column = scanner.column
        word = scanner.match(_OPTION, "'via pod', 'via service', 'over IPv4', 'over IPv6' or the end of the rule")
        if word == "via" and via is None:
            via = Via(scanner.choice(tuple(Via)))
        elif word == "over" and family is None:
            family = Family(scanner.choice(tuple(Family)))
        elif word in ("via", "over"):
            raise RuleFault(column, f"'{word}' stands twice")
        else:
            raise RuleFault(
                column, f"unexpected {shown(word)}; expected 'via' or 'over'", closest(word, ("via", "over"))
            )
    return RulePattern(sources, destinations, port, protocol, via, family)


def parse_port(text: str) -> tuple[PortPattern, L4Protocol | None]:
    """Return the port and protocol that `PORT[/PROTO]` names. Raises `RuleFault`."""
    scanner = _Scanner(text)
    found = scanner.port()
    if not scanner.is_done():
        scanner.fail("unexpected text after the port")
    return found


class _Scanner:
    """Reads a rule from left to right; spaces between its parts do not matter."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.column = 0
        self._skip()

    def is_done(self) -> bool:
        return self.column == len(self.text)

    def takes(self, mark: str) -> bool:
        """Step over `mark` if it is next."""
        if not self.text.startswith(mark, self.column):
            return False
        self.column += len(mark)
        self._skip()
        return True

    def match(self, pattern: re.Pattern[str], expected: str) -> str:
        found = pattern.match(self.text, self.column)
        if found is None:
            self.fail(f"expected {expected}")
        self.column = found.end()
        self._skip()
        return found.group()

    def choice(self, known: tuple[str, ...]) -> str:
        column = self.column
        word = self.match(_OPTION, " or ".join(known))
        if word not in known:
            raise RuleFault(column, f"expected {' or '.join(known)}; not {shown(word)}", closest(word, known))
        return word

    def endpoints(self) -> tuple[Pattern, ...]:
        if not self.takes("["):
            return (self._endpoint(),)
        patterns = [self._endpoint()]
        while self.takes(","):
            patterns.append(self._endpoint())
        if not self.takes("]"):
            self.fail("expected ',' or ']'")
        return tuple(patterns)

    def port(self) -> tuple[PortPattern, L4Protocol | None]:
        column = self.column
        port = _port_pattern(column, self.match(_PORT, "a port: a number, a range such as 80-90, a name, or *"))
        return port, L4Protocol(self.choice(tuple(L4Protocol))) if self.takes("/") else None

    def fail(self, fault: str, remedy: str | None = None) -> Never:
        rest = self.text[self.column :]
        raise RuleFault(self.column, f"{fault}; not {shown(rest, 20)}" if rest else f"{fault}; the rule ends", remedy)

    def _skip(self) -> None:
        space = _SPACE.match(self.text, self.column)
        self.column = space.end() if space else self.column

    def _endpoint(self) -> Pattern:
        start = self.column
        namespace: str | None = None
        if self.text.startswith("{", start):
            return self._labelled(start, None)
        # Not `match`: a '->' behind a name without a space belongs to the arrow.
        word = self._word("a pod, a Service, an external, '*', '[' or '{'")
        if not self.takes("/"):
            return Pattern(word, start, None, word)
        namespace = word
        if self.text.startswith("{", self.column):
            return self._labelled(start, namespace)
        name = self._word("a name, '*' or '{' after '/'")
        return Pattern(f"{namespace}/{name}", start, namespace, name)

    def _word(self, expected: str) -> str:
        found = _WORD.match(self.text, self.column)
        if found is None:
            self.fail(f"expected {expected}")
        end = found.end()
        if found.group().endswith("-") and self.text.startswith(">", end):
            end -= 1
        word = self.text[self.column : end]
        if not word:
            self.fail(f"expected {expected}")
        self.column = end
        self._skip()
        return word

    def _labelled(self, start: int, namespace: str | None) -> Pattern:
        self.takes("{")
        labels: dict[str, str | None] = {}
        while not self.takes("}"):
            if labels and not self.takes(","):
                self.fail("expected ',' or '}'")
            column = self.column
            key = self.match(_KEY, "a label's key")
            if fault := label_key_fault(key):
                raise RuleFault(column, f"no label key: {fault}")
            if key in labels:
                raise RuleFault(column, f"the label {shown(key)} stands twice")
            if not self.takes(":"):
                self.fail("expected ': ' and the label's value, or null where the label must be absent")
            labels[key] = self._label_value()
        return Pattern(self.text[start : self.column].rstrip(), start, namespace, None, labels)

    def _label_value(self) -> str | None:
        column = self.column
        value = self.match(_VALUE, "a label's value")
        if value in ("null", "~"):
            return None
        if not value:
            raise RuleFault(
                column, "expected a label's value", "write '' for the empty value, null for an absent label"
            )
        if value[0] in "\"'":
            value = value[1:-1]
        if fault := label_value_fault(value):
            raise RuleFault(column, f"no label value: {fault}")
        return value


def _port_pattern(column: int, text: str) -> PortPattern:
    if text == "*":
        return PortPattern(column)
    first, dash, last = text.partition("-")
    if first.isdigit() and (not dash or last.isdigit()):
        numbers = [int(part[:9]) for part in (first, last or first)]
        if not 1 <= numbers[0] <= numbers[1] <= MAX_PORT:
            raise RuleFault(column, f"{shown(text)} is no port; expected 1 to {MAX_PORT}, or a range upwards")
        return PortPattern(column, numbers=range(numbers[0], numbers[1] + 1))
    if fault := port_name_fault(text):
        raise RuleFault(column, f"expected a port's number, a range such as 80-90, or a name: {fault}")
    return PortPattern(column, name=text)
