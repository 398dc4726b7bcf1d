"""Who is there: namespaces, pods, Services, and hosts outside the cluster.

Methods return new topologies; nothing here knows how one is brought up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via

METADATA_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class Listener:
    """A port that a pod or an external answers on.

    `declared` False listens without a `containerPort`: numbers in policies still match it.
    """

    port: int
    protocol: L4Protocol = L4Protocol.TCP
    name: str | None = None
    declared: bool = True


@dataclass(frozen=True, slots=True)
class Namespace:
    """`labels` include `kubernetes.io/metadata.name`, which the API server sets on every namespace."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodePlacement:
    """`same` True: on the node of `other`; False: on another node than `other`."""

    same: bool
    other: Endpoint


@dataclass(frozen=True, slots=True)
class NodeChoice:
    """A cluster's node for a pod; one that is not `required` may be missed where it has no room."""

    name: str
    required: bool


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod; `group` is the name that `replicas` were written under (its own name otherwise)."""

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    listeners: tuple[Listener, ...] = ()
    node: NodePlacement | None = None
    host_network: bool = False
    ready: bool = True
    group: str | None = None

    @property
    def endpoint(self) -> Endpoint:
        """The pod's name in flows and rules."""
        return Endpoint(f"{self.namespace}/{self.name}")


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`target_port` is a number, or the name of a container port, resolved on each backend."""

    port: int
    target_port: int | str
    protocol: L4Protocol = L4Protocol.TCP
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A ClusterIP Service of the pods of its own namespace that `selector` selects."""

    namespace: str
    name: str
    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]

    @property
    def endpoint(self) -> Endpoint:
        """The Service's name in flows and rules."""
        return Endpoint(f"{self.namespace}/{self.name}")


@dataclass(frozen=True, slots=True)
class External:
    """A host that is no pod, at fixed addresses, at most one a family."""

    name: str
    addresses: Mapping[Family, str]
    listeners: tuple[Listener, ...] = ()

    @property
    def endpoint(self) -> Endpoint:
        """The external's name in flows and rules: without a slash, unlike a pod's."""
        return Endpoint(self.name)


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """Which flows of a topology are tried."""

    via: tuple[Via, ...] = (Via.POD,)
    protocols: tuple[L4Protocol, ...] = tuple(L4Protocol)
    families: tuple[Family, ...] = (Family.IPV4,)


@dataclass(frozen=True, slots=True)
class Relabel:
    """A change of labels of a pod ("ns/name") or a namespace ("ns"): merged; None removes a key."""

    target: str
    labels: Mapping[str, str | None]


@dataclass(frozen=True)
class Topology:
    """Everything that can be the end of a flow; mappings keep the author's order."""

    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    pods: Mapping[Endpoint, Pod] = field(default_factory=dict)
    services: Mapping[Endpoint, Service] = field(default_factory=dict)
    externals: Mapping[Endpoint, External] = field(default_factory=dict)

    def added(self, other: Topology) -> Topology:
        """Return this topology with everything of `other` put after its own."""
        return Topology(
            namespaces={**self.namespaces, **other.namespaces},
            pods={**self.pods, **other.pods},
            services={**self.services, **other.services},
            externals={**self.externals, **other.externals},
        )

    def removed(self, names: Iterable[str]) -> Topology:
        """Return this topology without the pods, or whole namespaces, called `names`."""
        gone = frozenset(names)
        return Topology(
            namespaces={name: namespace for name, namespace in self.namespaces.items() if name not in gone},
            pods={
                endpoint: pod
                for endpoint, pod in self.pods.items()
                if endpoint not in gone and pod.namespace not in gone
            },
            services={
                endpoint: service for endpoint, service in self.services.items() if service.namespace not in gone
            },
            externals=self.externals,
        )

    def relabelled(self, changes: Iterable[Relabel]) -> Topology:
        """Return this topology with the labels of pods and namespaces changed; all targets must exist."""
        namespaces, pods = dict(self.namespaces), dict(self.pods)
        for change in changes:
            if "/" in change.target:
                pod = pods[Endpoint(change.target)]
                pods[pod.endpoint] = replace(pod, labels=_merged(pod.labels, change.labels))
            else:
                namespace = namespaces[change.target]
                namespaces[namespace.name] = replace(namespace, labels=_merged(namespace.labels, change.labels))
        return replace(self, namespaces=namespaces, pods=pods)

    def backends(self, service: Service) -> tuple[Pod, ...]:
        """Return the ready pods that `service` selects; a Service without a selector has none here."""
        if not service.selector:
            return ()
        return tuple(
            pod
            for pod in self.pods.values()
            if pod.namespace == service.namespace
            and pod.ready
            and all(pod.labels.get(key) == value for key, value in service.selector.items())
        )

    def flows(self, settings: ProbeSettings) -> tuple[Flow, ...]:
        """Return every flow of this topology, sources outermost, in the author's order.

        Sources are pods and externals; externals are not tried against externals, nor
        against Services. A pod's flow to itself is included: the matrix is total.
        """
        return tuple(self._flows(settings))

    def _flows(self, settings: ProbeSettings) -> Iterator[Flow]:
        destinations = tuple(self._destinations(settings))
        for source in (*self.pods, *self.externals):
            external = source in self.externals
            for destination, port, protocol, via, families in destinations:
                if external and (via is Via.SERVICE or destination in self.externals):
                    continue
                for family in families:
                    if not external or family in self.externals[source].addresses:
                        yield Flow(source, destination, port, protocol, via, family)

    def _destinations(
        self, settings: ProbeSettings
    ) -> Iterator[tuple[Endpoint, int, L4Protocol, Via, tuple[Family, ...]]]:
        if Via.POD in settings.via:
            for pod in self.pods.values():
                for listener in pod.listeners:
                    if listener.protocol in settings.protocols:
                        yield pod.endpoint, listener.port, listener.protocol, Via.POD, settings.families
            for external in self.externals.values():
                families = tuple(family for family in settings.families if family in external.addresses)
                for listener in external.listeners:
                    if listener.protocol in settings.protocols:
                        yield external.endpoint, listener.port, listener.protocol, Via.POD, families
        if Via.SERVICE in settings.via:
            for service in self.services.values():
                for port in service.ports:
                    if port.protocol in settings.protocols:
                        yield service.endpoint, port.port, port.protocol, Via.SERVICE, settings.families


def _merged(labels: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**labels, **changes}
    return {key: value for key, value in merged.items() if value is not None}
