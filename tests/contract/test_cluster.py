"""What every cluster must do, whatever it is made of."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from harness.cluster.interface import Cluster
from harness.cluster.registry import CLUSTERS, open_provider
from harness.errors import ChannelClosedError, ClusterError
from harness.model.flow import Family
from harness.model.preflight import failed
from harness.model.scenario import ObjectRef
from tests.contract.asking import ask, await_answers, bring_up, namespace, pod, pod_ref, policy
from tests.contract.conftest import OPENERS

CLIENT, SERVER = pod_ref("x", "client"), pod_ref("x", "server")
BASE = [namespace("x"), pod("x", "client", role="client"), pod("x", "server", 8080, 8081, role="server")]
ONLY_8081 = policy(
    "x",
    "only-8081",
    podSelector={"matchLabels": {"role": "server"}},
    policyTypes=["Ingress"],
    ingress=[{"ports": [{"protocol": "TCP", "port": 8081}]}],
)
POLICY_REF = ObjectRef("NetworkPolicy", "x", "only-8081")


def test_every_registered_cluster_is_under_contract() -> None:
    """A name in the registry appears in this suite."""

    assert CLUSTERS.keys() - OPENERS.keys() == set()


@pytest.mark.parametrize("name", CLUSTERS)
def test_every_registered_cluster_is_looked_at_before_it_is_opened(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A provider's preflight never raises, whatever is missing; what fails says so, and what to do about it."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    monkeypatch.setenv("PATH", str(tmp_path))
    checks = open_provider(name, run="contract").preflight()

    assert checks != ()
    assert [check for check in failed(checks) if not check.remedy] == []


def test_capabilities_stay_the_same(cluster: Cluster) -> None:
    """Capabilities are facts: asking twice, and after a change, gives the same answer."""
    before = cluster.capabilities()
    cluster.apply([namespace("x")])

    assert cluster.capabilities() == before


def test_pods_answer_by_their_name(cluster: Cluster) -> None:
    """Without policies a pod reaches another, and the answer says who answered."""
    addresses = bring_up(cluster, BASE)

    assert await_answers(cluster, CLIENT, addresses[SERVER][Family.IPV4], (8080,), ["x/server"]) == ["x/server"]


def test_no_two_pods_share_an_address(cluster: Cluster) -> None:
    """Each pod has an address of its own, and only in families that the cluster says it has."""
    addresses = bring_up(cluster, BASE)
    every = [address for by_family in addresses.values() for address in by_family.values()]

    assert sorted(set(every)) == sorted(every)
    assert {family for by_family in addresses.values() for family in by_family} <= cluster.capabilities().families


def test_applying_twice_changes_nothing(cluster: Cluster) -> None:
    """Apply is idempotent: the same pods stay, at the same addresses, and still answer."""
    before = bring_up(cluster, BASE)
    after = bring_up(cluster, BASE)

    assert after == before
    assert await_answers(cluster, CLIENT, after[SERVER][Family.IPV4], (8080,), ["x/server"]) == ["x/server"]


def test_a_policy_denies_and_its_deletion_allows_again(cluster: Cluster) -> None:
    """A policy isolates what it selects for as long as it exists."""
    address = bring_up(cluster, BASE)[SERVER][Family.IPV4]
    cluster.apply([ONLY_8081])
    during = await_answers(cluster, CLIENT, address, (8080, 8081), ["timeout", "x/server"])
    cluster.delete([POLICY_REF])
    after = await_answers(cluster, CLIENT, address, (8080, 8081), ["x/server", "x/server"])

    assert during == ["timeout", "x/server"]
    assert after == ["x/server", "x/server"]


def test_applying_a_policy_again_replaces_it(cluster: Cluster) -> None:
    """The last applied version counts, and nothing of the one before."""
    address = bring_up(cluster, [*BASE, ONLY_8081])[SERVER][Family.IPV4]
    opened = {**ONLY_8081["spec"], "ingress": [{"ports": [{"protocol": "TCP", "port": 8080}]}]}
    cluster.apply([{**ONLY_8081, "spec": opened}])
    expected = ["x/server", "timeout"]

    assert await_answers(cluster, CLIENT, address, (8080, 8081), expected) == expected


def test_relabelling_changes_what_is_enforced(cluster: Cluster) -> None:
    """A pod whose labels change comes under other policies, and keeps its address and its process."""
    address = bring_up(cluster, [*BASE, ONLY_8081])[SERVER][Family.IPV4]
    before = await_answers(cluster, CLIENT, address, (8080,), ["timeout"])
    cluster.apply([pod("x", "server", 8080, 8081, role="other")])
    after = await_answers(cluster, CLIENT, address, (8080,), ["x/server"])

    assert (before, after) == (["timeout"], ["x/server"])


def test_deleting_what_is_absent_is_fine(cluster: Cluster) -> None:
    """Absent objects, even of absent namespaces, are deleted already."""
    cluster.delete([pod_ref("nowhere", "nobody"), ObjectRef("Namespace", "", "nowhere"), POLICY_REF])

    with pytest.raises(ClusterError):
        cluster.wait_ready([pod_ref("nowhere", "nobody")], 0.1)


def test_a_deleted_pod_answers_no_more(cluster: Cluster) -> None:
    """Deletion is complete when the call returns."""
    address = bring_up(cluster, BASE)[SERVER][Family.IPV4]
    cluster.delete([SERVER])

    assert ask(cluster, CLIENT, address, 8080) != "x/server"
    with pytest.raises(ClusterError):
        cluster.open_agent(SERVER)


def test_a_namespace_takes_along_what_is_in_it(cluster: Cluster) -> None:
    """With a namespace its pods and policies go: a new one of that name starts empty."""
    bring_up(cluster, [*BASE, ONLY_8081])
    cluster.delete([ObjectRef("Namespace", "", "x")])
    address = bring_up(cluster, BASE)[SERVER][Family.IPV4]

    assert await_answers(cluster, CLIENT, address, (8080,), ["x/server"]) == ["x/server"]


def test_a_restarted_pod_has_a_new_address(cluster: Cluster) -> None:
    """Deleted and applied again, a pod of the same name is another pod."""
    before = bring_up(cluster, BASE)[SERVER][Family.IPV4]
    cluster.delete([SERVER])
    after = bring_up(cluster, [BASE[2]])[SERVER][Family.IPV4]

    assert after != before
    assert await_answers(cluster, CLIENT, after, (8080,), ["x/server"]) == ["x/server"]


def test_waiting_for_a_pod_that_was_never_applied_says_which(cluster: Cluster) -> None:
    """The error names what was waited for."""
    with pytest.raises(ClusterError, match="x/ghost"):
        cluster.wait_ready([pod_ref("x", "ghost")], 0.1)


def test_an_object_of_an_absent_namespace_is_refused(cluster: Cluster) -> None:
    """Namespaces come first."""
    with pytest.raises(ClusterError, match="nowhere"):
        cluster.apply([pod("nowhere", "lost")])


def test_a_channel_greets_with_the_name_of_its_pod(cluster: Cluster) -> None:
    """The first line says whose agent it is."""
    bring_up(cluster, BASE)
    channel = cluster.open_agent(SERVER)
    hello = json.loads(channel.receive())
    channel.close()

    assert hello["hello"]["name"] == "x/server"


def test_a_closed_channel_can_be_opened_anew(cluster: Cluster) -> None:
    """Closing ends a channel and not its agent; closing twice is fine."""
    bring_up(cluster, BASE)
    first = cluster.open_agent(SERVER)
    first.close()
    first.close()
    second = cluster.open_agent(SERVER)
    line = second.receive()
    second.close()

    assert "hello" in line
    with pytest.raises(ChannelClosedError):
        first.receive()
    with pytest.raises(ChannelClosedError):
        first.send("{}")


def test_closing_wakes_a_reader(cluster: Cluster) -> None:
    """A receive under way raises once another thread closes the channel."""
    bring_up(cluster, BASE)
    channel = cluster.open_agent(SERVER)
    channel.receive()
    raised: list[Exception] = []

    def read() -> None:
        try:
            channel.receive()
        except ChannelClosedError as fault:
            raised.append(fault)

    reader = threading.Thread(target=read)
    reader.start()
    channel.close()
    reader.join(5)

    assert [type(fault) for fault in raised] == [ChannelClosedError]


def test_a_diagnosis_never_raises(cluster: Cluster) -> None:
    """Whatever it is asked about, there or not, it answers with text."""
    bring_up(cluster, BASE)
    text = cluster.diagnose([SERVER, pod_ref("x", "ghost"), ObjectRef("Lease", "x", "y"), ObjectRef("", "", "")])

    assert "x/server" in text
    assert "x/ghost" in text


def test_two_openings_never_meet(opener: Callable[[], AbstractContextManager[Cluster]]) -> None:
    """What one opening deletes stays up in the other, though their pods share names; private ones are strangers."""
    with opener() as one, opener() as other:
        bring_up(one, BASE)
        address = bring_up(other, BASE)[SERVER][Family.IPV4]
        one.delete([SERVER])
        heard_by_other = await_answers(other, CLIENT, address, (8080,), ["x/server"])
        # A cluster that others use as well is one network: there the pods do meet.
        heard_by_one = ask(one, CLIENT, address, 8080) if one.capabilities().private else None

    assert heard_by_other == ["x/server"]
    assert heard_by_one != "x/server"


def test_several_threads_may_use_a_cluster(cluster: Cluster) -> None:
    """Scenarios run side by side on one cluster, each in namespaces of its own."""
    answers: dict[str, str] = {}

    def play(name: str) -> None:
        objects = [namespace(name), pod(name, "client"), pod(name, "server", 8080)]
        address = bring_up(cluster, objects)[pod_ref(name, "server")][Family.IPV4]
        heard = await_answers(cluster, pod_ref(name, "client"), address, (8080,), [f"{name}/server"])
        answers[name] = heard[0]

    names = [f"n{number}" for number in range(6)]
    threads = [threading.Thread(target=play, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert answers == {name: f"{name}/server" for name in names}
