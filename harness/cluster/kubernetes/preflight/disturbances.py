"""Policies of others that hold for the whole cluster, and so for the pods of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.cluster.kubernetes.client import Client
from harness.errors import ClusterError

# API group and plural of every kind that we know to cut or open flows of pods in any namespace.
CLUSTER_WIDE: Sequence[tuple[str, str]] = (
    ("cilium.io", "ciliumclusterwidenetworkpolicies"),
    ("crd.projectcalico.org", "globalnetworkpolicies"),
    ("projectcalico.org", "globalnetworkpolicies"),
    ("policy.networking.k8s.io", "adminnetworkpolicies"),
    ("policy.networking.k8s.io", "baselineadminnetworkpolicies"),
    ("policy.networking.k8s.io", "clusternetworkpolicies"),
    ("crd.antrea.io", "clusternetworkpolicies"),
)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that a cluster serves; `path` is where all objects of it are listed."""

    group: str
    plural: str
    kind: str
    path: str

    @property
    def name(self) -> str:
        """As kubectl writes it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def served(client: Client, groups: Iterable[Mapping[str, Any]], wanted: Iterable[str]) -> list[Resource]:
    """Return the resources of those `wanted` API groups that the cluster has, each in its preferred version.

    A group whose server does not answer is left out, as an aggregated API may be down for good.
    """
    found: list[Resource] = []
    chosen = set(wanted)
    for group in groups:
        if group.get("name") not in chosen:
            continue
        version = str(group["preferredVersion"]["groupVersion"])
        try:
            listed = client.get(f"/apis/{version}").get("resources") or ()
        except ClusterError:
            continue
        found += [
            Resource(str(group["name"]), item["name"], item["kind"], f"/apis/{version}/{item['name']}")
            for item in listed
            if "/" not in item["name"]
        ]
    return found


def foreign_policies(client: Client, resources: Sequence[Resource]) -> tuple[list[str], list[str]]:
    """Return the cluster-wide policies that are in force, as Kind/name, and what could not be asked about.

    An object that two APIs serve (Calico's own and its aggregated one) is named once.
    """
    names: dict[str, None] = {}
    unknown: list[str] = []
    for resource in resources:
        if (resource.group, resource.plural) not in CLUSTER_WIDE:
            continue
        try:
            items = client.get(resource.path).get("items") or ()
        except ClusterError as fault:
            unknown.append(f"{resource.name}: {fault.what}")
            continue
        for item in items:
            # Calico's aggregated API shows the tier in front of the name.
            names[f"{resource.kind}/{str(item['metadata']['name']).removeprefix('default.')}"] = None
    return list(names), unknown
