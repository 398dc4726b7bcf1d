"""What a run asks for: one table for what doctor asks, what rbac prints, and what each verb is for."""

from __future__ import annotations

import pytest
import yaml

from harness.cluster.kubernetes.preflight.permissions import (
    NEEDS,
    Missing,
    UnreviewedError,
    asked_for,
    minor_version,
    missing_permissions,
    role,
)
from tests.unit.kubernetes.server import REVIEWS, Server, refused

EVERYTHING = frozenset(need.holder for need in NEEDS)
VERBS = [pytest.param(item, id=f"{item.verb} {item.need.name}") for item in asked_for(EVERYTHING, 99)]


@pytest.mark.parametrize("item", VERBS)
def test_each_missing_verb_is_named_with_its_resource_and_its_use(item: Missing) -> None:
    """One verb is taken away at a time; exactly that one is found, in words that say what it is for."""
    server = Server()
    server.denied = {(item.verb, item.need.name)}
    (found,) = missing_permissions(server.client(), asked_for(EVERYTHING, 99))

    assert str(found) == f"may not {item.verb} {item.need.name}, needed to {item.need.verbs[item.verb]}"


def test_nothing_is_asked_about_what_a_cluster_lacks() -> None:
    """A right to a resource that is not there would never be missed."""
    asked = asked_for({"pods", "namespaces"}, 34)

    assert {item.need.holder for item in asked} == {"pods", "namespaces"}


def test_a_verb_that_a_later_kubernetes_wants_is_not_missed_before() -> None:
    """From 1.35 on an exec by WebSocket needs `create` as well; before, `get` is enough."""

    def exec_verbs(minor: int) -> list[str]:
        return [item.verb for item in asked_for(EVERYTHING, minor) if item.need.name == "pods/exec"]

    assert (exec_verbs(34), exec_verbs(35)) == (["get"], ["get", "create"])


def test_a_server_that_answers_no_reviews_is_told_of() -> None:
    """Not knowing is not the same as being allowed."""
    server = Server()
    server.refusals["POST", REVIEWS] = refused(403, "Forbidden", "no reviews here")

    with pytest.raises(UnreviewedError, match="no reviews here"):
        missing_permissions(server.client(), asked_for(EVERYTHING, 34))


@pytest.mark.parametrize(
    ("version", "expected"), [("v1.34.4", 34), ("v1.27.3+k3s1", 27), ("1.31", 31), ("v2.0.0", None), (None, None)]
)
def test_the_minor_version_is_read(version: str | None, expected: int | None) -> None:
    """Vendors append what they like."""
    assert minor_version(version) == expected


def test_the_role_grants_what_is_asked_for_and_nothing_else() -> None:
    """Read back from the YAML that is printed: no verb more, none less, and no wildcard."""
    documents = list(yaml.safe_load_all(role("reader", "home")))
    (cluster_role,) = [item for item in documents if item["kind"] == "ClusterRole"]
    granted = {
        (group, resource, verb)
        for rule in cluster_role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }

    assert granted == {(need.group, need.resource, verb) for need in NEEDS for verb in need.verbs}


def test_the_role_is_bound_to_its_service_account() -> None:
    """Four objects that can be applied as they are printed."""
    documents = list(yaml.safe_load_all(role("reader", "home")))

    assert [item["kind"] for item in documents] == ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"]
    assert documents[-1]["subjects"] == [{"kind": "ServiceAccount", "name": "reader", "namespace": "home"}]
    assert documents[-1]["roleRef"]["name"] == "reader"


def test_each_verb_of_the_role_is_explained() -> None:
    """An administrator who is asked to grant it reads why, on the same line."""
    lines = [line for line in role("reader", "home").splitlines() if line.startswith("  - ")]

    assert [line for line in lines if "  # " not in line] == []
