"""The file format of scenarios as pydantic models: the only package that uses `pydantic`.

Structure, types and spellings are checked here, and the JSON Schema comes from the same
models. What needs the rest of the file, such as whether a name exists, is `decode`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import Tag, ValidationError

from harness.scenario.schema.file import VERBS, ExpectSpec, ProbeSpec, ScenarioFile, StepSpec
from harness.scenario.schema.spec import (
    DURATION_PATTERN,
    LINE_PATTERN,
    NAME_PATTERN,
    PLACEMENT_PATTERN,
    PORT_PATTERN,
    TAG,
    TAG_PATTERN,
    Spec,
)
from harness.scenario.schema.topology import (
    ExternalSpec,
    ListenerSpec,
    NamespaceSpec,
    PodSpec,
    ServicePortSpec,
    ServiceSpec,
    TopologySpec,
)

__all__ = [
    "DURATION_PATTERN",
    "LINE_PATTERN",
    "NAME_PATTERN",
    "PLACEMENT_PATTERN",
    "PORT_PATTERN",
    "TAG_PATTERN",
    "VERBS",
    "Complaint",
    "ExpectSpec",
    "ExternalSpec",
    "ListenerSpec",
    "NamespaceSpec",
    "PodSpec",
    "ProbeSpec",
    "ScenarioFile",
    "ServicePortSpec",
    "ServiceSpec",
    "StepSpec",
    "TopologySpec",
    "check",
    "json_schema",
]


# More than anyone reports; a hostile file may have a hundred thousand.
MOST_COMPLAINTS = 150


class Complaint(NamedTuple):
    """One thing that the models do not accept: pydantic's code for it, and where.

    `path` has only keys and indexes of the file; `known` are the keys possible there.
    """

    code: str
    path: tuple[str | int, ...]
    text: str
    value: Any
    limits: Mapping[str, Any]
    known: tuple[str, ...]


def check(data: Any) -> ScenarioFile | list[Complaint]:
    """Return the file as typed records, or what is wrong with its form, up to `MOST_COMPLAINTS`."""
    try:
        return ScenarioFile.model_validate(data)
    except ValidationError as error:
        return [
            Complaint(
                code=each["type"],
                path=tuple(part for part in each["loc"] if not str(part).startswith(TAG)),
                text=each["msg"],
                value=each["input"],
                limits=each.get("ctx", {}),
                known=_known_keys(ScenarioFile, each["loc"][:-1]),
            )
            for each in error.errors(include_url=False)[:MOST_COMPLAINTS]
        ]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of scenario files; editors and other tools may rely on its `$id`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:netpol-harness:scenario:v1",
        **ScenarioFile.model_json_schema(),
    }


def _known_keys(kind: Any, path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the keys of the model at `path`, a location as pydantic writes it; empty where none is."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _known_keys(get_args(kind)[0], path)
    if origin in (UnionType, Union):
        members = [member for member in get_args(kind) if member is not type(None)]
        if path and str(path[0]).startswith(TAG):
            tagged = [member for member in members if Tag(str(path[0])) in get_args(member)]
            return _known_keys(tagged[0], path[1:]) if tagged else ()
        return _known_keys(members[0], path) if len(members) == 1 else ()
    if isinstance(kind, type) and issubclass(kind, Spec):
        if not path:
            return tuple(kind.model_fields)
        field = kind.model_fields.get(str(path[0]))
        return _known_keys(field.rebuild_annotation(), path[1:]) if field else ()
    if origin in (list, dict) and path:
        return _known_keys(get_args(kind)[-1], path[1:])
    return ()
