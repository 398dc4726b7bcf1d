"""Which pods answer behind a Service, and on which port: what policies see of a Service flow."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model.flow import L4Protocol
from harness.model.topology import Pod, Service, ServicePort, Topology


def backends(topology: Topology, service: Service, port: int, protocol: L4Protocol) -> Iterator[tuple[Pod, int]]:
    """Yield the ready pods behind one port of `service`, each with the number behind it.

    Nothing where the Service has no such port. A pod that lacks a named target port is no endpoint of it.
    """
    entry = next((each for each in service.ports if each.port == port and each.protocol is protocol), None)
    if entry is None:
        return
    for pod in topology.backends(service):
        number = _target(entry, pod)
        if number is not None:
            yield pod, number


def _target(entry: ServicePort, pod: Pod) -> int | None:
    if isinstance(entry.target_port, int):
        return entry.target_port
    for listener in pod.listeners:
        # Of several numbers under one name the first declared counts (endpoint slice
        # controller, `podutil.FindPort`).
        if listener.declared and listener.name == entry.target_port and listener.protocol is entry.protocol:
            return listener.port
    return None
