"""What a cluster is: its version, its CNI, its address families and the nodes that take pods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.identities import ENDPOINTS
from harness.cluster.kubernetes.pod_state import by_family
from harness.cluster.kubernetes.resources import PODS, SERVICES, Resource
from harness.errors import ClusterError
from harness.model.cluster import Capabilities, Timing
from harness.model.flow import Family, L4Protocol

Object = Mapping[str, Any]

SYSTEM = "kube-system"
# Two turns for all: Cilium, for one, queues each pod's work by itself, and swaps the programs of pods that become
# isolated one after the other, for seconds, while a port more or less is a matter of milliseconds.
TIMING = Timing(
    rounds=3, window_s=0.4, deadline_s=30.0, floor_s=0.3, ceiling_s=3.0, ready_s=90.0, canary_s=20.0, turns=2
)

# Where nobody is known to enforce policies the canary is less patient: to give up too early proves nothing wrong.
_UNKNOWN_CANARY_S = 6.0
ENFORCING = frozenset({"cilium", "calico", "antrea", "kube-router", "ovn-kubernetes", "weave", "kindnet"})

# A DaemonSet that enforces policies, by a part of its name; the first that fits counts. Where nobody runs as a
# DaemonSet, the API groups that a CNI brings along tell.
_DAEMON_SETS = (
    ("cilium", "cilium"),
    ("calico-node", "calico"),
    ("canal", "calico"),
    ("antrea-agent", "antrea"),
    ("kube-router", "kube-router"),
    ("ovnkube-node", "ovn-kubernetes"),
    ("weave-net", "weave"),
    ("kindnet", "kindnet"),
    ("aws-node", "aws-vpc-cni"),
    ("kube-flannel", "flannel"),
)
_GROUPS = (
    ("cilium.io", "cilium"),
    ("crd.projectcalico.org", "calico"),
    ("crd.antrea.io", "antrea"),
    ("k8s.ovn.org", "ovn-kubernetes"),
)
_SEARCHED = (SYSTEM, "calico-system", "cilium", "kube-flannel")


def detect(client: Client, *, private: bool = False, tolerate: bool = False) -> Capabilities:
    """Ask the server what it is. What it may not be asked stays unknown, with a note; only its version is required."""
    notes: list[str] = []
    version = str(client.get("/version").get("gitVersion") or "") or None
    nodes = _items(client, "/api/v1/nodes", notes)
    daemon_sets = [
        item
        for namespace in _SEARCHED
        for item in _items(client, f"/apis/apps/v1/namespaces/{namespace}/daemonsets", notes)
    ]
    groups = [str(group.get("name")) for group in client.get("/apis").get("groups") or ()]
    cni, cni_version = name_cni(daemon_sets, groups)
    shows_identities = cni == "cilium" and _can_list(client, ENDPOINTS)
    return Capabilities(
        kind="kubeconfig",
        emulated=False,
        cni=cni,
        cni_version=cni_version,
        kubernetes=version,
        families=families(
            _items(client, PODS.collection(SYSTEM), notes),
            nodes,
            client.find(SERVICES.item("default", "kubernetes")),
        ),
        # SCTP is a matter of the nodes' kernels, which only a probe can tell.
        protocols=frozenset({L4Protocol.TCP, L4Protocol.UDP}),
        nodes=tuple(sorted(item["metadata"]["name"] for item in nodes if takes_pods(item, tolerate=tolerate))),
        externals=False,
        private=private,
        # Measured on Cilium: 19 to over 30 s from a pod's new labels to its new identity.
        relabels_in_time=cni != "cilium" or shows_identities,
        shows_identities=shows_identities,
        timing=TIMING if cni in ENFORCING else replace(TIMING, canary_s=_UNKNOWN_CANARY_S),
        notes=tuple(dict.fromkeys(notes)),
    )


def name_cni(daemon_sets: Iterable[Object], groups: Iterable[str]) -> tuple[str | None, str | None]:
    """Return the CNI's name and version, None for what does not show.

    A policy engine goes before what only routes, as the two are often together.
    """
    by_name = {str(item["metadata"]["name"]): item for item in daemon_sets}
    for part, cni in _DAEMON_SETS:
        for name, item in by_name.items():
            if part in name and "envoy" not in name:
                return cni, _tag(item)
    present = set(groups)
    for group, cni in _GROUPS:
        if group in present:
            return cni, None
    return None, None


def families(pods: Iterable[Object], nodes: Iterable[Object], service: Object | None) -> frozenset[Family]:
    """Return the families that pods get: by pods that run, else by the nodes' ranges, else by the API's own Service."""
    shown = [
        item.get("ip", "")
        for pod in pods
        if not pod["spec"].get("hostNetwork")
        for item in (pod.get("status") or {}).get("podIPs") or ()
    ]
    ranges = [text.partition("/")[0] for node in nodes for text in node["spec"].get("podCIDRs") or ()]
    services = ((service or {}).get("spec") or {}).get("clusterIPs") or ()
    for addresses in (shown, ranges, services):
        if found := frozenset(by_family(addresses)):
            return found
    return frozenset({Family.IPV4})


def takes_pods(node: Object, *, tolerate: bool = False) -> bool:
    """Tell whether a node is ready, not cordoned, and has no taint that keeps pods away (unless they tolerate all)."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    ready = any(item.get("type") == "Ready" and item.get("status") == "True" for item in status.get("conditions") or ())
    closed = [item for item in spec.get("taints") or () if item.get("effect") in ("NoSchedule", "NoExecute")]
    return ready and not spec.get("unschedulable") and (tolerate or not closed)


def _items(client: Client, path: str, notes: list[str]) -> list[dict[str, Any]]:
    try:
        return list(client.get(path).get("items") or ())
    except ClusterError as fault:
        notes.append(f"unknown, for the server said: {fault.what}")
        return []


def _can_list(client: Client, resource: Resource) -> bool:
    try:
        client.get(resource.collection(""), {"limit": "1"})
    except ClusterError:
        return False
    return True


def _tag(daemon_set: Object) -> str | None:
    """Return the version of the first container's image, without digest."""
    containers = daemon_set["spec"]["template"]["spec"].get("containers") or [{}]
    image = str(containers[0].get("image", "")).partition("@")[0].rpartition("/")[2]
    return image.partition(":")[2] or None
