"""YAML text to plain data that knows where it stands: the only user of `yaml`.

Composed from parser events and never by a YAML loader: no tag constructs anything, nesting
and aliases are counted before they are followed, and every key and value keeps its position.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple, NoReturn

import yaml

from harness.errors import ScenarioError
from harness.scenario.encoding import refuse_unprintable
from harness.scenario.findings import Findings
from harness.scenario.positions import Document, Node, Path, Source
from harness.scenario.scalars import ambiguity, resolve

__all__ = ["Dialect", "Document", "Path", "parse"]

MAX_DEPTH = 50
MAX_ALIASES = 10_000
MAX_NODES = 200_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NO_TAG = (None, "!")
_TAGS = {
    yaml.ScalarEvent: (*_NO_TAG, "tag:yaml.org,2002:str"),
    yaml.SequenceStartEvent: (*_NO_TAG, "tag:yaml.org,2002:seq"),
    yaml.MappingStartEvent: (*_NO_TAG, "tag:yaml.org,2002:map"),
}
# The parser's own words, and what a person can do about it.
_REMEDIES = {
    "mapping values are not allowed in this context": "a value that contains ': ' must be quoted",
    "found undefined alias": "an alias (*name) repeats an anchor (&name) above it; quote a text that starts with '*'",
    "found character that cannot start any token": "quote a text that starts with '@', '`' or '%'",
    "found unexpected end of stream": "a quote or a bracket is not closed",
    "did not find expected ',' or ']'": "a list in brackets is not closed, or lacks a comma",
    "did not find expected ',' or '}'": "a mapping in braces is not closed, or lacks a comma",
    "did not find expected node content": "a list in brackets or a mapping in braces is not closed, or lacks a value",
    "did not find expected key": "check the indentation, and quote a text that contains ': ' or starts with a quote",
    "could not find expected ':'": "a key needs ': ' behind it",
}


class Dialect(Enum):
    """How plain scalars are read: by YAML 1.2, or so that kubectl cannot read them otherwise."""

    SCENARIO = "scenario"
    MANIFEST = "manifest"


def parse(text: str, file: str, dialect: Dialect, findings: Findings) -> tuple[Document, ...]:
    """Return the documents of `text`; a scenario file has exactly one.

    What is wrong and can be survived, such as an ambiguous scalar, goes to `findings`, so that the rest is checked
    too. Raises `ScenarioError` with every problem where there is no document to go on with. What an alias repeats
    is shared, not copied: treat all data as read-only.
    """
    source = Source(file, text)
    refuse_unprintable(source)
    composer = _Composer(source, dialect)
    try:
        documents = tuple(composer.documents(yaml.parse(text, Loader=_Loader)))
    except yaml.YAMLError as error:
        composer.explain(error)
        documents = ()
    if composer.is_broken:
        composer.findings.fail()
    for problem in composer.findings:
        findings.add(problem)
    if dialect is Dialect.SCENARIO and not documents:
        raise ScenarioError([source.problem(0, 0, "", "the file is empty; a mapping was expected")])
    return documents


class _Composed(NamedTuple):
    """A value, its position, and how large it is once every alias in it is written out."""

    data: Any
    node: Node
    size: int
    height: int


class _TooMuchError(Exception):
    """Ends the reading of a document whose size is an attack; the problem is already recorded."""


class _Composer:
    """Builds documents out of events; collects what can be survived, and stops at what cannot."""

    def __init__(self, source: Source, dialect: Dialect) -> None:
        self.source = source
        self.dialect = dialect
        self.findings = Findings()
        self.is_broken = False
        self.anchors: dict[str, _Composed | None] = {}
        self.nodes = 0
        self.aliases = 0

    def documents(self, events: Iterator[Any]) -> Iterator[Document]:
        count = 0
        try:
            for event in events:
                if isinstance(event, yaml.DocumentStartEvent):
                    count += 1
                    self.anchors = {}
                    if count == 2 and self.dialect is Dialect.SCENARIO:
                        self._problem(event, "a second document begins; a scenario file holds exactly one")
                        return
                    composed = self._compose(next(events), events, 1)
                    yield Document(self.source, composed.data, composed.node)
        except _TooMuchError:
            return

    def explain(self, error: yaml.YAMLError) -> None:
        """Record a syntax error in plain words, at its place."""
        mark, begun = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
        # What is never closed is found at the end of the file; it is of use where it begins.
        if mark is None or (begun is not None and self.source.line(mark.line + 1) is None):
            mark = begun
        line, column = (mark.line, mark.column) if mark else (0, 0)
        fault = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable YAML")
        remedy = _REMEDIES.get(fault)
        before = (self.source.line(line) or "")[: column + 1]
        if "\t" in before and not before.strip():
            fault, remedy = "a tab where YAML wants spaces", "indent with spaces"
        self.findings.add(self.source.problem(line, column, "", fault, remedy))
        self.is_broken = True

    def _compose(self, event: Any, events: Iterator[Any], depth: int) -> _Composed:
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            return self._repeat(event, depth)
        self._count(event, 1, depth)
        if event.tag not in _TAGS[type(event)]:
            self._problem(event, f"the tag {event.tag!r:.80} is not supported", "only plain values are: drop the tag")
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            data = self._scalar(event) if event.implicit[0] else event.value
            composed = _Composed(data, Node(mark.line, mark.column, event.style), 1, 0)
        elif isinstance(event, yaml.SequenceStartEvent):
            composed = self._sequence(event, events, depth)
        else:
            composed = self._mapping(event, events, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = composed
        return composed

    def _sequence(self, start: Any, events: Iterator[Any], depth: int) -> _Composed:
        items: list[Any] = []
        nodes: list[Node] = []
        size, height = 1, 0
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            item = self._compose(event, events, depth + 1)
            items.append(item.data)
            nodes.append(item.node)
            size += item.size
            height = max(height, item.height + 1)
        node = Node(start.start_mark.line, start.start_mark.column)
        node.children = nodes
        return _Composed(items, node, size, height)

    def _mapping(self, start: Any, events: Iterator[Any], depth: int) -> _Composed:
        data: dict[str, Any] = {}
        children: dict[str, Node] = {}
        keys: dict[str, tuple[int, int]] = {}
        node = Node(start.start_mark.line, start.start_mark.column)
        size, height = 1, 0
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, events, depth + 1)
            value = self._compose(next(events), events, depth + 1)
            size += value.size + 1
            height = max(height, value.height + 1)
            if key is None:
                continue
            place = (event.start_mark.line, event.start_mark.column)
            if key in data:
                first = keys[key][0] + 1
                fault = f"the key '{key:.80}' is written twice; first in line {first}"
                self._problem(event, fault, is_survivable=True)
                continue
            data[key], children[key], keys[key] = value.data, value.node, place
        node.children, node.keys = children, keys
        return _Composed(data, node, size, height)

    def _key(self, event: Any, events: Iterator[Any], depth: int) -> str | None:
        """Return a key's text: keys are text in every dialect, whatever they would be as values."""
        if not isinstance(event, yaml.ScalarEvent):
            self._compose(event, events, depth)
            self._problem(event, "a key must be plain text")
            return None
        composed = self._compose(event, events, depth)
        if event.value == "<<" and event.implicit[0]:
            if self.dialect is Dialect.SCENARIO:
                self._problem(event, "merge keys (<<) are not supported", "write the keys out")
            return None
        if not event.value and event.implicit[0]:
            self._problem(event, "a key is missing before ':'")
            return None
        if self.dialect is Dialect.MANIFEST and isinstance(composed.data, bool | float | None):
            self._problem(event, f"the key {event.value} is not text", f'quote it: "{event.value}"')
        return str(event.value)

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if self.dialect is Dialect.MANIFEST and (reading := ambiguity(text)) is not None:
            remedy = "write the keys out" if text == "<<" else f'quote it if it is text: "{text}"'
            self._problem(event, f"{text} is ambiguous: {reading}", remedy, is_survivable=True)
            return text
        return resolve(text)

    def _repeat(self, event: Any, depth: int) -> _Composed:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self._give_up(event, f"more than {MAX_ALIASES} aliases")
        if event.anchor not in self.anchors:
            self._problem(event, f"the alias *{event.anchor:.80} repeats nothing", _REMEDIES["found undefined alias"])
            return _Composed(None, Node(event.start_mark.line, event.start_mark.column), 1, 0)
        anchored = self.anchors[event.anchor]
        if anchored is None:
            self._give_up(event, f"the alias *{event.anchor:.80} repeats a value that contains it")
        self._count(event, anchored.size, depth + anchored.height)
        return anchored

    def _count(self, event: Any, size: int, depth: int) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            self._give_up(event, f"more than {MAX_NODES} values, aliases written out")
        if depth > MAX_DEPTH:
            self._give_up(event, f"nested more than {MAX_DEPTH} levels deep")

    def _give_up(self, event: Any, fault: str) -> NoReturn:
        self._problem(event, fault)
        raise _TooMuchError

    def _problem(self, event: Any, fault: str, remedy: str | None = None, *, is_survivable: bool = False) -> None:
        self.is_broken = self.is_broken or not is_survivable
        mark = event.start_mark
        self.findings.add(self.source.problem(mark.line, mark.column, "", fault, remedy))
