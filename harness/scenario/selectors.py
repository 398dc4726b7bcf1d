"""Labels and label selectors, taken as the API server takes them.

Source: apimachinery `apis/meta/v1/validation`. Contradictory requirements are valid: they select nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.model.labels import LabelSelector, Operator, Requirement
from harness.scenario.names import label_key_fault, label_value_fault, shown
from harness.scenario.shapes import Node, suggestion

_OPERATORS = tuple(str(operator) for operator in Operator)
_EQUALS = {"=", "==", "equals", "equal", "eq"}


def decode_labels(node: Node, remedy: str | None = None) -> dict[str, str]:
    """Return the valid labels of a mapping, and report the others; `remedy` is for values that are lists."""
    labels = {}
    for key, entry, value in node.texts(remedy):
        if key_fault := label_key_fault(key):
            entry.fault(f"no valid label key: {key_fault}")
        if value_fault := label_value_fault(value):
            entry.fault(f"no valid label value: {value_fault}")
        if not key_fault and not value_fault:
            labels[key] = value
    return labels


def decode_selector(node: Node) -> LabelSelector:
    """Return the selector, `matchLabels` first; everything is selected where it is absent or empty."""
    fields = node.record(
        "matchLabels", "matchExpressions", otherwise="labels go under matchLabels, as in matchLabels: {app: web}"
    )
    labels = decode_labels(fields["matchLabels"], "several values go under matchExpressions, with operator: In")
    requirements = [Requirement(key, Operator.IN, (value,)) for key, value in labels.items()]
    for entry in fields["matchExpressions"].entries():
        requirement = _requirement(entry)
        if requirement is not None:
            requirements.append(requirement)
    return LabelSelector(tuple(requirements))


def _requirement(node: Node) -> Requirement | None:
    fields = node.record("key", "operator", "values")
    if not isinstance(node.value, Mapping):
        return None
    key, operator = fields["key"].text(), _operator(fields["operator"])
    if not key:
        if isinstance(fields["key"].value, str | None):
            fields["key"].fault("a requirement needs the key of a label")
    elif fault := label_key_fault(key):
        fields["key"].fault(f"no valid label key: {fault}")
    values = []
    for entry in fields["values"].entries():
        value = entry.text()
        if value is not None and (fault := label_value_fault(value)):
            entry.fault(f"no valid label value: {fault}")
        values.append(value or "")
    if operator in (Operator.IN, Operator.NOT_IN) and fields["values"].value in (None, []):
        fields["values"].fault(f"{operator} needs at least one value")
    if operator in (Operator.EXISTS, Operator.DOES_NOT_EXIST) and values:
        other = Operator.IN if operator is Operator.EXISTS else Operator.NOT_IN
        fields["values"].fault(f"{operator} takes no values", f"remove them, or write operator: {other}")
    return Requirement(key, operator, tuple(values)) if key and operator else None


def _operator(node: Node) -> Operator | None:
    text = node.text()
    if text in _OPERATORS:
        return Operator(text)
    if isinstance(node.value, str | None):
        remedy = (
            "write In with that one value" if (text or "").lower() in _EQUALS else suggestion(text or "", _OPERATORS)
        )
        what = f"unknown operator {shown(text)}" if text else "a requirement needs an operator"
        node.fault(what, remedy or f"known: {', '.join(_OPERATORS)}")
    return None
