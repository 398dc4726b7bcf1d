"""A document held against the file format: complaints in plain words, and what is left without them.

What is wrong in form is taken out, and the rest goes on to be decoded, so that a file's
wrong references are reported along with its wrong spellings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from harness.errors import Problem
from harness.scenario.findings import Findings, closest, listed
from harness.scenario.positions import Document, Node, Path
from harness.scenario.schema import (
    DURATION_PATTERN,
    LINE_PATTERN,
    NAME_PATTERN,
    PLACEMENT_PATTERN,
    PORT_PATTERN,
    TAG_PATTERN,
    VERBS,
    Complaint,
    ScenarioFile,
    check,
)
from harness.scenario.shapes import described, numeral_remedy

_MOST_ROUNDS = 10
_WORDS = {
    DURATION_PATTERN: "expected seconds, or text such as 2s or 500ms",
    LINE_PATTERN: "expected one line of text, with no space at its ends",
    NAME_PATTERN: "expected lower-case letters, digits and dashes, a letter or digit at both ends",
    PLACEMENT_PATTERN: "expected 'same-as namespace/pod' or 'other-than namespace/pod'",
    PORT_PATTERN: "expected a port such as 8080 or 9090/UDP",
    TAG_PATTERN: "expected a word of lower-case letters and digits, with dashes inside",
}
_EXPECTED = {
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "list_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
    "finite_number": "expected a finite number",
}
_EXPECTATION = "the word predicted, or a mapping with default, same, rules or matrix"
# What a required key is taken to say where it is missing, so that the rest can be looked at.
_PLACEHOLDERS = {"scenario": "unnamed", "about": "-", "name": "unnamed step", "expect": "predicted"}


class Validated(NamedTuple):
    """A file as typed records, without the parts that were complained of.

    `document` has the same shape as `file`. The two flags say that something was taken out which
    others may rely on, so that an error that follows from it is not to be reported as well.
    """

    file: ScenarioFile
    document: Document
    topology_in_doubt: bool = False
    expectations_in_doubt: bool = False
    doubtful_names: frozenset[str] = frozenset()


def validate(document: Document, findings: Findings) -> Validated | None:
    """Return what of `document` has the right form, adding a problem for all that has not.

    None where too little is left to go on with.
    """
    answer = check(document.data)
    if isinstance(answer, ScenarioFile):
        return Validated(answer, document)
    for complaint in answer:
        findings.add(_problem(document, complaint))
    topology = any(_is_about_topology(complaint.path) for complaint in answer)
    expectations = any("expect" in complaint.path for complaint in answer)
    names = frozenset(_written_names(document.data)) if topology else frozenset()
    for _ in range(_MOST_ROUNDS):
        pruned = _without(document, answer)
        if pruned is None:
            return None
        document = pruned
        answer = check(document.data)
        if isinstance(answer, ScenarioFile):
            return Validated(answer, document, topology, expectations, names)
    return None


def _written_names(data: Any) -> Iterator[str]:
    """Yield every name that `data`, a file in any form, gives to a part of its topology."""
    if not isinstance(data, dict):
        return
    steps = data.get("steps")
    added = [step.get("add") for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    for topology in (data.get("topology"), *added):
        for section in topology.values() if isinstance(topology, dict) else ():
            yield from section if isinstance(section, dict) else ()


def _is_about_topology(path: Path) -> bool:
    return not path or path[0] == "topology" or (path[0] == "steps" and (len(path) < 3 or path[2] not in _NO_TOPOLOGY))


_NO_TOPOLOGY = ("name", "expect", "wait", "apply", "delete")


def _problem(document: Document, complaint: Complaint) -> Problem:
    path, value = complaint.path, complaint.value
    match complaint.code:
        case "extra_forbidden":
            known = f"known here: {', '.join(complaint.known)}" if complaint.known else None
            return document.problem(path, "unknown key", closest(str(path[-1]), complaint.known) or known, key=True)
        case "missing":
            return document.problem(path[:-1], f"the key '{path[-1]}' is missing")
        case "string_pattern_mismatch":
            words = _WORDS.get(str(complaint.limits.get("pattern")), "has the wrong form")
            return document.problem(path, f"{words}; not {described(value)}")
        case "literal_error" | "enum":
            written = str(complaint.limits["expected"]).replace(" or ", ", ")
            choices = [word.strip("' ") for word in written.split(", ")]
            remedy = closest(value, choices) if isinstance(value, str) else None
            expected = f"one of {listed(choices)}" if len(choices) > 1 else _EXPECTATION
            return document.problem(path, f"expected {expected}; not {described(value)}", remedy)
        case "greater_than_equal" | "less_than_equal":
            bound = "at least" if "ge" in complaint.limits else "at most"
            limit = complaint.limits.get("ge", complaint.limits.get("le"))
            return document.problem(path, f"expected {bound} {limit:g}; not {described(value)}")
        case "too_short":
            return document.problem(path, "expected at least one entry")
        case "too_long":
            return document.problem(path, f"expected at most {complaint.limits['max_length']} entries")
        case "string_too_long":
            return document.problem(path, f"expected at most {complaint.limits['max_length']} characters")
        case "shape" if path[-2:-1] == ("rules",) and isinstance(value, dict):
            return _verb_problem(document, complaint)
        case "shape":
            return document.problem(path, f"{complaint.text}; not {described(value)}")
        case code:
            expected = _EXPECTED.get(code, complaint.text)
            return document.problem(path, f"{expected}; not {described(value)}", _remedy(document, complaint))


def _verb_problem(document: Document, complaint: Complaint) -> Problem:
    keys = list(complaint.value)
    verbs = [key for key in keys if key in VERBS]
    if len(verbs) > 1:
        fault = f"{complaint.text}; not {listed(verbs)} together"
        return document.problem((*complaint.path, verbs[1]), fault, "write a rule for each", key=True)
    for key in keys:
        if (remedy := closest(key, VERBS)) is not None:
            return document.problem((*complaint.path, key), f"unknown key; {complaint.text}", remedy, key=True)
    return document.problem(complaint.path, complaint.text)


def _remedy(document: Document, complaint: Complaint) -> str | None:
    value = complaint.value
    match complaint.code:
        case "string_type" if isinstance(value, bool | int | float):
            return f'put it in quotes: "{document.written(complaint.path)}"'
        case "list_type" if isinstance(value, str | int) and value != "":
            return f"write a list of one: [{document.written(complaint.path)}]"
        case "int_type":
            return numeral_remedy(value)
        case _:
            return None


class _Edit:
    """What to change at one place of a document, and below it."""

    __slots__ = ("below", "gone", "inserted")

    def __init__(self) -> None:
        self.below: dict[str | int, _Edit] = {}
        self.inserted: dict[str, str] = {}
        self.gone = False

    def at(self, path: Path) -> _Edit:
        edit = self
        for part in path:
            edit = edit.below.setdefault(part, _Edit())
        return edit


def _without(document: Document, complaints: Iterable[Complaint]) -> Document | None:
    """Return `document` without what was complained of; None where that is the whole of it."""
    root = _Edit()
    for complaint in complaints:
        *parent, last = complaint.path or ("",)
        if complaint.code != "missing":
            root.at(complaint.path).gone = True
        elif parent[:1] in ([], ["steps"]) and last in _PLACEHOLDERS and len(parent) in (0, 2):
            unique = f" {parent[-1]}" if last == "name" else ""
            root.at(tuple(parent)).inserted[str(last)] = _PLACEHOLDERS[str(last)] + unique
        else:
            root.at(tuple(parent)).gone = True
    if root.gone:
        return None
    data, node = _edited(document.data, document.node, root)
    return Document(document.source, data, node)


def _edited(data: Any, node: Node, edit: _Edit) -> tuple[Any, Node]:
    if not edit.below and not edit.inserted:
        return data, node
    result = Node(node.line, node.column, node.style)
    below = edit.below
    if isinstance(data, dict) and isinstance(node.children, dict):
        kept = {
            key: _edited(value, node.children[key], below[key]) if key in below else (value, node.children[key])
            for key, value in data.items()
            if key not in below or not below[key].gone
        }
        kept |= {key: (value, Node(node.line, node.column)) for key, value in edit.inserted.items()}
        result.keys = {**dict.fromkeys(edit.inserted, (node.line, node.column)), **node.keys}
        result.children = {key: child for key, (_, child) in kept.items()}
        return {key: value for key, (value, _) in kept.items()}, result
    if isinstance(data, list) and isinstance(node.children, list):
        places = [index for index in range(len(data)) if index not in below or not below[index].gone]
        items = [
            _edited(data[index], node.children[index], below[index])
            if index in below
            else (data[index], node.children[index])
            for index in places
        ]
        result.children = [child for _, child in items]
        result.indexes = [node.indexes[index] if node.indexes else index for index in places]
        return [value for value, _ in items], result
    return data, node
