"""Ports as a topology writes them: what pods and externals listen on, and what Services serve."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model.flow import L4Protocol
from harness.model.topology import Listener, ServicePort
from harness.scenario.context import Context
from harness.scenario.names import LABEL_LIMIT, is_dns1123_label, port_name_fault, shown
from harness.scenario.positions import Path
from harness.scenario.schema import ListenerSpec, ServicePortSpec, ServiceSpec

MAX_PORT = 65535
_NAME_RULE = f"expected lower-case letters, digits and dashes, at most {LABEL_LIMIT}"


def decode_listeners(context: Context, items: list[int | str | ListenerSpec], path: Path) -> Iterator[Listener]:
    """Yield what is listened on; a port that is listened on twice is reported and left out."""
    ports: set[tuple[int, L4Protocol]] = set()
    names: set[str] = set()
    for index, item in enumerate(items):
        here = (*path, index)
        if isinstance(item, ListenerSpec):
            listener = Listener(item.port, L4Protocol(item.protocol), item.name, item.declared)
        else:
            listener = Listener(*_port(context, item, here))
        if (listener.port, listener.protocol) in ports:
            context.report(here, f"{listener.port}/{listener.protocol} is listened on twice")
            continue
        if listener.name is not None:
            if fault := port_name_fault(listener.name):
                context.report((*here, "name"), f"no name of a port: {fault}")
            if listener.name in names:
                context.report((*here, "name"), f"two ports of one pod are called {shown(listener.name)}")
            if not listener.declared:
                context.report((*here, "declared"), "a port that is not declared cannot have a name")
            names.add(listener.name)
        ports.add((listener.port, listener.protocol))
        yield listener


def _port(context: Context, item: int | str, path: Path) -> tuple[int, L4Protocol]:
    number, _, protocol = str(item).partition("/")
    if not 1 <= int(number) <= MAX_PORT:
        context.report(path, f"{number} is no port; expected 1 to {MAX_PORT}")
    return int(number), L4Protocol(protocol or "TCP")


def decode_service_ports(context: Context, service: ServiceSpec, path: Path) -> Iterator[ServicePort]:
    """Yield the ports of `service`; one that is served twice is reported and left out."""
    ports: set[tuple[int, L4Protocol]] = set()
    names: set[str] = set()
    for index, item in enumerate(service.ports):
        here = (*path, index)
        if isinstance(item, ServicePortSpec):
            target = item.port if item.targetPort is None else item.targetPort
            port = ServicePort(item.port, target, L4Protocol(item.protocol), item.name)
        else:
            number, protocol = _port(context, item, here)
            port = ServicePort(number, number, protocol)
        if (port.port, port.protocol) in ports:
            context.report(here, f"{port.port}/{port.protocol} is served twice")
            continue
        if isinstance(port.target_port, str) and (fault := port_name_fault(port.target_port)):
            context.report((*here, "targetPort"), f"no name of a port: {fault}")
        if port.name is not None:
            if not is_dns1123_label(port.name):
                context.report((*here, "name"), f"{shown(port.name)} is no name of a Service's port; {_NAME_RULE}")
            if port.name in names:
                context.report((*here, "name"), f"two ports of one Service are called {shown(port.name)}")
            names.add(port.name)
        ports.add((port.port, port.protocol))
        yield port
