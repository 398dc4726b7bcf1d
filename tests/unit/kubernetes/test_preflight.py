"""What is said of a cluster before a run: every check, from a healthy cluster to one that answers nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.cluster.kubernetes.exclusion import PLACE
from harness.cluster.kubernetes.identity import Identity
from harness.cluster.kubernetes.preflight.looking import Wish, preflight
from harness.manifests import EXPIRES, MANAGED_BY, OWNER_LABEL, RUN_LABEL
from harness.model.preflight import Check, CheckStatus, failed, warnings
from tests.unit.kubernetes.server import REVIEWS, Answer, Server, refused

IMAGE = "example.org/probe:1"
WISH = Wish(Identity("mine", "alice@laptop", datetime(2099, 1, 1, tzinfo=UTC), "p1"), IMAGE, "--cluster kubeconfig")
HOME = "/api/v1/namespaces/np-mine-preflight-"
DAEMON_SETS = "/apis/apps/v1/namespaces/kube-system/daemonsets"


def _node(name: str, *, images: tuple[str, ...] = (IMAGE,), pods: str = "110", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"podCIDRs": ["192.0.2.0/24", "2001:db8::/64"], **spec},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "images": [{"names": [image]} for image in images],
            "allocatable": {"pods": pods, "cpu": "4", "memory": "8Gi"},
        },
    }


def _served(group: str, *kinds: tuple[str, str]) -> dict[str, Any]:
    return {f"/apis/{group}/v1": {"resources": [{"name": name, "kind": kind} for name, kind in kinds]}}


def _healthy(*namespaces: dict[str, Any]) -> Server:
    """Return a server of Cilium with two nodes, on which nothing stands in a run's way."""
    server = Server(*namespaces)
    image = "registry.example/cilium:v1.20.1"
    daemon_set = {
        "metadata": {"name": "cilium"},
        "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
    }
    names = ("apps", "networking.k8s.io", "coordination.k8s.io", "cilium.io")
    groups = [{"name": name, "preferredVersion": {"groupVersion": f"{name}/v1"}} for name in names]
    server.documents |= {
        "/version": {"gitVersion": "v1.34.4"},
        "/apis": {"groups": groups},
        "/api/v1/nodes": {"items": [_node("n1"), _node("n2")]},
        DAEMON_SETS: {"items": [daemon_set]},
        "/apis/cilium.io/v1/ciliumclusterwidenetworkpolicies": {"items": []},
        **_served("apps", ("daemonsets", "DaemonSet")),
        **_served("networking.k8s.io", ("networkpolicies", "NetworkPolicy")),
        **_served("coordination.k8s.io", ("leases", "Lease")),
        **_served(
            "cilium.io",
            ("ciliumendpoints", "CiliumEndpoint"),
            ("ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy"),
        ),
    }
    return server


def _run(name: str, run: str, minutes_left: float) -> dict[str, Any]:
    expires = (datetime.now(UTC) + timedelta(minutes=minutes_left)).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {**MANAGED_BY, RUN_LABEL: run}
    return {"metadata": {"name": name, "labels": labels, "annotations": {OWNER_LABEL: "bob@ci", EXPIRES: expires}}}


def _look(server: Server, wish: Wish = WISH) -> tuple[Check, ...]:
    return preflight(server.client(), wish)


def _named(checks: tuple[Check, ...], name: str) -> list[Check]:
    return [check for check in checks if check.name == name]


def test_a_healthy_cluster_stands_in_nobodys_way() -> None:
    """Everything that design section 4 names is there, and nothing is worse than a note."""
    checks = _look(_healthy())

    assert [check.name for check in checks] == [
        "API server",
        "Kubernetes",
        "CNI",
        "permissions",
        "Pod Security",
        "nodes",
        "image",
        "room",
        "cluster-wide policies",
        "leftovers",
        "externals",
        "IP families",
        "SCTP",
    ]
    assert (failed(checks), warnings(checks)) == ((), ())


def test_what_is_not_well_has_a_remedy() -> None:
    """A check that says that something is wrong says what to do as well."""
    server = _healthy(_run("np-dead", "dead", -60))
    server.documents["/version"] = {"gitVersion": "v1.19.1"}
    server.documents["/api/v1/nodes"] = {"items": [_node("n1", unschedulable=True), _node("n2", images=(), pods="1")]}
    server.documents[DAEMON_SETS] = {"items": []}
    server.denied = {("create", "pods"), ("list", "nodes")}
    server.tried = refused(403, "Forbidden", "violates a policy of this cluster")
    worse = [check for check in _look(server) if check.status in (CheckStatus.WARNING, CheckStatus.FAILED)]

    assert {check.name for check in worse} >= {"Kubernetes", "permissions", "Pod Security", "room", "leftovers"}
    assert [check for check in worse if not check.remedy] == []


def test_nothing_is_written_but_a_namespace_of_our_own() -> None:
    """It is deleted again; pods are asked for by dry run, and reviews store nothing."""
    server = _healthy()
    _look(server)
    stored = [
        (method, path)
        for method, path, query, _ in server.asked
        if method != "GET" and path != REVIEWS and query.get("dryRun") != ["All"]
    ]

    assert [method for method, _ in stored] == ["POST", "DELETE"]
    assert stored[1][1].startswith(HOME)
    assert server.objects == {}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (refused(401, "Unauthorized", "Unauthorized"), "does not accept our credentials"),
        (OSError("connection refused"), "connection refused"),
        (refused(503, "ServiceUnavailable", "not now"), "not now"),
    ],
)
def test_a_server_that_cannot_be_asked_is_all_that_is_told(said: Answer | Exception, expected: str) -> None:
    """One check, in the words of what went wrong: a dozen more would only repeat it."""
    server = _healthy()
    server.script = [said] * 40
    (check,) = preflight(server.client(patience_s=0), WISH)

    assert check.status is CheckStatus.FAILED
    assert expected in check.text
    assert check.remedy


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("v1.24.17", CheckStatus.FAILED),
        ("v1.25.0", CheckStatus.OK),
        ("v1.34.4+vendor", CheckStatus.OK),
        ("v1.99.0", CheckStatus.WARNING),
        ("v3", CheckStatus.WARNING),
    ],
)
def test_the_servers_version_is_held_against_the_supported_range(version: str, status: CheckStatus) -> None:
    """Too old stops a run, too new only warns; the range is named."""
    server = _healthy()
    server.documents["/version"] = {"gitVersion": version}
    (check,) = _named(_look(server), "Kubernetes")

    assert (check.status, "supported are 1.25 to" in check.text) == (status, True)


def test_the_cni_is_named_with_its_version() -> None:
    """Reports of two runs can only be compared if they say it."""
    (check,) = _named(_look(_healthy()), "CNI")

    assert check == Check("CNI", CheckStatus.OK, "cilium v1.20.1")


@pytest.mark.parametrize(("name", "expected"), [("kube-flannel-ds", "flannel"), ("own-cni", "none that is known")])
def test_a_cni_that_does_not_enforce_is_a_warning(name: str, expected: str) -> None:
    """Whether it enforces after all is for the canary to say."""
    server = _healthy()
    server.documents["/apis"]["groups"] = server.documents["/apis"]["groups"][:3]
    server.documents[DAEMON_SETS]["items"][0]["metadata"]["name"] = name
    (check,) = _named(_look(server), "CNI")

    assert (check.status, expected in check.text) == (CheckStatus.WARNING, True)


@pytest.mark.parametrize(
    ("verb", "resource", "status"),
    [
        ("get", "pods/exec", CheckStatus.FAILED),
        ("deletecollection", "pods", CheckStatus.FAILED),
        ("patch", "networkpolicies.networking.k8s.io", CheckStatus.FAILED),
        ("list", "nodes", CheckStatus.WARNING),
        ("watch", "ciliumendpoints.cilium.io", CheckStatus.WARNING),
        ("patch", "leases.coordination.k8s.io", CheckStatus.WARNING),
    ],
)
def test_a_missing_verb_stops_a_run_only_where_the_run_needs_it(verb: str, resource: str, status: CheckStatus) -> None:
    """It is named with its resource, its use, and the command that prints the role."""
    server = _healthy()
    server.denied = {(verb, resource)}
    (check,) = _named(_look(server), "permissions")

    assert check.status is status
    assert check.text.startswith(f"may not {verb} {resource}, needed to ")
    assert "netpol-harness rbac" in (check.remedy or "")


def test_a_right_to_what_the_cluster_lacks_is_not_missed() -> None:
    """No Calico, no right to Calico's policies."""
    server = _healthy()
    server.denied = {("list", "globalnetworkpolicies.crd.projectcalico.org")}

    assert failed(_look(server)) == warnings(_look(server)) == ()


def test_permissions_that_cannot_be_asked_about_are_a_warning() -> None:
    """What the run may not do it will be told when it tries."""
    server = _healthy()
    server.refusals["POST", REVIEWS] = refused(403, "Forbidden", "no reviews here")
    (check,) = _named(_look(server), "permissions")

    assert (check.status, "no reviews here" in check.text) == (CheckStatus.WARNING, True)


def test_pods_that_admission_refuses_stop_a_run_in_the_servers_words() -> None:
    """A policy engine that wants what a probe pod cannot have is found before any pod is waited for."""
    server = _healthy()
    server.tried = refused(403, "Forbidden", "images must come from registry.example")
    (check,) = _named(_look(server), "Pod Security")

    assert check.status is CheckStatus.FAILED
    assert "images must come from registry.example" in check.text


def test_a_level_that_keeps_pods_off_the_nodes_network_is_a_note() -> None:
    """Only scenarios with hostNetwork need more, and they are told which label gives it."""

    server = _healthy()
    server.tried_on_node = refused(403, "Forbidden", 'violates PodSecurity "restricted:latest": host namespaces')
    admitted, refusal = _named(_look(server), "Pod Security")

    assert (admitted.status, admitted.text) == (CheckStatus.OK, "probe pods are admitted (level restricted)")
    assert refusal.status is CheckStatus.NOTE
    assert "pod-security.kubernetes.io/enforce: privileged" in (refusal.remedy or "")


def test_a_webhook_without_dry_run_is_no_refusal() -> None:
    """Then it is the canary's pods that show whether pods are admitted."""
    server = _healthy()
    said = 'admission webhook "x.example.org" does not support dry run'
    server.tried = refused(400, "BadRequest", said)
    (check,) = _named(_look(server), "Pod Security")

    assert (check.status, said in check.text) == (CheckStatus.NOTE, True)


def test_a_cluster_on_which_no_namespace_can_be_made_stops_a_run() -> None:
    """With what the server said to it."""
    server = _healthy()
    server.refusals["POST", "/api/v1/namespaces"] = refused(403, "Forbidden", "namespaces come from a form")
    (check,) = _named(_look(server), "namespaces")

    assert (check.status, "namespaces come from a form" in check.text) == (CheckStatus.FAILED, True)


@pytest.mark.parametrize(
    ("nodes", "name", "status", "text"),
    [
        ([_node("n1"), _node("n2")], "nodes", CheckStatus.OK, "2 take pods: n1, n2"),
        ([_node("n1"), _node("n2", unschedulable=True)], "nodes", CheckStatus.NOTE, "n1 alone takes pods"),
        ([_node("n1", unschedulable=True)], "nodes", CheckStatus.FAILED, "none takes pods"),
        ([_node("n1"), _node("n2", images=())], "image", CheckStatus.NOTE, f"{IMAGE} is not listed on n2"),
        ([_node("n1", images=(f"{IMAGE}@sha256:00",))], "image", CheckStatus.NOTE, "is not listed on n1"),
        ([_node("n1")], "room", CheckStatus.OK, "for 110 more probe pods on 1 nodes"),
        ([_node("n1", pods="1"), _node("n2")], "room", CheckStatus.WARNING, "n1 has no pods left"),
        ([_node("n1", pods="12")], "room", CheckStatus.WARNING, "for 12 more probe pods"),
        ([_node("n1", pods="1")], "room", CheckStatus.FAILED, "for 1 more probe pods"),
    ],
)
def test_nodes_are_looked_at_for_what_pods_need(
    nodes: list[dict[str, Any]], name: str, status: CheckStatus, text: str
) -> None:
    """A place, the image, and room by what is requested already."""
    server = _healthy()
    server.documents["/api/v1/nodes"] = {"items": nodes}
    (check,) = _named(_look(server), name)

    assert check.status is status
    assert text in check.text


@pytest.mark.parametrize(
    ("wanted", "listed"),
    [
        ("python:3.13-slim", "registry.example/library/python:3.13-slim"),
        ("python", "registry.example/library/python:latest"),
        ("lab/probe:1", "registry.example/lab/probe:1"),
        ("registry.example:5000/probe", "registry.example:5000/probe:latest"),
    ],
)
def test_an_image_is_found_by_its_full_name(wanted: str, listed: str) -> None:
    """Nodes write out the registry and the tag that people leave away."""
    server = _healthy()
    server.documents["/api/v1/nodes"] = {"items": [_node("n1", images=(listed,))]}
    (check,) = _named(_look(server, replace(WISH, image=wanted)), "image")

    assert check.status is CheckStatus.OK


def test_an_image_of_another_registry_is_another_image() -> None:
    """The same name elsewhere may hold anything."""
    server = _healthy()
    server.documents["/api/v1/nodes"] = {"items": [_node("n1", images=("other.example/probe:1",))]}
    (check,) = _named(_look(server), "image")

    assert check.status is CheckStatus.NOTE


def test_more_pods_than_a_page_holds_are_not_counted() -> None:
    """A look before a run takes seconds on a large cluster, too."""
    server = _healthy()
    server.documents["/api/v1/pods"] = {"metadata": {"continue": "x"}, "items": []}
    (check,) = _named(_look(server), "room")

    assert (check.status, "not counted" in check.text) == (CheckStatus.NOTE, True)


def test_policies_of_others_that_hold_everywhere_are_named() -> None:
    """One warning each, so that a report that shows a difference shows its likely cause too."""
    server = _healthy()
    path = "/apis/cilium.io/v1/ciliumclusterwidenetworkpolicies"
    server.documents[path] = {"items": [{"metadata": {"name": name}} for name in ("deny-all", "allow-dns")]}
    told = [check.text.partition(" ")[0] for check in _named(_look(server), "cluster-wide policies")]

    assert told == ["CiliumClusterwideNetworkPolicy/deny-all", "CiliumClusterwideNetworkPolicy/allow-dns"]
    assert len(warnings(_look(server))) == 2


def test_policies_that_may_not_be_listed_are_said_to_be_unknown() -> None:
    """None found is not the same as none."""
    server = _healthy()
    path = "/apis/cilium.io/v1/ciliumclusterwidenetworkpolicies"
    server.documents[path] = refused(403, "Forbidden", "not yours to see")
    (check,) = _named(_look(server), "cluster-wide policies")

    assert (check.status, "not yours to see" in check.text) == (CheckStatus.NOTE, True)


def test_leftovers_are_named_with_the_command_that_removes_them() -> None:
    """It can be pasted as it stands; a run whose state nobody knows is left to the reader."""
    server = _healthy(_run("np-dead-1", "dead", -60), _run("np-open-1", "open", 60))
    server.documents["/apis/coordination.k8s.io/v1/leases"] = refused(403, "Forbidden", "no leases")
    dead, unknown = _named(_look(server), "leftovers")

    assert dead.status is CheckStatus.WARNING
    assert dead.remedy == "netpol-harness clean --cluster kubeconfig --run dead --yes"
    assert dead.text.startswith("run dead of bob@ci, expired 60 min ago: 1 namespace")
    assert (unknown.status, (unknown.remedy or "").startswith("if it is dead: ")) == (CheckStatus.NOTE, True)


def test_a_run_that_is_under_way_is_no_leftover() -> None:
    """Ordinary runs live side by side."""
    young = _run("np-other", "other", 60)
    young["metadata"]["creationTimestamp"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    checks = _look(_healthy(young))

    assert [check.text for check in _named(checks, "other runs")] == ["run other of bob@ci, under way: 1 namespace"]
    assert warnings(checks) == ()


@pytest.mark.parametrize(("exclusive", "status"), [(False, CheckStatus.NOTE), (True, CheckStatus.FAILED)])
def test_a_run_that_has_the_cluster_for_itself_stops_only_one_that_wants_it_too(
    exclusive: bool, status: CheckStatus
) -> None:
    """A run with names of its own disturbs nobody, and nobody disturbs it."""
    server = _healthy()
    path = f"/apis/coordination.k8s.io/v1/namespaces/{PLACE}/leases/exclusive"
    server.documents[path] = {"spec": {"holderIdentity": "r9"}}
    (check,) = _named(_look(server, replace(WISH, exclusive=exclusive)), "other runs")

    assert (check.status, check.text) == (status, "run r9 has this cluster for itself")


def test_a_question_that_is_not_answered_is_a_warning_of_its_own() -> None:
    """The other checks are told all the same."""
    server = _healthy()
    server.documents["/api/v1/nodes"] = refused(403, "Forbidden", "nodes are secret")
    checks = _look(server)

    assert [(item.status, "nodes are secret" in item.text) for item in _named(checks, "nodes")] == [
        (CheckStatus.WARNING, True)
    ]
    assert _named(checks, "Pod Security")[0].status is CheckStatus.OK


def test_one_family_is_a_note() -> None:
    """What wants the other one is inconclusive, which is better known before."""
    server = _healthy()
    nodes = [_node("n1", podCIDRs=["192.0.2.0/24"]), _node("n2", podCIDRs=["192.0.2.0/24"])]
    server.documents["/api/v1/nodes"] = {"items": nodes}
    (check,) = _named(_look(server), "IP families")

    assert (check.status, check.text.startswith("IPv4; no IPv6")) == (CheckStatus.NOTE, True)
