"""Preflight, ownership and permissions on a real cluster: what is found, what is written, and what stays."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.cluster.kubernetes.apply import Applier
from harness.cluster.kubernetes.cleaning import Cleaning
from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.exclusion import HeldError
from harness.cluster.kubernetes.identity import Identity
from harness.cluster.kubernetes.kubeconfig import open_client
from harness.cluster.kubernetes.ownership import Ownership
from harness.cluster.kubernetes.preflight.permissions import NEEDS, Missing, Need, asked_for, missing_permissions
from harness.cluster.kubernetes.provider import KubeconfigProvider
from harness.cluster.kubernetes.resources import NAMESPACES
from harness.manifests import EXPIRES, OWNER_LABEL, RUN_LABEL
from harness.model.preflight import CheckStatus, failed
from harness.model.scenario import ObjectRef
from tests.live.accounts import Account, account, writes_of

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SCENARIO = """
scenario: shop
about: Only the web reaches the database, and only on one port.
topology:
  namespaces: {shop: {labels: {team: shop}}}
  pods:
    shop/db: {labels: {tier: db}, listen: [8080, 8081]}
    shop/web: {labels: {tier: web}}
  services:
    shop/db: {selector: {tier: db}, ports: [{port: 8080}]}
probe: {via: [pod, service]}
steps:
- name: segmented
  apply: [policy.yaml]
  expect: {default: allow, rules: [{deny: "* -> shop/db:8081"}]}
- name: open again
  delete: [NetworkPolicy/shop/only-8080]
  restart: [shop/web]
  expect: {default: allow}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: only-8080}
spec:
  podSelector: {matchLabels: {tier: db}}
  ingress: [{ports: [{port: 8080, protocol: TCP}]}]
"""
RBAC_S = 5.0
SERVED_S = 15.0
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ADMIN_POLICIES = "/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies"
# As much of the real definition as it takes to have objects of it, where the cluster lacks it.
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "adminnetworkpolicies.policy.networking.k8s.io",
        "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
    },
    "spec": {
        "group": "policy.networking.k8s.io",
        "scope": "Cluster",
        "names": {"kind": "AdminNetworkPolicy", "plural": "adminnetworkpolicies", "singular": "adminnetworkpolicy"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture(scope="module")
def kubeconfig() -> str:
    """The kubeconfig of somebody who may do everything."""
    return os.environ["NETPOL_KUBECONFIG"]


@pytest.fixture
def client(kubeconfig: str) -> Iterator[Client]:
    """A client of theirs."""
    opened = open_client(kubeconfig)
    yield opened
    opened.close()


@pytest.fixture
def granted(kubeconfig: str, tmp_path: Path) -> Iterator[Account]:
    """A service account with the printed role, and nothing else."""
    with account(kubeconfig, tmp_path) as made:
        yield made


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A scenario that makes, changes and deletes whatever a scenario can; its namespace is called as its file is.

    The name is nobody else's: a test that looks for its run on a shared cluster must not find another one.
    """
    name = f"shop{secrets.token_hex(3)}"
    (tmp_path / "policy.yaml").write_text(POLICY.replace("shop", name))
    (tmp_path / f"{name}.scenario.yaml").write_text(SCENARIO.replace("shop", name))
    return tmp_path / f"{name}.scenario.yaml"


def _harness(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def test_a_healthy_cluster_passes_its_preflight_in_seconds(kubeconfig: str) -> None:
    """Nothing fails, and it costs a run little: a second or two, and more where the machine is busy."""
    provider = KubeconfigProvider(kubeconfig=kubeconfig)
    started = time.monotonic()
    checks = provider.preflight()
    took_s = time.monotonic() - started

    assert failed(checks) == ()
    assert {check.name for check in checks} >= {
        "API server",
        "Kubernetes",
        "CNI",
        "permissions",
        "Pod Security",
        "room",
    }
    assert took_s < 30


def test_a_run_under_exactly_the_printed_role_passes(granted: Account, scenario: Path) -> None:
    """What `rbac` prints is enough: every flow is judged, and the preflight misses nothing."""
    done = _harness("run", str(scenario), "--cluster", "kubeconfig", "--kubeconfig", str(granted.kubeconfig), "-v")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "may not" not in done.stdout + done.stderr


@pytest.mark.audit
@pytest.mark.parametrize("more", [(), ("--verbatim-namespaces",)], ids=["ordinary", "exclusive"])
def test_nothing_outside_of_the_runs_own_namespaces_is_written(
    granted: Account, scenario: Path, more: tuple[str, ...]
) -> None:
    """By the API server's own record: a run writes namespaces that it made, and into these; reviews store nothing."""
    log = Path(os.environ["NETPOL_AUDIT_LOG"])
    since = log.stat().st_size
    done = _harness("run", str(scenario), "--cluster", "kubeconfig", "--kubeconfig", str(granted.kubeconfig), *more)
    assert done.returncode == 0, done.stdout + done.stderr
    written = [
        event["objectRef"] | {"verb": event["verb"], "code": event["responseStatus"]["code"]}
        for event in writes_of(granted.user, log, since)
        if event["objectRef"]["resource"] != "selfsubjectaccessreviews"
    ]
    made = {
        item["name"]
        for item in written
        if (item["resource"], item["verb"], item["code"]) == ("namespaces", "create", 201)
    }
    outside = [
        item
        for item in written
        if (item["name"] if item["resource"] == "namespaces" else item.get("namespace")) not in made
    ]

    assert len(made) >= 3
    assert {item["resource"] for item in written} >= {"namespaces", "pods", "configmaps", "services", "networkpolicies"}
    assert outside == []


def test_each_missing_verb_is_named(granted: Account) -> None:
    """One verb of the role is taken away at a time, and the API server's own answer names exactly that one."""
    client = granted.client()
    minor = 34
    present = {need.holder for need in NEEDS}
    asked = asked_for(present, minor)
    wrong: list[str] = []
    for item in asked:
        granted.grant(_without(item))
        end = time.monotonic() + RBAC_S
        # The authorizer learns of a new role by a watch.
        while (found := missing_permissions(client, asked)) != [item] and time.monotonic() < end:
            time.sleep(0.1)
        wrong += [] if found == [item] else [f"{item}: {[str(other) for other in found]}"]
    client.close()

    assert wrong == []


def test_doctor_names_a_missing_verb_and_ends_with_3(granted: Account) -> None:
    """Before any pod is made, with the resource, its use, and the command that prints the role."""
    (execs,) = [item for item in asked_for({"pods"}, 34) if item.need.name == "pods/exec"]
    granted.grant(_without(execs))
    done = _harness("doctor", "--cluster", "kubeconfig", "--kubeconfig", str(granted.kubeconfig), "--json")
    wrong = [check for check in json.loads(done.stdout)["checks"] if check["status"] == "failed"]

    assert done.returncode == 3
    assert [check["text"] for check in wrong] == ["may not get pods/exec, needed to talk to the agents in the pods"]
    assert "netpol-harness rbac" in wrong[0]["remedy"]


def _without(item: Missing) -> list[Need]:
    """Return all needs but for one verb."""

    def less(need: Need) -> Need:
        verbs = {verb: purpose for verb, purpose in need.verbs.items() if verb != item.verb}
        return replace(need, verbs=verbs) if need is item.need else need

    return [need for need in map(less, NEEDS) if need.verbs]


def test_cluster_wide_policies_of_others_are_named_before_the_run(kubeconfig: str, client: Client) -> None:
    """An AdminNetworkPolicy that selects nobody harms nobody, and is named all the same."""
    name = f"np-live-{secrets.token_hex(3)}"
    made = client.find(f"{DEFINITIONS}/{DEFINITION['metadata']['name']}") is None
    if made:
        client.call("POST", DEFINITIONS, None, DEFINITION)
    try:
        _until_served(client)
        policy = {
            "apiVersion": "policy.networking.k8s.io/v1alpha1",
            "kind": "AdminNetworkPolicy",
            "metadata": {"name": name},
            "spec": {"priority": 1000, "subject": {"namespaces": {"matchLabels": {"example.org/nobody": name}}}},
        }
        client.call("POST", ADMIN_POLICIES, None, policy)
        try:
            checks = KubeconfigProvider(kubeconfig=kubeconfig).preflight()
        finally:
            client.call("DELETE", f"{ADMIN_POLICIES}/{name}")
    finally:
        if made:
            client.call("DELETE", f"{DEFINITIONS}/{DEFINITION['metadata']['name']}")
    told = [check for check in checks if check.text.startswith(f"AdminNetworkPolicy/{name} ")]

    assert [(check.name, check.status) for check in told] == [("cluster-wide policies", CheckStatus.WARNING)]


def test_everything_of_a_run_says_whose_it_is(kubeconfig: str, client: Client, scenario: Path) -> None:
    """Namespaces by labels and annotations, our own objects by annotations; the author's policy stays as written."""
    process = _start(scenario, kubeconfig)
    try:
        shop = _until_namespace(client, process, scenario)
        annotations = shop["metadata"]["annotations"]
        pods = client.get(f"/api/v1/namespaces/{shop['metadata']['name']}/pods")["items"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=300)

    assert {RUN_LABEL, OWNER_LABEL} <= shop["metadata"]["labels"].keys()
    assert datetime.fromisoformat(annotations[EXPIRES]) > datetime.now(UTC) + timedelta(hours=1)
    assert all(pod["metadata"]["annotations"].items() >= annotations.items() for pod in pods)


def test_clean_removes_a_killed_run_only_when_told_to(kubeconfig: str, client: Client, scenario: Path) -> None:
    """One that is under way is left; then it says what would go; with --yes that goes, and nothing else."""
    scenario.write_text(scenario.read_text() + "  wait: 120s\n")
    process = _start(scenario, kubeconfig)
    try:
        shop = _until_namespace(client, process, scenario)["metadata"]
        arguments = ["clean", "--cluster", "kubeconfig", "--kubeconfig", kubeconfig, "--run", shop["labels"][RUN_LABEL]]
        living = _harness(*arguments, "--yes")
    finally:
        process.kill()
        process.communicate()
    dry = _harness(*arguments, "--force")
    still_there = client.find(NAMESPACES.item("", shop["name"])) is not None
    done = _harness(*arguments, "--force", "--yes")
    selector = {"labelSelector": f"{RUN_LABEL}={shop['labels'][RUN_LABEL]}"}

    assert (living.returncode, "if it died a moment ago" in living.stdout) == (3, True)
    assert (dry.returncode, still_there) == (0, True)
    assert shop["name"] in dry.stdout
    assert "nothing was removed" in dry.stdout
    assert done.returncode == 0, done.stdout
    assert client.get(NAMESPACES.collection(""), selector)["items"] == []


def test_only_what_is_over_its_time_is_expired(client: Client) -> None:
    """Chosen by the annotation and by silence: neither a run with time left nor somebody else's namespace."""
    over, young = _identity(-1), _identity(+60)
    for identity in (over, young):
        Ownership(client, identity.labels, identity.annotations).claim(f"np-{identity.run}-a")
    # Two minutes on, neither has given a sign of life.
    cleaning = Cleaning(client, now=datetime.now(UTC) + timedelta(minutes=2))
    chosen = [item for item in cleaning.chosen(None) if item.run in (over.run, young.run)]
    cleaning.remove(chosen)
    left = [identity.run for identity in (over, young) if client.find(NAMESPACES.item("", f"np-{identity.run}-a"))]
    cleaning.remove(cleaning.chosen(young.run))

    assert [item.run for item in chosen] == [over.run]
    assert left == [young.run]


def test_a_namespace_that_is_stuck_is_reported_with_its_finalizer(client: Client) -> None:
    """What holds it is named; once it is free it goes, and nothing was forced."""
    identity = _identity(60)
    ownership = Ownership(client, identity.labels, identity.annotations)
    name = f"np-{identity.run}-a"
    ownership.claim(name)
    policy: dict[str, Any] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": name, "name": "p", "finalizers": ["example.org/hold"]},
        "spec": {"podSelector": {}},
    }
    Applier(client, ownership).apply([policy])
    cleaning = Cleaning(client, deadline_s=12)
    try:
        (stuck,) = cleaning.remove(cleaning.chosen(identity.run))
        described = [item.described(datetime.now(UTC)) for item in Cleaning(client).chosen(identity.run)]
    finally:
        del policy["metadata"]["finalizers"]
        Applier(client, ownership).apply([policy])
    Applier(client, ownership).delete([ObjectRef("Namespace", "", name)])

    assert "example.org/hold" in stuck
    assert "example.org/hold" in described[0]


def test_two_runs_that_disturb_are_kept_apart_and_ordinary_ones_are_not(kubeconfig: str) -> None:
    """The second one is told who holds the cluster; when the first one ends, the next has it at once."""
    first, second, third = (
        KubeconfigProvider(run=f"x{number}-{secrets.token_hex(3)}", kubeconfig=kubeconfig, exclusive=number != 2)
        for number in (1, 3, 2)
    )
    with first.open():
        with pytest.raises(HeldError, match=r"run x1-.* of .* has this cluster for itself"), second.open():
            pass
        told = [check for check in second.preflight() if check.name == "other runs" and "for itself" in check.text]
        with third.open():
            beside = [check.status for check in third.preflight() if "for itself" in check.text]
    with second.open():
        pass

    assert [check.status for check in told] == [CheckStatus.FAILED]
    assert beside == [CheckStatus.NOTE]


def _until_served(client: Client) -> None:
    end = time.monotonic() + SERVED_S
    while client.find(ADMIN_POLICIES) is None:
        assert time.monotonic() < end, "the definition is not served"
        time.sleep(0.1)


def _identity(minutes_left: float) -> Identity:
    expires = datetime.now(UTC) + timedelta(minutes=minutes_left)
    return Identity(f"live-{secrets.token_hex(3)}", "tests@live", expires, "p")


def _start(scenario: Path, kubeconfig: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "harness", "run", str(scenario), "--cluster", "kubeconfig"]
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, "--kubeconfig", kubeconfig], stdout=pipe, stderr=pipe, text=True)


def _until_namespace(client: Client, process: subprocess.Popen[str], scenario: Path) -> dict[str, Any]:
    """Wait until the run has a namespace with pods in it, and return the namespace."""
    suffix = "-" + scenario.name.partition(".")[0]
    end = time.monotonic() + 180
    while time.monotonic() < end and process.poll() is None:
        for item in client.get(NAMESPACES.collection(""), {"labelSelector": RUN_LABEL})["items"]:
            name = item["metadata"]["name"]
            if name.endswith(suffix) and client.get(f"/api/v1/namespaces/{name}/pods")["items"]:
                return item
        time.sleep(0.2)
    raise AssertionError(f"the run never had pods: {process.communicate()}")
