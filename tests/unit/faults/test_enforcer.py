"""What the enforcer hands to nft, and when it does so at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cluster.local.enforcement import Enforcer
from harness.cluster.local.faults import find
from harness.cluster.local.ruleset import render
from harness.errors import ClusterError
from tests.unit.faults.broken import DB, into, world


def test_without_a_fault_a_change_is_in_force_at_once() -> None:
    """The text that is installed is the compiler's, once per change."""
    installed: list[str] = []
    enforcer = Enforcer(installed.append)
    enforcer.update(world(into()))

    assert installed == [render(world(into()))]


def test_what_nft_refuses_is_the_callers_error() -> None:
    """A ruleset that was not taken must not pass for one in force."""

    def refuse(_: str) -> None:
        raise ClusterError("nft says no")

    with pytest.raises(ClusterError, match="nft says no"):
        Enforcer(refuse).update(world(into()))


def test_no_enforcement_installs_no_policy() -> None:
    """Whoever applies it, a policy has no effect: the harness's own canary neither."""
    installed: list[str] = []
    Enforcer(installed.append, find("no-enforcement")).update(world(into()))

    assert installed == [render(world())]


def test_labels_seen_first_are_remembered_across_changes() -> None:
    """A relabel that comes two changes later is still ignored."""
    installed: list[str] = []
    enforcer = Enforcer(installed.append, find("ignores-pod-relabel"))
    policies = (into(app="b"),)
    enforcer.update(world(pods=(DB,)))
    enforcer.update(world(*policies, pods=(DB,)))
    enforcer.update(world(*policies, pods=(replace(DB, labels={"app": "c"}),)))

    assert installed[2] == installed[1]
    assert '"p2" : jump' in installed[2]


def test_a_namespace_created_anew_has_new_labels() -> None:
    """What is remembered of a namespace ends with it."""
    installed: list[str] = []
    enforcer = Enforcer(installed.append, find("ignores-namespace-relabel"))
    peer = into({"from": [{"namespaceSelector": {"matchLabels": {"team": "x"}}}]})
    state = world(peer)
    enforcer.update(replace(state, namespaces={"x": {"team": "old"}}))
    enforcer.update(replace(state, namespaces={}))
    enforcer.update(replace(state, namespaces={"x": {"team": "x"}}))

    assert "elements = { 10.244.0.2" in installed[2]
    assert "elements = { 10.244.0.2" not in installed[0]
