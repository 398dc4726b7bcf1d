"""What answers of an API server mean for a run: each becomes a check with its remedy.

Pure: whoever asked hands the answers over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from harness.cluster.kubernetes.client import ApiError
from harness.cluster.kubernetes.detection import ENFORCING, takes_pods
from harness.cluster.kubernetes.preflight.permissions import Missing, minor_version
from harness.cluster.kubernetes.preflight.room import Room
from harness.cluster.kubernetes.remains import RunOnCluster
from harness.errors import ClusterError
from harness.model.cluster import Capabilities
from harness.model.flow import Family, L4Protocol
from harness.model.preflight import Check, CheckStatus

Object = Mapping[str, Any]

# endPort and Pod Security are stable, and unknown fields refused, from 1.25 on; the newest is what was last tried.
OLDEST, NEWEST = 25, 37
# Two pods a node are the sentinel's; a scenario wants some more.
_SENTINEL, _SCANT = 2, 20
_SHOWN = 5
OK, NOTE, WARNING, FAILED = CheckStatus.OK, CheckStatus.NOTE, CheckStatus.WARNING, CheckStatus.FAILED


def reached(host: str) -> Check:
    """Say that the server answers."""
    return Check("API server", OK, f"{host} answers")


def unreachable(host: str, fault: ClusterError) -> Check:
    """Say why nothing more can be said."""
    status = fault.status if isinstance(fault, ApiError) else 0
    if status == 401:
        return Check(
            "API server",
            FAILED,
            f"{host} does not accept our credentials: {fault.what}",
            "log in again, as for kubectl",
        )
    remedy = "see: kubectl version, with the same --kubeconfig and --context"
    return Check("API server", FAILED, f"{host}: {fault.what}", fault.remedy or remedy)


def server_version(version: str | None) -> Check:
    """Judge the server's version against those that the harness is written for."""
    minor = minor_version(version)
    supported = f"supported are 1.{OLDEST} to 1.{NEWEST}"
    if minor is None:
        return Check("Kubernetes", WARNING, f"its version {version or 'is not told'}; {supported}", "what is this?")
    if minor < OLDEST:
        return Check("Kubernetes", FAILED, f"{version} is too old; {supported}", "upgrade the cluster")
    if minor > NEWEST:
        return Check("Kubernetes", WARNING, f"{version} is newer than any tried; {supported}", "upgrade netpol-harness")
    return Check("Kubernetes", OK, f"{version}; {supported}")


def cni(known: Capabilities) -> Check:
    """Say which CNI was recognised; whether it enforces is the canary's to say."""
    if known.cni is None:
        return Check(
            "CNI",
            WARNING,
            "none that is known to enforce NetworkPolicies",
            "the canary decides; if it is not seen to block, install a CNI that enforces them",
        )
    name = f"{known.cni} {known.cni_version}" if known.cni_version else f"{known.cni}, version unknown"
    if known.cni not in ENFORCING:
        return Check(
            "CNI",
            WARNING,
            f"{name}: by itself it enforces no NetworkPolicies",
            "the canary decides; add a policy engine, or switch it on",
        )
    return Check("CNI", OK, name)


def permissions(missing: Sequence[Missing], asked: int) -> list[Check]:
    """Name each verb that we may not use: a failure where a run needs it, else a warning."""
    if not missing:
        return [Check("permissions", OK, f"all {asked} that a run needs")]
    remedy = "netpol-harness rbac prints the least role that has it; an administrator applies it"
    return [Check("permissions", FAILED if item.need.required else WARNING, str(item), remedy) for item in missing]


def nodes(listed: Sequence[Object], *, tolerate: bool) -> Check:
    """Judge where pods can go."""
    names = [str(item["metadata"]["name"]) for item in listed if takes_pods(item, tolerate=tolerate)]
    away = [str(item["metadata"]["name"]) for item in listed if item["metadata"]["name"] not in names]
    closed = f"; not ready, cordoned or tainted: {_some(away)}" if away else ""
    if not names:
        return Check("nodes", FAILED, f"none takes pods{closed}", "kubectl get nodes; uncordon or add one")
    if len(names) == 1:
        text = f"{names[0]} alone takes pods{closed}"
        return Check("nodes", NOTE, text, "flows between nodes are not seen here: add a node")
    return Check("nodes", OK, f"{len(names)} take pods: {_some(names)}{closed}")


def image(listed: Iterable[Object], wanted: str) -> Check:
    """Say on which nodes the probe image is. A node lists its 50 largest; what shows in the end is a pod that runs."""
    has: dict[str, bool] = {}
    for node in listed:
        images = (node.get("status") or {}).get("images") or ()
        has[str(node["metadata"]["name"])] = any(
            _is_called(str(name), wanted) for item in images for name in item.get("names") or ()
        )
    absent = [name for name, is_there in has.items() if not is_there]
    if not has:
        return Check("image", NOTE, f"{wanted}: no node to look at", "the canary's pods will tell")
    if not absent:
        return Check("image", OK, f"{wanted} is on every node")
    return Check(
        "image",
        NOTE,
        f"{wanted} is not listed on {_some(absent)}: the first pod there pulls it, which the canary will show",
        "where that fails: --image NAME, any with Python 3.9 or newer that the nodes can pull or have",
    )


def room(found: Sequence[Room]) -> Check:
    """Judge how many more pods fit, by the requests of what is there."""
    total = sum(item.pods for item in found)
    text = f"for {total} more probe pods on {len(found)} nodes"
    full = [f"{item.node} has no {item.scarce} left" for item in found if item.pods < _SENTINEL]
    if full:
        text += f"; {_some(full)}"
    remedy = "make room: kubectl describe nodes shows what is requested; or let a run play less at once: --parallel 1"
    if total < _SENTINEL:
        return Check("room", FAILED, text, remedy)
    if full or total < _SCANT:
        return Check("room", WARNING, text, remedy)
    return Check("room", OK, text)


def policies(names: Sequence[str], unknown: Sequence[str]) -> list[Check]:
    """Name every policy of others that holds for the pods of a run too."""
    checks = [
        Check(
            "cluster-wide policies",
            WARNING,
            f"{name} holds for the pods of a run too: what it cuts or opens is not the scenario's doing",
            "keep it from selecting them, by the namespace label app.kubernetes.io/managed-by: netpol-harness",
        )
        for name in names
    ]
    checks += [Check("cluster-wide policies", NOTE, f"not known: {item}") for item in unknown]
    return checks or [Check("cluster-wide policies", OK, "none")]


def runs(found: Sequence[RunOnCluster], now: datetime, options: str) -> list[Check]:
    """Name runs that died and left something, with the command that removes it; runs under way are no harm."""
    checks = []
    for item in found:
        alive = item.is_alive(now)
        is_dead = alive is False or item.is_expired(now)
        remedy = f"netpol-harness clean {options} --run {item.run} --yes"
        if not alive:
            remedy = remedy if is_dead else f"if it is dead: {remedy}"
            checks.append(Check("leftovers", WARNING if is_dead else NOTE, item.described(now), remedy))
        else:
            checks.append(Check("other runs", NOTE, item.described(now)))
    if not any(check.name == "leftovers" for check in checks):
        checks.append(Check("leftovers", OK, "no dead run has left anything"))
    return checks


def held_by(run: str | None, *, exclusive: bool) -> list[Check]:
    """Say that another run has the cluster for itself; that stops only a run which wants that too."""
    if run is None:
        return []
    text = f"run {run} has this cluster for itself"
    if exclusive:
        return [Check("other runs", FAILED, text, "wait for it to end: this run would disturb it, and it this one")]
    return [Check("other runs", NOTE, text)]


def reach(known: Capabilities) -> list[Check]:
    """Say in which families and protocols pods can be asked."""
    families = ", ".join(sorted(known.families))
    lacking = sorted(set(Family) - known.families)
    sctp = L4Protocol.SCTP in known.protocols
    return [
        Check(
            "IP families",
            NOTE if lacking else OK,
            families + (f"; no {', '.join(lacking)}: flows that want it are inconclusive here" if lacking else ""),
            "run scenarios of both families on a dual-stack cluster" if lacking else None,
        ),
        Check(
            "SCTP",
            OK if sctp else NOTE,
            "yes" if sctp else "only a pod can tell whether its node's kernel has it",
            None if sctp else "netpol-harness doctor asks one on each node",
        ),
    ]


def _is_called(name: str, wanted: str) -> bool:
    """Tell whether a node's name of an image is the wanted one; nodes write out the registry and the tag."""
    wanted_host, wanted_rest = _split(wanted)
    host, rest = _split(name)
    return rest == wanted_rest and wanted_host in (None, host)


def _split(image: str) -> tuple[str | None, str]:
    """Return an image's registry, None where none is named, and the rest with its tag."""
    first, slash, rest = image.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (first, rest) if is_host else (None, image)
    # The folder of a registry that images of one word are in.
    path = path.removeprefix("library/")
    return host, path if "@" in path or ":" in path else f"{path}:latest"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
