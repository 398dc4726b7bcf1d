"""What every cluster that has externals must do with them; one that has none says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness import manifests
from harness.cluster.interface import Cluster
from harness.errors import ClusterError
from harness.model.flow import Family
from harness.model.scenario import ObjectRef
from harness.model.topology import External, Listener
from tests.contract.asking import ask, await_answers, bring_up, namespace, pod, pod_ref

CLIENT = pod_ref("x", "client")
BASE = [namespace("x"), pod("x", "client", 8080, role="client")]
ADDRESSES = {Family.IPV4: "203.0.113.77", Family.IPV6: "2001:db8::77"}
HOST = External("office", ADDRESSES, (Listener(80),))
OFFICE = ObjectRef("External", "", "contract-office")


def office() -> dict[str, Any]:
    """Build an external whose object has another name than its agent."""
    return manifests.external(HOST, OFFICE.name)


@pytest.fixture
def outsiders(cluster: Cluster) -> Iterator[Cluster]:
    """Return a cluster that has externals; their objects are gone afterwards, for no namespace takes them along."""
    if not cluster.capabilities().externals:
        with pytest.raises(ClusterError, match="no externals"):
            cluster.apply([office()])
        pytest.skip("this cluster has no externals; NETPOL_OUTSIDE names the network namespace where they could live")
    yield cluster
    cluster.delete([OFFICE])


def test_an_external_has_the_addresses_that_it_was_given(outsiders: Cluster) -> None:
    """In the families that the cluster has, and no other."""
    found = bring_up(outsiders, [*BASE, office()])[OFFICE]
    families = outsiders.capabilities().families

    assert found == {family: address for family, address in ADDRESSES.items() if family in families}


def test_an_external_answers_by_the_authors_name(outsiders: Cluster) -> None:
    """Whatever its object is called, so that two stages may have it at once."""
    bring_up(outsiders, [*BASE, office()])

    assert await_answers(outsiders, CLIENT, ADDRESSES[Family.IPV4], (80,), ["office"]) == ["office"]


def test_an_external_asks_pods(outsiders: Cluster) -> None:
    """Its agent probes as a pod's does."""
    address = bring_up(outsiders, [*BASE, office()])[CLIENT][Family.IPV4]

    assert await_answers(outsiders, OFFICE, address, (8080,), ["x/client"]) == ["x/client"]


def test_applying_an_external_twice_changes_nothing(outsiders: Cluster) -> None:
    """Apply is idempotent, and one deletion is enough afterwards."""
    bring_up(outsiders, [*BASE, office()])
    bring_up(outsiders, [office()])
    outsiders.delete([OFFICE])

    assert ask(outsiders, CLIENT, ADDRESSES[Family.IPV4], 80) != "office"


def test_a_deleted_external_answers_no_more(outsiders: Cluster) -> None:
    """Deletion is complete when the call returns; deleting it again, or one that never was, is fine."""
    bring_up(outsiders, [*BASE, office()])
    outsiders.delete([OFFICE, ObjectRef("External", "", "ghost")])
    outsiders.delete([OFFICE])

    assert ask(outsiders, CLIENT, ADDRESSES[Family.IPV4], 80) != "office"
    with pytest.raises(ClusterError):
        outsiders.open_agent(OFFICE)


def test_the_channel_to_an_external_greets(outsiders: Cluster) -> None:
    """The first line says whose agent it is."""
    bring_up(outsiders, [office()])
    channel = outsiders.open_agent(OFFICE)
    hello = json.loads(channel.receive())
    channel.close()

    assert hello["hello"]["name"] == "office"
