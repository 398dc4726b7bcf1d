"""What can be known of a cluster before anything runs on it: a list of checks, each with its remedy.

Reads, asks what we may do, and tries nothing out but in a namespace of the run's own, which is deleted again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.cluster.agent_file import agent_source
from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.detection import detect, takes_pods
from harness.cluster.kubernetes.exclusion import holder
from harness.cluster.kubernetes.identity import Identity
from harness.cluster.kubernetes.preflight import findings
from harness.cluster.kubernetes.preflight.admission import admission
from harness.cluster.kubernetes.preflight.disturbances import Resource, foreign_policies, served
from harness.cluster.kubernetes.preflight.permissions import (
    NEEDS,
    UnreviewedError,
    asked_for,
    minor_version,
    missing_permissions,
)
from harness.cluster.kubernetes.preflight.room import rooms
from harness.cluster.kubernetes.remains import runs_on
from harness.cluster.kubernetes.resources import PODS
from harness.cluster.outside import preflight as outside
from harness.errors import ClusterError
from harness.model.cluster import Capabilities
from harness.model.preflight import Check, CheckStatus

# A cluster with more pods than that is not counted: it would take longer than it is worth.
_MOST_PODS = 3000
_UNENDED = "status.phase!=Succeeded,status.phase!=Failed"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run will want of a cluster. `options` is what one types to have a command look at the same cluster."""

    identity: Identity
    image: str
    options: str
    tolerate: bool = False
    exclusive: bool = False
    outside: str | None = None


def preflight(client: Client, wish: Wish) -> tuple[Check, ...]:
    """Look at everything, in the order in which one would ask; where the server cannot be talked to, at that alone."""
    host = client.configuration.host
    try:
        groups = client.get("/apis").get("groups") or ()
        known = detect(client, tolerate=wish.tolerate)
    except ClusterError as fault:
        return (findings.unreachable(host, fault),)
    resources = served(client, groups, {need.group for need in NEEDS if need.group})
    present = {need.holder for need in NEEDS if not need.group} | {item.name for item in resources}
    questions: Sequence[tuple[str, Callable[[], Sequence[Check]]]] = (
        ("permissions", lambda: _permissions(client, present, known.kubernetes)),
        ("Pod Security", lambda: admission(client, wish.identity, wish.image)),
        ("nodes", lambda: _ground(client, wish)),
        ("cluster-wide policies", lambda: _policies(client, resources)),
        ("other runs", lambda: _runs(client, wish)),
        ("externals", lambda: _externals(client, wish, known)),
    )
    with ThreadPoolExecutor(len(questions), thread_name_prefix="preflight") as pool:
        answers = list(pool.map(lambda item: _answered(*item), questions))
    return (
        findings.reached(host),
        findings.server_version(known.kubernetes),
        findings.cni(known),
        *(check for answer in answers for check in answer),
        *findings.reach(known),
    )


def _answered(name: str, question: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    """Return the checks; a question that the server does not answer is a check too, and stops no run by itself."""
    try:
        return question()
    except ClusterError as fault:
        return [Check(name, CheckStatus.WARNING, f"not known: {fault.what}", fault.remedy)]


def _permissions(client: Client, present: Collection[str], version: str | None) -> list[Check]:
    asked = asked_for(present, minor_version(version) or 0)
    try:
        return findings.permissions(missing_permissions(client, asked), len(asked))
    except UnreviewedError as fault:
        remedy = "see: kubectl auth can-i --list"
        return [Check("permissions", CheckStatus.WARNING, fault.what, remedy)]


def _ground(client: Client, wish: Wish) -> list[Check]:
    """Look at the nodes: which take pods, whether they have the image, and what room they have."""
    nodes = client.get("/api/v1/nodes").get("items") or []
    able = [item for item in nodes if takes_pods(item, tolerate=wish.tolerate)]
    checks = [findings.nodes(nodes, tolerate=wish.tolerate), findings.image(able, wish.image)]
    listed = client.get(PODS.collection(""), {"limit": str(_MOST_PODS), "fieldSelector": _UNENDED})
    if (listed.get("metadata") or {}).get("continue"):
        return [*checks, Check("room", CheckStatus.NOTE, f"not counted: there are more than {_MOST_PODS} pods")]
    return [*checks, *([findings.room(rooms(able, listed.get("items") or ()))] if able else [])]


def _policies(client: Client, resources: Sequence[Resource]) -> list[Check]:
    return findings.policies(*foreign_policies(client, resources))


def _runs(client: Client, wish: Wish) -> list[Check]:
    found = runs_on(client, besides=wish.identity.run)
    return [
        *findings.runs(found, datetime.now(UTC), wish.options),
        *findings.held_by(holder(client), exclusive=wish.exclusive),
    ]


def _externals(client: Client, wish: Wish, known: Capabilities) -> Sequence[Check]:
    listed = client.get("/api/v1/nodes").get("items") or ()
    nodes = {
        str(item["metadata"]["name"]): [
            str(address["address"])
            for address in item.get("status", {}).get("addresses") or ()
            if address["type"] == "InternalIP"
        ]
        for item in listed
    }
    return outside.preflight(wish.outside, wish.identity.run, agent_source(), known.families, nodes)
