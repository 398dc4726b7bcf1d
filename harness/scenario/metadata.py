"""The metadata of a manifest, taken as the API server takes it (apimachinery `api/validation/objectmeta.go`)."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario.names import (
    LABEL_LIMIT,
    SUBDOMAIN_LIMIT,
    is_dns1123_label,
    is_dns1123_subdomain,
    label_key_fault,
    shown,
)
from harness.scenario.selectors import decode_labels
from harness.scenario.shapes import Node

ANNOTATIONS_LIMIT_BYTES = 256 * 1024

# What the server itself fills in, and exports carry along. Taken for its shape and otherwise left alone.
_USUAL = "an author writes name, namespace, labels and annotations"
_TEXTS = ("creationTimestamp", "deletionTimestamp", "resourceVersion", "selfLink", "uid")
_NUMBERS = ("deletionGracePeriodSeconds", "generation")
_LISTS = ("finalizers", "managedFields", "ownerReferences")


def decode_metadata(node: Node) -> str | None:
    """Return the object's name, or None after a report; the other fields are only checked."""
    fields = node.record(
        "name", "namespace", "labels", "annotations", "generateName", *_TEXTS, *_NUMBERS, *_LISTS, otherwise=_USUAL
    )
    _check_namespace(fields["namespace"])
    decode_labels(fields["labels"])
    _check_annotations(fields["annotations"])
    if fields["generateName"].text():
        fields["generateName"].fault(
            "generateName is refused: the harness could not tell which policy is meant afterwards",
            "give a metadata.name",
        )
    for key in _TEXTS:
        fields[key].text()
    for key in _NUMBERS:
        fields[key].whole_number()
    for key in _LISTS:
        for _ in fields[key].entries():
            pass
    return _name(fields["name"]) if isinstance(node.value, Mapping | None) else None


def _name(node: Node) -> str | None:
    name = node.text()
    if name:
        if is_dns1123_subdomain(name):
            return name
        near = name.lower().replace("_", "-").replace(" ", "-")
        remedy = f"did you mean '{near}'?" if is_dns1123_subdomain(near) else None
        node.fault(
            f"{shown(name)} is no valid name: lower-case letters, digits, '-' and '.', a letter or digit at both ends, "
            f"at most {SUBDOMAIN_LIMIT} characters",
            remedy,
        )
    elif isinstance(node.value, str | None):
        node.fault("a policy needs a name")
    return None


def _check_namespace(node: Node) -> None:
    namespace = node.text()
    if namespace and not is_dns1123_label(namespace):
        node.fault(
            f"{shown(namespace)} is no valid namespace: lower-case letters, digits and '-', a letter or digit at both "
            f"ends, at most {LABEL_LIMIT} characters"
        )


def _check_annotations(node: Node) -> None:
    size = 0
    for key, entry, value in node.texts():
        size += len(key.encode(errors="replace")) + len(value.encode(errors="replace"))
        # Unlike a label's, an annotation's prefix may have capitals.
        if fault := label_key_fault(key.lower()):
            entry.fault(f"no valid annotation key: {fault}")
    if size > ANNOTATIONS_LIMIT_BYTES:
        node.fault(f"annotations of {size} bytes, of at most {ANNOTATIONS_LIMIT_BYTES}")
