"""Stored objects to the records that the compiler takes.

Pure; objects are checked already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.cluster.local.state import ContainerPort, PodState, ServicePortState, ServiceState
from harness.model.flow import Family


def pod_state(pod: Mapping[str, Any], interface: str, addresses: Mapping[Family, str]) -> PodState:
    """Return what policies and Services need to know of a pod."""
    metadata, spec = pod["metadata"], pod["spec"]
    return PodState(
        namespace=metadata["namespace"],
        name=metadata["name"],
        interface=interface,
        addresses=addresses,
        labels=metadata.get("labels") or {},
        ports=tuple(_ports(spec)),
        # Nobody ever sets a condition here, so a pod with a gate never becomes ready.
        ready=not spec.get("readinessGates"),
        host_network=bool(spec.get("hostNetwork")),
    )


def service_state(service: Mapping[str, Any], addresses: Mapping[Family, str]) -> ServiceState:
    """Return a Service with its defaults filled in."""
    metadata, spec = service["metadata"], service["spec"]
    return ServiceState(
        namespace=metadata["namespace"],
        name=metadata["name"],
        addresses=addresses,
        selector=spec.get("selector"),
        ports=tuple(
            ServicePortState(
                port=port["port"],
                target=port.get("targetPort") or port["port"],
                protocol=(port.get("protocol") or "TCP").lower(),
            )
            for port in spec.get("ports") or ()
        ),
    )


def _ports(spec: Mapping[str, Any]) -> Iterator[ContainerPort]:
    # A native sidecar is an init container that stays; its ports count, a plain init container's do not.
    sidecars = [item for item in spec.get("initContainers") or () if item.get("restartPolicy") == "Always"]
    for container in (*spec["containers"], *sidecars):
        for port in container.get("ports") or ():
            yield ContainerPort(port["containerPort"], (port.get("protocol") or "TCP").lower(), port.get("name"))
