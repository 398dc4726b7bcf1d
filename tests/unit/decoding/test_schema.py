"""The JSON Schema and the models are one."""

from copy import deepcopy
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scenario.schema import ScenarioFile, check, json_schema

_VALID: dict[str, Any] = {
    "scenario": "shop",
    "about": "One sentence.",
    "tags": ["ingress"],
    "topology": {
        "namespaces": {"shop": {"labels": {"team": "shop"}}, "guest": None},
        "pods": {
            "shop/web": {
                "labels": {"tier": "web"},
                "listen": [80, "53/UDP", {"port": 90, "name": "adm", "protocol": "TCP", "declared": False}],
                "node": "same-as shop/db",
                "hostNetwork": False,
                "replicas": 2,
                "ready": True,
            },
            "guest/visitor": None,
        },
        "services": {
            "shop/web": {
                "selector": {"tier": "web"},
                "ports": [80, "53/UDP", {"port": 81, "targetPort": "adm", "protocol": "TCP", "name": "x"}],
            }
        },
        "externals": {"office": {"address": "203.0.113.10", "listen": [443]}, "lab": {"addresses": ["192.0.2.1"]}},
    },
    "probe": {"via": ["pod", "service"], "protocols": ["TCP"], "families": ["IPv4", "IPv6"]},
    "steps": [
        {
            "name": "one",
            "add": {"namespaces": {"new": {}}},
            "remove": ["shop/db"],
            "restart": ["shop/web"],
            "relabel": {"shop/web": {"tier": None, "a": "b"}},
            "delete": ["NetworkPolicy/shop/old"],
            "apply": ["policies.yaml"],
            "wait": "2s",
            "expect": {
                "default": "allow",
                "rules": [
                    {"deny": "* -> *", "because": "why"},
                    {"allow": ["a -> b", "c -> d"]},
                    {"ignore": "a -> b", "because": "why"},
                ],
                "matrix": "80 a\nb .",
            },
        },
        {"name": "two", "wait": 1.5, "expect": {"same": "one"}},
        {"name": "three", "expect": "predicted"},
    ],
}
_SCHEMA = jsonschema.Draft202012Validator(json_schema())
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 70_000),
    st.sampled_from([0.5, "", "x", "80", "TCP", "IPv6", "predicted", "allow", "pod", "Shop", "2s", "a -> b", "5 m"]),
    st.just([]),
    st.just({}),
)


def _paths(data: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [here, *(path for key, value in entries for path in _paths(value, (*here, key)))]


def _changed(path: tuple[Any, ...], change: str, leaf: Any) -> Any:
    data = deepcopy(_VALID)
    if not path:
        return leaf
    parent = data
    for part in path[:-1]:
        parent = parent[part]
    if change == "replace":
        parent[path[-1]] = leaf
    elif change == "remove":
        del parent[path[-1]]
    elif isinstance(parent, dict):
        parent["unknown"] = leaf
    else:
        parent.append(leaf)
    return data


def test_the_sample_is_valid() -> None:
    """The mutations below start from something that both accept."""

    assert isinstance(check(_VALID), ScenarioFile)
    assert list(_SCHEMA.iter_errors(_VALID)) == []


@given(path=st.sampled_from(_paths(_VALID)), change=st.sampled_from(["replace", "remove", "insert"]), leaf=_LEAVES)
def test_schema_and_models_accept_the_same(path: tuple[Any, ...], change: str, leaf: Any) -> None:
    """Whatever is changed in a scenario, both take it or neither does."""
    data = _changed(path, change, leaf)

    assert _SCHEMA.is_valid(data) is isinstance(check(data), ScenarioFile)


def test_the_schema_is_a_schema_with_a_name() -> None:
    """Editors know the schema by its `$id`, and it is one by its own metaschema."""
    schema = json_schema()

    jsonschema.Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["$id"]) == (
        "https://json-schema.org/draft/2020-12/schema",
        "urn:netpol-harness:scenario:v1",
    )


@pytest.mark.parametrize("name", ["ScenarioFile", *json_schema()["$defs"]])
def test_every_key_is_described(name: str) -> None:
    """An editor shows a sentence for each key, its own or its type's."""
    schema = json_schema()
    model = schema if name == "ScenarioFile" else schema["$defs"][name]
    silent = [key for key, value in model["properties"].items() if "description" not in value and "$ref" not in value]

    assert (silent, "description" in model) == ([], True)
