"""The Kubernetes adapter against a real API server: what no fake can vouch for."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness import manifests
from harness.cluster.kubernetes.apply import Applier
from harness.cluster.kubernetes.client import APPLY_PATCH, Client
from harness.cluster.kubernetes.cluster import KubernetesCluster
from harness.cluster.kubernetes.kubeconfig import open_client
from harness.cluster.kubernetes.ownership import Ownership
from harness.cluster.kubernetes.provider import KubeconfigProvider
from harness.cluster.kubernetes.resources import NAMESPACES, POLICIES
from harness.errors import ClusterError
from harness.manifests import MANAGED_BY, RUN_LABEL
from harness.model.scenario import ObjectRef
from harness.model.topology import Namespace, Pod

pytestmark = pytest.mark.cluster

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@dataclass(frozen=True)
class Ground:
    """An open cluster with one namespace of its own, called as the run is, and a client beside it."""

    cluster: KubernetesCluster
    client: Client
    namespace: str

    def pod(self, name: str, **changes: Any) -> dict[str, Any]:
        """Build a pod; `changes` go into its first container."""
        built = manifests.pod(Pod(self.namespace, name), self.namespace)
        built["spec"]["containers"][0].update(changes)
        return built

    def policy(self, **spec: Any) -> dict[str, Any]:
        """Build a policy called p."""
        metadata = {"namespace": self.namespace, "name": "p"}
        spec = {"podSelector": {}, **spec}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}

    def applier(self) -> Applier:
        """Return a second writer of the same run."""
        return Applier(self.client, Ownership(self.client, {**MANAGED_BY, RUN_LABEL: self.namespace}))

    def edit(self, path: str, manager: str, body: dict[str, Any]) -> None:
        """Write as somebody else, by force."""
        self.client.call("PATCH", path, {"fieldManager": manager, "force": "true"}, body, APPLY_PATCH)


@pytest.fixture
def open_ground() -> Iterator[Callable[..., Ground]]:
    """Return a function that opens a cluster; what is opened is closed, and nothing is left behind."""
    run = f"live-{secrets.token_hex(3)}"
    kubeconfig = os.environ["NETPOL_KUBECONFIG"]
    client = open_client(kubeconfig)
    opened = []

    def start(**options: Any) -> Ground:
        context = KubeconfigProvider(run=run, kubeconfig=kubeconfig, **options).open()
        opened.append(context)
        ground = Ground(context.__enter__(), client, run)
        ground.cluster.apply([manifests.namespace(Namespace(run, RESTRICTED), run, {})])
        return ground

    try:
        yield start
    finally:
        for context in opened:
            context.__exit__(None, None, None)
        selector = {"labelSelector": f"{RUN_LABEL}={run}"}
        left = client.get(NAMESPACES.collection(""), selector)["items"]
        client.close()
        assert left == []


def _seconds_until_refused(order: Callable[[], object], match: str) -> float:
    started = time.monotonic()
    with pytest.raises(ClusterError, match=match):
        order()
    return time.monotonic() - started


def test_probe_pods_run_at_the_restricted_level_and_on_every_node(open_ground: Callable[..., Ground]) -> None:
    """Twice as many pods as nodes leave no node without one."""
    ground = open_ground()
    nodes = ground.cluster.capabilities().nodes
    names = [f"p{number}" for number in range(2 * len(nodes))]
    ground.cluster.apply([ground.pod(name) for name in names])
    ground.cluster.wait_ready([ObjectRef("Pod", ground.namespace, name) for name in names], 60)
    used = {
        item["spec"]["nodeName"] for item in ground.client.get(f"/api/v1/namespaces/{ground.namespace}/pods")["items"]
    }

    assert used == set(nodes)


def test_no_node_with_room_is_said_within_seconds(open_ground: Callable[..., Ground]) -> None:
    """In the scheduler's own words, not after the deadline."""
    ground = open_ground()
    ground.cluster.apply([ground.pod("big", resources={"requests": {"cpu": "4000"}})])
    ref = ObjectRef("Pod", ground.namespace, "big")

    assert _seconds_until_refused(lambda: ground.cluster.wait_ready([ref], 60), "Insufficient cpu") < 10


def test_an_image_that_cannot_be_had_is_said_within_seconds(open_ground: Callable[..., Ground]) -> None:
    """A name that no registry could have needs no network to be refused."""
    ground = open_ground(image="NO:SUCH:IMAGE")
    ground.cluster.apply([ground.pod("a")])
    ref = ObjectRef("Pod", ground.namespace, "a")

    assert _seconds_until_refused(lambda: ground.cluster.wait_ready([ref], 60), "InvalidImageName") < 10


def test_an_agent_that_ends_is_said_with_its_last_words(open_ground: Callable[..., Ground]) -> None:
    """Opening it does not wait for a container that gave up."""
    ground = open_ground()
    ground.cluster.apply([ground.pod("a", args=["--name", "x/a", "--nonsense"])])

    def meet() -> None:
        ground.cluster.wait_ready([ObjectRef("Pod", ground.namespace, "a")], 60)
        ground.cluster.open_agent(ObjectRef("Pod", ground.namespace, "a"))

    assert _seconds_until_refused(meet, "(?s)ended|cannot start.*it wrote") < 20


def test_admission_is_said_by_the_server_at_once(open_ground: Callable[..., Ground]) -> None:
    """It refuses when the pod is applied."""
    ground = open_ground()
    privileged = ground.pod("a", securityContext={"privileged": True})
    assert _seconds_until_refused(lambda: ground.cluster.apply([privileged]), "violates PodSecurity") < 5


def test_a_quota_is_said_by_the_server_at_once(open_ground: Callable[..., Ground]) -> None:
    """It refuses when the pod is applied, and says what is used up."""
    ground = open_ground()
    metadata = {"namespace": ground.namespace, "name": "q"}
    spec = {"hard": {"pods": "0"}}
    ground.cluster.apply([{"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec}])

    assert _seconds_until_refused(lambda: ground.cluster.apply([ground.pod("a")]), "exceeded quota|status unknown") < 5


def test_a_field_that_nobody_knows_is_said_at_once(open_ground: Callable[..., Ground]) -> None:
    """The server answers 500 to it, which is no reason to try again."""
    ground = open_ground()

    assert _seconds_until_refused(lambda: ground.cluster.apply([ground.policy(bogus=1)]), "bogus") < 5


def test_a_conflict_names_the_other_manager(open_ground: Callable[..., Ground]) -> None:
    """Somebody who edits a policy of a run is told of by name."""
    ground = open_ground()
    ground.cluster.apply([ground.policy()])
    path = POLICIES.item(ground.namespace, "p")
    ground.edit(path, "an-operator", ground.policy(policyTypes=["Egress"]))

    assert _seconds_until_refused(lambda: ground.cluster.apply([ground.policy(policyTypes=[])]), "an-operator") < 5


def test_a_finalizer_is_named_when_a_deletion_does_not_end(open_ground: Callable[..., Ground]) -> None:
    """The object, what holds it, and how long was waited; once it is free, the run leaves nothing."""
    ground = open_ground()
    held = ground.policy()
    held["metadata"]["finalizers"] = ["example.org/hold"]
    ground.cluster.apply([held])
    ref = ObjectRef("NetworkPolicy", ground.namespace, "p")
    try:
        with pytest.raises(ClusterError, match=r"still there: .*finalizer example\.org/hold"):
            ground.applier().delete([ref], 1)
    finally:
        ground.cluster.apply([ground.policy()])

    ground.cluster.delete([ref])
    assert ground.client.find(POLICIES.item(ground.namespace, "p")) is None


def test_a_pod_on_its_way_out_is_replaced(open_ground: Callable[..., Ground]) -> None:
    """Applied while the old one ends, the new one comes after it and stays."""
    ground = open_ground()
    path = f"/api/v1/namespaces/{ground.namespace}/pods/a"
    ref = ObjectRef("Pod", ground.namespace, "a")
    ground.cluster.apply([ground.pod("a")])
    ground.cluster.wait_ready([ref], 60)
    old = ground.client.get(path)["metadata"]["uid"]
    ground.client.call("DELETE", path)
    ground.cluster.apply([ground.pod("a")])
    ground.cluster.wait_ready([ref], 60)

    assert ground.client.get(path)["metadata"]["uid"] != old


def test_another_runs_namespace_is_refused(open_ground: Callable[..., Ground]) -> None:
    """Two runs that would share a namespace are kept apart, and the second is told whose it is."""
    ground = open_ground()
    provider = KubeconfigProvider(run=f"{ground.namespace}-b", kubeconfig=os.environ["NETPOL_KUBECONFIG"])
    with provider.open() as other, pytest.raises(ClusterError, match=f"another run, {ground.namespace}"):
        other.apply([ground.policy()])


def test_a_watch_ends_when_it_should(open_ground: Callable[..., Ground]) -> None:
    """Its deadline holds, though the server would go on."""
    ground = open_ground()
    version = ground.client.get(NAMESPACES.collection(""))["metadata"]["resourceVersion"]
    started = time.monotonic()
    list(ground.client.watch(NAMESPACES.collection(""), {"resourceVersion": version}, 0.5))

    assert 0.4 < time.monotonic() - started < 1.5
