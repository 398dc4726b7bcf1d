"""Cilium's word on the labels of a pod: what is waited for, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.cluster.kubernetes.identities import Identities
from harness.errors import ClusterError
from harness.model.scenario import ObjectRef
from tests.unit.kubernetes.server import Answer, Server


def _pod(**labels: str) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"namespace": "x", "name": "a", "labels": labels}}


def _namespace(**labels: str) -> dict[str, Any]:
    return {"kind": "Namespace", "metadata": {"name": "x", "labels": labels}}


def _endpoint(*labels: str) -> dict[str, Any]:
    identity = {"labels": [f"k8s:{label}" for label in labels]}
    return {"metadata": {"name": "a", "resourceVersion": "5"}, "status": {"identity": identity}}


def _endpoints(*labels: str) -> Answer:
    return Answer(200, {"metadata": {"resourceVersion": "4"}, "items": [_endpoint(*labels)]})


def _changed(*labels: str) -> Answer:
    return Answer(200, json.dumps({"type": "MODIFIED", "object": _endpoint(*labels)}).encode() + b"\n")


def test_a_new_pod_changes_nobodys_identity() -> None:
    """Only what was there before can be known by old labels."""
    identities = Identities(Server().client())

    assert (identities.note([_namespace(team="red"), _pod(app="web")]), identities.note([_pod(app="web")])) == ({}, {})


def test_a_relabelled_pod_is_waited_for_until_the_new_labels_show_and_the_old_ones_are_gone() -> None:
    """An identity that has a label too many still obeys the old policies."""
    server = Server()
    identities = Identities(server.client())
    identities.note([_pod(app="web", old="yes")])
    server.script = [
        _endpoints("app=web", "old=yes"),
        _changed("app=web", "old=yes", "new=yes"),
        _changed("app=web", "new=yes"),
    ]
    identities.wait(identities.note([_pod(app="web", new="yes")]))

    assert server.script == []


def test_a_relabelled_namespace_changes_all_of_its_pods() -> None:
    """A namespace's labels are part of each pod's identity."""
    server = Server()
    identities = Identities(server.client())
    identities.note([_namespace(team="red"), _pod(app="web")])
    server.script = [_endpoints("app=web", "io.cilium.k8s.namespace.labels.team=blue")]
    changed = identities.note([_namespace(team="blue")])
    identities.wait(changed)

    assert changed == {("x", "a"): {"k8s:io.cilium.k8s.namespace.labels.team=red"}}


def test_labels_that_cilium_leaves_out_are_not_waited_for() -> None:
    """Keys of kubernetes.io are no part of an identity, so they would never show."""
    server = Server()
    identities = Identities(server.client())
    identities.note([_pod(app="web")])
    server.script = [_endpoints("app=web")]
    identities.wait(identities.note([_pod(app="web", **{"app.kubernetes.io/name": "shop"})]))

    assert server.script == []


def test_what_never_shows_is_an_error_that_names_the_pod() -> None:
    """Without the hint a step that relabels cannot be judged: a late policy would look like a leak."""
    server = Server()
    identities = Identities(server.client(), shown_s=0.0)
    identities.note([_pod(app="web")])
    server.script = [_endpoints("app=web")]

    with pytest.raises(ClusterError, match="Cilium still knows a by other labels"):
        identities.wait(identities.note([_pod(app="shop")]))


def test_a_pod_of_the_same_name_is_another_one() -> None:
    """What is deleted and made anew has its labels from the start."""
    identities = Identities(Server().client())
    identities.note([_namespace(team="red"), _pod(app="web")])
    identities.forget([ObjectRef("Namespace", "", "x")])

    assert identities.note([_namespace(team="blue"), _pod(app="shop")]) == {}
