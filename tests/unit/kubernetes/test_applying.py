"""What is written to a real cluster: objects as they are, in order, and only where we are at home."""

from __future__ import annotations

from typing import Any

import pytest

from harness import manifests
from harness.cluster.kubernetes.apply import Applier
from harness.cluster.kubernetes.cluster import KubernetesCluster
from harness.cluster.kubernetes.ownership import Ownership
from harness.errors import ClusterError
from harness.manifests import EXPIRES, MANAGED_BY, OWNER_LABEL, PROCESS, RUN_LABEL
from harness.model.cluster import Capabilities
from harness.model.scenario import ObjectRef
from harness.model.topology import Pod, Service
from tests.unit.kubernetes.server import Server, refused

MARKS = {**MANAGED_BY, RUN_LABEL: "r1"}
OURS = {"metadata": {"name": "ours", "labels": MARKS}}
OTHERS = {"metadata": {"name": "others", "labels": {**MANAGED_BY, RUN_LABEL: "r2"}}}
FOREIGN = {"metadata": {"name": "foreign", "labels": {"team": "shop"}}}


def _applier(server: Server, *, private: bool = False) -> Applier:
    client = server.client()
    return Applier(client, Ownership(client, MARKS), private=private)


def _policy(namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": namespace, "name": "p"},
        "spec": spec,
    }


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": "a"}}}


def test_an_object_arrives_as_it_was_written() -> None:
    """Fields that no client has heard of included: the server decides whether it knows them."""
    server, policy = Server(OURS), _policy("ours", podSelector={}, comesIn2030={"x": [1]})
    _applier(server).apply([policy])
    method, path, query, body = server.asked[-1]

    assert (method, path) == ("PATCH", "/apis/networking.k8s.io/v1/namespaces/ours/networkpolicies/p")
    assert query == {"fieldManager": ["netpol-harness"], "fieldValidation": ["Strict"]}
    assert body == policy


def test_namespaces_come_first_and_policies_last() -> None:
    """Whatever the order given, nothing is applied before what it needs."""
    server = Server()
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "new", "name": "a"}}
    script = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "new", "name": "c"}}
    _applier(server).apply([_policy("new"), pod, script, _namespace("new")])

    kinds = [path.rpartition("/")[0].rpartition("/")[2] for method, path in server.writes if method == "PATCH"]
    assert kinds == ["namespaces", "configmaps", "pods", "networkpolicies"]


def test_a_new_namespace_gets_this_runs_marks() -> None:
    """The author's labels stay; ours say whose it is."""
    server = Server()
    _applier(server).apply([_namespace("new")])

    assert server.objects["/api/v1/namespaces/new"]["metadata"]["labels"] == {"team": "a", **MARKS}


def test_what_is_no_authors_is_stamped_and_manifests_are_not() -> None:
    """Whose it is stands in annotations, which no policy sees; an author's object arrives as it was written."""
    server, stamps = Server(OURS), {OWNER_LABEL: "alice@laptop", EXPIRES: "2099-01-01T00:00:00Z"}
    cluster = KubernetesCluster(
        server.client(), Capabilities("kubeconfig", emulated=False), MARKS, image="i", agent="a", stamps=stamps
    )
    pod = manifests.pod(Pod("ours", "a", {"tier": "db"}), "ours")
    service = manifests.service(Service("ours", "s", {}, ()), "ours")
    cluster.apply([_namespace("new"), pod, service, _policy("ours")])
    written = {body["kind"]: body["metadata"] for method, _, _, body in server.asked if method == "PATCH"}

    assert {kind for kind, metadata in written.items() if metadata.get("annotations") == stamps} == {
        "Namespace",
        "ConfigMap",
        "Pod",
        "Service",
    }
    assert written["NetworkPolicy"] == _policy("ours")["metadata"]
    assert written["Pod"]["labels"] == {"tier": "db"}


def test_a_process_cleans_up_after_itself_alone() -> None:
    """Others of the same run, under pytest-xdist, may not be done yet."""
    server = Server()
    first, second = (Ownership(server.client(), MARKS, {PROCESS: name}) for name in ("p1", "p2"))
    first.claim("np-a")
    second.claim("np-b")

    assert (first.names(), second.names()) == (["np-a"], ["np-b"])


@pytest.mark.parametrize("name", ["foreign", "others"])
def test_a_namespace_that_is_not_this_runs_is_never_written(name: str) -> None:
    """Neither it nor anything in it is applied or deleted, whoever asks."""
    server = Server(FOREIGN, OTHERS)
    applier = _applier(server)
    for manifest in (_namespace(name), _policy(name)):
        with pytest.raises(ClusterError, match=name):
            applier.apply([manifest])
    for ref in (ObjectRef("Namespace", "", name), ObjectRef("NetworkPolicy", name, "p")):
        with pytest.raises(ClusterError, match=name):
            applier.delete([ref])

    # Creating what exists is refused by the server itself, and changes nothing.
    assert set(server.writes) == {("POST", "/api/v1/namespaces")}


def test_an_absent_namespace_is_named() -> None:
    """An object needs its namespace first."""
    with pytest.raises(ClusterError, match="nowhere"):
        _applier(Server()).apply([_policy("nowhere")])


def test_what_holds_for_the_whole_cluster_is_refused() -> None:
    """On a cluster that others use too, a cluster-wide policy would be theirs as well."""
    server = Server()
    listed = {"resources": [{"name": "wides", "kind": "Wide", "namespaced": False}]}
    server.objects["/apis/example.org/v1"] = {**listed, "metadata": {"uid": "1"}}
    wide = {"apiVersion": "example.org/v1", "kind": "Wide", "metadata": {"name": "w"}}
    with pytest.raises(ClusterError, match="whole cluster"):
        _applier(server).apply([wide])
    refusals = server.writes
    _applier(server, private=True).apply([wide])

    assert (refusals, server.writes) == ([], [("PATCH", "/apis/example.org/v1/wides/w")])


def test_a_kind_that_the_cluster_lacks_is_named() -> None:
    """A policy of another CNI is no reason for a traceback."""
    with pytest.raises(ClusterError, match=r"no kind Foo in example\.org/v1"):
        _applier(Server(OURS)).apply(
            [{"apiVersion": "example.org/v1", "kind": "Foo", "metadata": {"namespace": "ours", "name": "f"}}]
        )


def test_a_conflict_names_the_other_manager() -> None:
    """Two tools that write one field are told of, with the field."""
    server = Server(OURS)
    applier = _applier(server)
    applier.apply([_policy("ours")])
    cause = {"reason": "FieldManagerConflict", "field": ".spec.policyTypes", "message": 'conflict with "kubectl"'}
    server.script = [refused(409, "Conflict", "Apply failed", details={"causes": [cause]})]
    with pytest.raises(ClusterError, match=r'NetworkPolicy/ours/p: .*\.spec\.policyTypes: conflict with "kubectl"'):
        applier.apply([_policy("ours")])


def test_deleting_what_is_absent_is_fine() -> None:
    """Absent objects of absent namespaces, and kinds that nobody knows, are gone already."""
    server = Server(OURS)
    server.objects["/apis"] = {"groups": [], "metadata": {"uid": "1"}}
    _applier(server).delete(
        [
            ObjectRef("Namespace", "", "nowhere"),
            ObjectRef("Pod", "nowhere", "a"),
            ObjectRef("Pod", "ours", "a"),
            ObjectRef("Unknown", "ours", "a"),
        ]
    )

    assert server.writes == [("DELETE", "/api/v1/namespaces/ours/pods/a")]
