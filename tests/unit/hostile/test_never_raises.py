"""Whatever a file holds, what leaves the package is a scenario or a `ScenarioError`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.model.scenario import Scenario
from harness.scenario.load import load

_SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
_SCENARIO = """\
scenario: shop
about: One sentence.
tags: [ingress]
topology:
  namespaces: {shop: {labels: {team: shop}}, guest: {}}
  pods:
    shop/web: {labels: {tier: web}, listen: [8080, 9090/UDP], replicas: 2}
    shop/db: {labels: {tier: db}, listen: [{port: 5432, name: pg}], node: same-as shop/web-0}
    guest/visitor: {}
  services: {shop/db: {selector: {tier: db}, ports: [{port: 80, targetPort: pg}]}}
  externals: {office: {addresses: [203.0.113.10, 2001:db8::10]}}
probe: {via: [pod, service], families: [IPv4, IPv6]}
steps:
- name: one
  apply: [p.yaml]
  wait: 2s
  expect:
    default: allow
    rules:
    - deny: "* -> shop/*:8080 via pod"
    - {ignore: "[guest/*, {tier: db}] -> shop/db over IPv6", because: why not}
    matrix: |
      8080      shop/web
      shop/db   .
- name: two
  add: {pods: {guest/new: {listen: [80]}}}
  remove: [guest/visitor]
  restart: [shop/web]
  relabel: {shop/db: {tier: null}, guest: {a: b}}
  delete: [NetworkPolicy/shop/p]
  expect: {same: one, default: deny}
"""
_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {matchLabels: {tier: db}, matchExpressions: [{key: a, operator: NotIn, values: [b]}]}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{podSelector: {}}, {ipBlock: {cidr: "${network:shop/db/24}", except: ["${address:shop/db}/32"]}}]
    ports: [{port: 80, endPort: 90}, {protocol: UDP, port: pg}]
  egress: [{}]
"""
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["shop/web", "shop/*", "* -> *", "predicted", "8080/UDP", "2s", "{a: b}", "y", "203.0.113.9"]),
)
_words = st.one_of(
    st.text(max_size=6), st.sampled_from([*"abc", "pods", "shop", "shop/db", "rules", "allow", "spec", "to"])
)
_trees = st.recursive(
    _scalars, lambda below: st.lists(below, max_size=3) | st.dictionaries(_words, below, max_size=3), max_leaves=12
)
_cuts = st.tuples(st.integers(0, 1_200), st.integers(0, 40), st.text(st.characters(codec="utf-8"), max_size=6))


@pytest.fixture
def loads(tmp_path: Path) -> Callable[[bytes, bytes], bool]:
    """Return a function that tells whether two contents come to a scenario; any error but ours goes through."""

    def answer(scenario: bytes, policy: bytes) -> bool:
        (tmp_path / "x.scenario.yaml").write_bytes(scenario)
        (tmp_path / "p.yaml").write_bytes(policy)
        try:
            return isinstance(load(tmp_path / "x.scenario.yaml"), Scenario)
        except ScenarioError as error:
            return not (error.problems and str(error))

    return answer


def _paths(data: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [here, *(path for key, value in entries for path in _paths(value, (*here, key)))]


def _grafted(text: str, path: tuple[Any, ...], tree: Any) -> bytes:
    data = yaml.safe_load(text)
    if not path:
        return yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass")
    parent = data
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = tree
    return yaml.safe_dump(data, allow_unicode=True).encode("utf-8", "surrogatepass")


def test_the_sample_loads(loads: Callable) -> None:
    """The mutations below start from files that are right."""

    assert loads(_SCENARIO.encode(), _POLICY.encode()) is True


@_SETTINGS
@given(scenario=st.binary(max_size=200))
@example(scenario=b"%")
@example(scenario=b"\xef\xbb\xbf")
def test_random_bytes_are_refused(loads: Callable, scenario: bytes) -> None:
    """No bytes come through as a scenario by accident, or as another exception."""

    assert loads(scenario, b"") is False


@_SETTINGS
@given(scenario=st.text(st.characters(codec="utf-8"), max_size=200))
@example(scenario="&a : *a")
@example(scenario="? - a\n: b")
@example(scenario="a: 0x" + "f" * 30)
def test_random_text_is_refused(loads: Callable, scenario: str) -> None:
    """No text comes through as a scenario by accident, or as another exception."""

    assert loads(scenario.encode(), b"") is False


@_SETTINGS
@given(path=st.sampled_from(_paths(yaml.safe_load(_SCENARIO))), tree=_trees)
def test_any_structure_anywhere_in_a_scenario(loads: Callable, path: tuple[Any, ...], tree: Any) -> None:
    """Whatever stands where something else belongs is taken or refused."""

    assert loads(_grafted(_SCENARIO, path, tree), _POLICY.encode()) in (True, False)


@_SETTINGS
@given(path=st.sampled_from(_paths(yaml.safe_load(_POLICY))), tree=_trees)
def test_any_structure_anywhere_in_a_manifest(loads: Callable, path: tuple[Any, ...], tree: Any) -> None:
    """Whatever stands where something else belongs is taken or refused."""

    assert loads(_SCENARIO.encode(), _grafted(_POLICY, path, tree)) in (True, False)


@_SETTINGS
@given(cut=_cuts, policy_cut=_cuts)
def test_any_damage_to_the_text(loads: Callable, cut: tuple[int, int, str], policy_cut: tuple[int, int, str]) -> None:
    """A stretch of the text replaced by anything is taken or refused."""
    damaged = [
        (text[:start] + new + text[start + length :]).encode()
        for text, (start, length, new) in ((_SCENARIO, cut), (_POLICY, policy_cut))
    ]

    assert loads(*damaged) in (True, False)
