"""What a run asks of an API server, verb by verb, and what each is for; whether we may is asked by one review each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.preflight.disturbances import CLUSTER_WIDE
from harness.errors import ClusterError

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
# Each new connection costs a TLS handshake, which is more than a few reviews do.
_THREADS = 6


@dataclass(frozen=True, slots=True)
class Need:
    """Verbs on one resource, each with what it is for. Without those that are not `required`, a run knows less.

    `resource` may have a subresource: pods/exec. `since` is the minor version of Kubernetes 1 that came to want it.
    """

    group: str
    resource: str
    verbs: Mapping[str, str]
    required: bool = True
    since: int = 0

    @property
    def name(self) -> str:
        """The resource as kubectl writes it."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def holder(self) -> str:
        """The same without subresource: what a cluster has or lacks."""
        resource = self.resource.partition("/")[0]
        return f"{resource}.{self.group}" if self.group else resource


class Missing(NamedTuple):
    """A verb that we may not use."""

    need: Need
    verb: str

    def __str__(self) -> str:
        return f"may not {self.verb} {self.need.name}, needed to {self.need.verbs[self.verb]}"


NEEDS: tuple[Need, ...] = (
    Need(
        "",
        "namespaces",
        {
            "create": "make the namespaces of the run",
            "get": "see whose a namespace is before anything is written into it",
            "list": "find what this run, and runs that died, left behind",
            "watch": "see when a namespace is gone",
            "patch": "give a namespace the labels of the scenario",
            "delete": "clean up",
        },
    ),
    Need(
        "",
        "pods",
        {
            "create": "start probe pods",
            "get": "see whether a pod runs before its agent is called",
            "list": "wait for pods, and count the room that is left",
            "watch": "see at once when a pod runs or is gone",
            "patch": "apply pods again, with the labels that a step gives them",
            "delete": "remove and restart pods in a step",
            "deletecollection": "clean up without waiting for the namespace controller",
        },
    ),
    Need("", "pods/exec", {"get": "talk to the agents in the pods"}),
    # A WebSocket is opened by a GET; from 1.35 on the server wants the verb of a POST as well.
    Need("", "pods/exec", {"create": "talk to the agents in the pods, from Kubernetes 1.35 on"}, since=35),
    Need(
        "",
        "configmaps",
        {"create": "bring the agent into a namespace", "patch": "bring the agent into a namespace"},
    ),
    Need(
        "",
        "services",
        {
            "create": "make the Services of a scenario",
            "patch": "make the Services of a scenario",
            "list": "learn the addresses of Services",
            "watch": "learn the addresses of Services as soon as they are given",
        },
    ),
    Need(
        "networking.k8s.io",
        "networkpolicies",
        {
            "create": "apply policies",
            "patch": "apply policies, and change them in a step",
            "delete": "delete policies in a step",
            "list": "see when a policy is gone",
            "watch": "see at once when a policy is gone",
        },
    ),
    Need(
        "coordination.k8s.io",
        "leases",
        {
            "create": "say in a namespace of the run that the run is alive",
            "patch": "say so again every few seconds",
            "get": "see whether another run has the cluster for itself",
            "list": "tell runs that are under way from runs that died",
            "update": "take over from a run that died while it had the cluster for itself",
        },
        required=False,
    ),
    Need("", "nodes", {"list": "put pods on every node, and count the room that is left"}, required=False),
    Need("", "services", {"get": "learn the address families of the cluster"}, required=False),
    Need("", "events", {"list": "say why a pod does not start"}, required=False),
    Need("", "pods/log", {"get": "say what a pod wrote before it ended"}, required=False),
    Need("apps", "daemonsets", {"list": "recognise the CNI and its version"}, required=False),
    Need(
        "cilium.io",
        "ciliumendpoints",
        {
            "get": "see how far Cilium has come with a pod",
            "list": "see how far Cilium has come with a pod",
            "watch": "see at once how far Cilium has come with a pod",
        },
        required=False,
    ),
    *(
        Need(group, resource, {"list": "name cluster-wide policies that would disturb a run"}, required=False)
        for group, resource in CLUSTER_WIDE
    ),
)


class UnreviewedError(ClusterError):
    """The server does not say what we may do."""


def asked_for(present: Collection[str], minor: int) -> list[Missing]:
    """Return every verb that a run uses on a cluster of Kubernetes 1.`minor` with these resources.

    Resources outside of `present`, given as `Need.holder`, are left out: what a cluster lacks nobody may use.
    """
    needs = [need for need in NEEDS if minor >= need.since and need.holder in present]
    return [Missing(need, verb) for need in needs for verb in need.verbs]


def missing_permissions(client: Client, asked: Sequence[Missing]) -> list[Missing]:
    """Return those of the verbs that we may not use, in the order given.

    Raises `UnreviewedError` where the server does not answer the question.
    """
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="review") as pool:
        answers = pool.map(lambda item: _is_allowed(client, item), asked)
        return [item for item, allowed in zip(asked, answers, strict=True) if not allowed]


def _is_allowed(client: Client, item: Missing) -> bool:
    resource, _, subresource = item.need.resource.partition("/")
    attributes = {"group": item.need.group, "resource": resource, "subresource": subresource, "verb": item.verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        # Without a namespace: in every one, since those of a run have names of their own.
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    try:
        answer = client.call("POST", _REVIEWS, None, review)
    except ClusterError as fault:
        raise UnreviewedError(f"the server does not say what we may do: {fault.what}") from fault
    return bool((answer.get("status") or {}).get("allowed"))


def minor_version(version: str | None) -> int | None:
    """Return the y of v1.y.z, None for what is no version of Kubernetes 1."""
    found = re.match(r"v?1\.(\d+)", version or "")
    return int(found[1]) if found else None


def role(name: str, namespace: str, needs: Sequence[Need] = NEEDS) -> str:
    """Render the least that a run needs, as YAML with a reason for each verb: a service account, its role, a binding.

    A ClusterRole, for namespaces are made by each run and RBAC knows no prefixes of names; that nothing else is
    written is kept by the harness, and shown by the API server's audit log.
    """
    rules = "".join(_rule(need) for need in needs)
    return _ROLE.format(name=name, namespace=namespace, rules=rules)


def _rule(need: Need) -> str:
    remark = "" if need.required else "  # Optional: without it a run knows less, and says so.\n"
    lines = "".join(f"  - {verb}  # {purpose}\n" for verb, purpose in need.verbs.items())
    return f'{remark}- apiGroups: ["{need.group}"]\n  resources: ["{need.resource}"]\n  verbs:\n{lines}'


_ROLE = """\
# The least that netpol-harness needs on a cluster. Apply it as an administrator, then:
#   kubectl create token {name} --namespace {namespace} --duration 8h
apiVersion: v1
kind: Namespace
metadata:
  name: {namespace}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}
  namespace: {namespace}
---
# For the whole cluster, since each run makes namespaces of its own and RBAC knows no prefixes of names.
# netpol-harness itself writes into namespaces that carry its labels, and into no other.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {name}
rules:
{rules}---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {name}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {name}
subjects:
- kind: ServiceAccount
  name: {name}
  namespace: {namespace}
"""
