"""A pod as the API server sees it, for a person who asks why."""

from __future__ import annotations

from collections.abc import Sequence

from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.pod_state import obstacle, pod_addresses, service_addresses, summary
from harness.cluster.kubernetes.resources import PODS, POLICIES, SERVICES
from harness.cluster.kubernetes.waiting import events_of, last_words
from harness.errors import ClusterError
from harness.model.scenario import ObjectRef


def describe(client: Client, refs: Sequence[ObjectRef]) -> str:
    """Return state, labels, last events and last words of each object, and the policies of its namespace."""
    lines: list[str] = []
    for ref in refs:
        try:
            lines += _described(client, ref)
        except ClusterError as fault:
            lines.append(f"{ref}: cannot be asked about: {fault.what}")
    for namespace in dict.fromkeys(ref.namespace for ref in refs if ref.namespace):
        try:
            found = client.get(POLICIES.collection(namespace)).get("items") or ()
        except ClusterError as fault:
            lines.append(f"policies of {namespace}: cannot be asked about: {fault.what}")
        else:
            names = ", ".join(item["metadata"]["name"] for item in found)
            lines.append(f"policies of {namespace}: {names or 'none'}")
    return "\n".join(lines)


def _described(client: Client, ref: ObjectRef) -> list[str]:
    resource = {"Pod": PODS, "Service": SERVICES}.get(ref.kind)
    if resource is None or not ref.namespace or not ref.name:
        return [f"{ref}: nothing is known of this kind"]
    found = client.find(resource.item(ref.namespace, ref.name))
    if found is None:
        return [f"{ref}: does not exist"]
    lines = [f"{ref}: labels {found['metadata'].get('labels') or {}}"]
    if ref.kind == "Service":
        return [*lines, f"  at {', '.join(service_addresses(found).values()) or 'no address'}"]
    lines.append(f"  at {', '.join(pod_addresses(found).values()) or 'no address'}: {summary(found)}")
    trouble = obstacle(found)
    if trouble is not None:
        lines.append(f"  {trouble.text}")
    conditions = (found.get("status") or {}).get("conditions") or ()
    false = [f"{item['type']} ({item.get('reason', 'no reason')})" for item in conditions if item["status"] != "True"]
    if false:
        lines.append(f"  not: {', '.join(false)}")
    lines += [f"  event {line}" for line in events_of(client, ref.namespace, "Pod", ref.name)]
    lines += [f"  | {line}" for line in last_words(client, ref.namespace, ref.name)]
    return lines
