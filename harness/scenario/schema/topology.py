"""The part of the file format that says who is there."""

# ruff: noqa: RUF012 - pydantic copies a default for each instance
from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.scenario.schema.spec import (
    PLACEMENT_PATTERN,
    PORT_PATTERN,
    Labels,
    Mapping,
    Number,
    PortNumber,
    Protocol,
    Spec,
    Text,
    either,
)

MAX_REPLICAS = 250


class NamespaceSpec(Spec):
    """A namespace; it also gets the label kubernetes.io/metadata.name, as on a cluster."""

    labels: Labels = {}


class ListenerSpec(Spec):
    """A port that is listened on."""

    port: PortNumber
    name: Annotated[str | None, Field(description="The container port's name, which policies and rules may use.")] = (
        None
    )
    protocol: Protocol = "TCP"
    declared: Annotated[bool, Field(description="false: listens, but the pod's containerPorts do not say so.")] = True


PortText = Annotated[str, Field(pattern=PORT_PATTERN)]
ListenerItem = Annotated[
    Annotated[PortNumber, Number] | Annotated[PortText, Text] | Annotated[ListenerSpec, Mapping],
    either("a port such as 8080, 9090/UDP or {port: 5432, name: pg}"),
]


class PodSpec(Spec):
    """A pod that probes, and answers on the ports it listens on."""

    labels: Labels = {}
    listen: Annotated[list[ListenerItem], Field(description="Ports: 8080, 9090/UDP or {port: 5432, name: pg}.")] = []
    node: Annotated[
        Annotated[str, Field(pattern=PLACEMENT_PATTERN)] | None,
        Field(description="same-as ns/pod, or other-than ns/pod."),
    ] = None
    hostNetwork: Annotated[bool, Field(description="Whether the pod uses its node's network.")] = False  # noqa: N815 - Kubernetes' spelling
    replicas: Annotated[
        Annotated[int, Field(ge=1, le=MAX_REPLICAS)] | None,
        Field(description="Makes pods NAME-0, NAME-1, ...; NAME then stands for all of them in rules."),
    ] = None
    ready: Annotated[bool, Field(description="false: runs, but never becomes ready, so no Service uses it.")] = True


class ServicePortSpec(Spec):
    """A port of a Service."""

    port: PortNumber
    targetPort: Annotated[  # noqa: N815 - Kubernetes' spelling
        Annotated[
            Annotated[PortNumber, Number] | Annotated[str, Text],
            either("a port number or the name of a container port"),
        ]
        | None,
        Field(description="A number, or the name of a container port; the default is `port`."),
    ] = None
    protocol: Protocol = "TCP"
    name: Annotated[str | None, Field(description="The port's name, which rules may use.")] = None


ServicePortItem = Annotated[
    Annotated[PortNumber, Number] | Annotated[PortText, Text] | Annotated[ServicePortSpec, Mapping],
    either("a port such as 80, 53/UDP or {port: 80, targetPort: http}"),
]


class ServiceSpec(Spec):
    """A ClusterIP Service of the pods in its namespace that `selector` selects."""

    selector: Labels
    ports: Annotated[
        list[ServicePortItem], Field(min_length=1, description="Ports: 80, 53/UDP or {port: 80, targetPort: http}.")
    ]


class ExternalSpec(Spec):
    """A host that is no pod, at documentation addresses, inside the test's own network."""

    address: Annotated[str | None, Field(description="Its only address.")] = None
    addresses: Annotated[
        Annotated[list[str], Field(min_length=1)] | None, Field(description="At most one IPv4 and one IPv6 address.")
    ] = None
    listen: Annotated[list[ListenerItem], Field(description="Ports that it answers on.")] = []


class TopologySpec(Spec):
    """Who is there."""

    namespaces: Annotated[
        dict[str, NamespaceSpec | None], Field(description="Every namespace that a pod or a Service is in.")
    ] = {}
    pods: Annotated[dict[str, PodSpec | None], Field(description="Pods by namespace/name.")] = {}
    services: Annotated[dict[str, ServiceSpec], Field(description="Services by namespace/name.")] = {}
    externals: Annotated[dict[str, ExternalSpec], Field(description="Hosts outside the cluster by name.")] = {}
