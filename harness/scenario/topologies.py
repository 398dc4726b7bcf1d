"""The topology of a scenario file, or what a step adds to one, as records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from harness.model.flow import Endpoint, Family
from harness.model.topology import (
    METADATA_NAME,
    External,
    Namespace,
    NodePlacement,
    Pod,
    Service,
    Topology,
)
from harness.scenario.addresses import decode_address, written_addresses
from harness.scenario.context import Context
from harness.scenario.findings import closest, listed
from harness.scenario.names import (
    LABEL_LIMIT,
    SUBDOMAIN_LIMIT,
    is_dns1123_label,
    is_dns1123_subdomain,
    label_key_fault,
    label_value_fault,
    shown,
)
from harness.scenario.ports import decode_listeners, decode_service_ports
from harness.scenario.positions import Path
from harness.scenario.schema import PodSpec, TopologySpec

MAX_PODS = 5_000
MAX_SERVICES = 1_000
_LABEL_RULE = f"expected lower-case letters, digits and dashes, a letter or digit at both ends, at most {LABEL_LIMIT}"
_NAME_RULE = (
    f"expected lower-case letters, digits, dashes and dots, a letter or digit at both ends, at most {SUBDOMAIN_LIMIT}"
)


class _Kind(NamedTuple):
    """What is written namespace/name, and what its name may be."""

    word: str
    is_name: Callable[[str], bool]
    rule: str


_POD = _Kind("pod", is_dns1123_subdomain, _NAME_RULE)
_SERVICE = _Kind("Service", is_dns1123_label, _LABEL_RULE)


def decode_topology(context: Context, spec: TopologySpec, path: Path, base: Topology) -> Topology:
    """Return what `spec` describes, which comes on top of `base`; faulty parts are reported and left out."""
    if not (spec.namespaces or spec.pods or spec.services or spec.externals):
        return Topology()
    before = len(context.findings)
    namespaces = dict(_namespaces(context, spec, (*path, "namespaces"), base))
    known = {**base.namespaces, **namespaces}
    pods = dict(_pods(context, spec, (*path, "pods"), base, known))
    services = dict(_services(context, spec, (*path, "services"), base, known))
    externals = dict(_externals(context, spec, (*path, "externals"), base))
    added = Topology(namespaces=namespaces, pods=pods, services=services, externals=externals)
    _check_placements(context, spec, (*path, "pods"), base.added(added))
    if len(context.findings) > before:
        context.topology_in_doubt = True
        context.excused.update(spec.namespaces, spec.pods, spec.services, spec.externals)
    return added


def check_labels(context: Context, labels: Mapping[str, str | None], path: Path) -> None:
    """Report each key and value that Kubernetes would refuse."""
    for key, value in labels.items():
        if fault := label_key_fault(key):
            context.report((*path, key), f"no label key: {fault}", key=True)
        if value is not None and (fault := label_value_fault(value)):
            context.report((*path, key), f"no label value: {fault}")


def _namespaces(context: Context, spec: TopologySpec, path: Path, base: Topology) -> Iterator[tuple[str, Namespace]]:
    for name, namespace in spec.namespaces.items():
        here = (*path, name)
        if not is_dns1123_label(name):
            context.report(here, f"{shown(name)} is no name of a namespace; {_LABEL_RULE}", key=True)
        elif name in base.namespaces:
            _report_twice(context, here, "namespace", name)
        labels = namespace.labels if namespace is not None else {}
        check_labels(context, labels, (*here, "labels"))
        if labels.get(METADATA_NAME, name) != name:
            context.report(
                (*here, "labels", METADATA_NAME), f"every cluster sets it to the namespace's own name, {shown(name)}"
            )
        yield name, Namespace(name, {**labels, METADATA_NAME: name})


def _pods(
    context: Context, spec: TopologySpec, path: Path, base: Topology, namespaces: Mapping[str, Namespace]
) -> Iterator[tuple[Endpoint, Pod]]:
    taken = set(base.pods)
    groups = {f"{pod.namespace}/{pod.group}" for pod in base.pods.values()}
    for key, written in spec.pods.items():
        here = (*path, key)
        parts = _split(context, here, _POD, namespaces)
        if parts is None:
            continue
        if key in groups:
            _report_twice(context, here, "pod or group", key)
            continue
        for pod in _replicas(context, written or PodSpec.model_construct(), here, *parts):
            if len(taken) >= MAX_PODS:
                context.report(here, f"more than {MAX_PODS} pods", key=True)
                return
            if pod.endpoint in taken:
                _report_twice(context, here, "pod", pod.endpoint)
                break
            taken.add(pod.endpoint)
            yield pod.endpoint, pod


def _replicas(context: Context, spec: PodSpec, path: Path, namespace: str, name: str) -> Iterator[Pod]:
    check_labels(context, spec.labels, (*path, "labels"))
    listeners = tuple(decode_listeners(context, spec.listen, (*path, "listen")))
    node = None
    if spec.node is not None:
        relation, _, other = spec.node.partition(" ")
        node = NodePlacement(relation == "same-as", Endpoint(other))
    names = [name] if spec.replicas is None else [f"{name}-{index}" for index in range(spec.replicas)]
    for each in names:
        yield Pod(
            namespace=namespace,
            name=each,
            labels=dict(spec.labels),
            listeners=listeners,
            node=node,
            host_network=spec.hostNetwork,
            ready=spec.ready,
            group=name,
        )


def _services(
    context: Context, spec: TopologySpec, path: Path, base: Topology, namespaces: Mapping[str, Namespace]
) -> Iterator[tuple[Endpoint, Service]]:
    for index, (key, service) in enumerate(spec.services.items()):
        here = (*path, key)
        parts = _split(context, here, _SERVICE, namespaces)
        if parts is None:
            continue
        if index + len(base.services) >= MAX_SERVICES:
            context.report(here, f"more than {MAX_SERVICES} Services", key=True)
            return
        if key in base.services:
            _report_twice(context, here, "Service", key)
        check_labels(context, service.selector, (*here, "selector"))
        ports = tuple(decode_service_ports(context, service, (*here, "ports")))
        yield Endpoint(key), Service(*parts, dict(service.selector), ports)


def _externals(context: Context, spec: TopologySpec, path: Path, base: Topology) -> Iterator[tuple[Endpoint, External]]:
    owners = {address: external.name for external in base.externals.values() for address in external.addresses.values()}
    for name, external in spec.externals.items():
        here = (*path, name)
        if not is_dns1123_label(name):
            context.report(here, f"{shown(name)} is no name of an external; {_LABEL_RULE}", key=True)
            continue
        if name in base.externals:
            _report_twice(context, here, "external", name)
        addresses: dict[Family, str] = {}
        for place, text in written_addresses(context, external, here):
            address = decode_address(context, place, text)
            if address is None:
                continue
            family = Family.IPV4 if address.version == 4 else Family.IPV6
            if family in addresses:
                context.report(place, f"a second {family} address; an external has at most one a family")
            elif (owner := owners.setdefault(str(address), name)) != name:
                context.report(place, f"{address} is already the address of {shown(owner)}")
            else:
                addresses[family] = str(address)
        yield (
            Endpoint(name),
            External(name, addresses, tuple(decode_listeners(context, external.listen, (*here, "listen")))),
        )


def _split(context: Context, path: Path, kind: _Kind, namespaces: Mapping[str, Namespace]) -> tuple[str, str] | None:
    """Return namespace and name of the key that `path` ends in, or None after a report."""
    key = str(path[-1])
    namespace, slash, name = key.partition("/")
    if not slash:
        context.report(path, f"a {kind.word} is written namespace/name; not {shown(key)}", key=True)
    elif not kind.is_name(name):
        context.report(path, f"{shown(name)} is no name of a {kind.word}; {kind.rule}", key=True)
    elif namespace not in namespaces:
        fault = f"no namespace {shown(namespace)}; there are: {listed(namespaces)}"
        context.report(path, fault, closest(namespace, namespaces), key=True)
        context.excused.update((key, namespace))
    else:
        return namespace, name
    return None


def _check_placements(context: Context, spec: TopologySpec, path: Path, topology: Topology) -> None:
    free: set[Endpoint] = set()
    for key, written in spec.pods.items():
        if written is None or written.node is None:
            continue
        here = (*path, key, "node")
        other = topology.pods.get(Endpoint(written.node.partition(" ")[2]))
        if other is None:
            context.report_unknown(here, "pod", written.node.partition(" ")[2], topology.pods)
        elif f"{other.namespace}/{other.group}" == key:
            context.report(here, "a pod cannot be placed by itself")
        elif _goes_round(topology, other, free):
            context.report(here, "the placements go round in a circle", "place one of these pods freely")


def _goes_round(topology: Topology, start: Pod, free: set[Endpoint]) -> bool:
    """Tell whether following placements from `start` never ends; `free` grows by those that do end."""
    seen: dict[Endpoint, None] = {}
    pod: Pod | None = start
    while pod is not None and pod.endpoint not in free:
        if pod.endpoint in seen:
            return True
        seen[pod.endpoint] = None
        pod = topology.pods.get(pod.node.other) if pod.node is not None else None
    free.update(seen)
    return False


def _report_twice(context: Context, path: Path, kind: str, name: str) -> None:
    context.report(path, f"there is already a {kind} {shown(name)} at this point", key=True)
