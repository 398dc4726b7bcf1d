"""What a Pod's own status says: where it is, or what keeps it from running.

Pure; reads what a kubelet and a scheduler write into `status`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.model.flow import Family

# Reasons of a waiting container that no waiting cures. A first failed pull may be the registry's hiccup.
_STUCK_S: Mapping[str, float] = {
    "ErrImagePull": 2.0,
    "ImagePullBackOff": 0.0,
    "ErrImageNeverPull": 0.0,
    "InvalidImageName": 0.0,
    "ImageInspectError": 2.0,
    "CreateContainerConfigError": 2.0,
    "CreateContainerError": 2.0,
    "RunContainerError": 2.0,
    "CrashLoopBackOff": 0.0,
}
# Pods that are on their way out may still hold what this one needs.
_UNSCHEDULABLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a pod from running; hopeless once it has lasted `patience_s`."""

    text: str
    patience_s: float = 0.0


def by_family(addresses: Iterable[str]) -> dict[Family, str]:
    """Return the first address of each family; a headless Service's "None" is none."""
    found: dict[Family, str] = {}
    for address in addresses:
        if address and address != "None":
            family = Family.IPV6 if ipaddress.ip_address(address).version == 6 else Family.IPV4
            found.setdefault(family, address)
    return found


def pod_addresses(pod: Mapping[str, Any]) -> dict[Family, str]:
    """Return the addresses that a pod has so far."""
    status = pod.get("status") or {}
    listed = [item.get("ip", "") for item in status.get("podIPs") or ()]
    return by_family(listed or [status.get("podIP", "")])


def service_addresses(service: Mapping[str, Any]) -> dict[Family, str]:
    """Return a Service's cluster addresses."""
    spec = service.get("spec") or {}
    return by_family(spec.get("clusterIPs") or [spec.get("clusterIP", "")])


def is_running(pod: Mapping[str, Any]) -> bool:
    """Tell whether every container runs; whether the pod is Ready is another matter."""
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    return (
        status.get("phase") == "Running"
        and "deletionTimestamp" not in pod["metadata"]
        and all("running" in (item.get("state") or {}) for item in containers)
        and bool(pod_addresses(pod))
    )


def obstacle(pod: Mapping[str, Any]) -> Obstacle | None:
    """Return what keeps the pod from running, None as long as it may be on its way."""
    status = pod.get("status") or {}
    if "deletionTimestamp" in pod["metadata"]:
        return Obstacle("it is being deleted")
    if status.get("phase") in ("Failed", "Succeeded"):
        return Obstacle(_said(f"it has ended ({status['phase']})", status))
    for item in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (item.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _STUCK_S:
            return Obstacle(_said("its container cannot start", waiting), _STUCK_S[waiting["reason"]])
        ended = (item.get("state") or {}).get("terminated")
        if ended:
            return Obstacle(_said(f"its container ended with status {ended.get('exitCode')}", ended))
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return Obstacle(_said("no node takes it", condition), _UNSCHEDULABLE_S)
    return None


def summary(pod: Mapping[str, Any]) -> str:
    """Return in a few words how far the pod has come."""
    status = pod.get("status") or {}
    words = [str(status.get("phase") or "Pending")]
    for item in status.get("containerStatuses") or ():
        for name, state in (item.get("state") or {}).items():
            words.append(str((state or {}).get("reason") or name))
    node = (pod.get("spec") or {}).get("nodeName")
    return ", ".join(words) + (f" on {node}" if node else ", on no node yet")


def _said(what: str, source: Mapping[str, Any]) -> str:
    more = ": ".join(str(source[key]) for key in ("reason", "message") if source.get(key))
    return f"{what}: {more}" if more else what
