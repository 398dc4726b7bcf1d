"""One cell of a reachability matrix."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, NewType

# "namespace/name" of a pod or a Service, or the bare name of an external.
# A string, because flows are hashed by the hundred thousand.
Endpoint = NewType("Endpoint", str)


class L4Protocol(StrEnum):
    """Protocols that a NetworkPolicy can name."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class Family(StrEnum):
    """IP families, in the spelling of `Service.spec.ipFamilies`."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


class Via(StrEnum):
    """How the source addresses its destination: by pod (or external) address, or by a Service's."""

    POD = "pod"
    SERVICE = "service"


class Flow(NamedTuple):
    """A new connection that could be tried.

    With `via` service, `destination` is the Service and `port` its own port;
    otherwise a pod or an external and the port it listens on.
    """

    source: Endpoint
    destination: Endpoint
    port: int
    protocol: L4Protocol
    via: Via
    family: Family

    @property
    def is_to_itself(self) -> bool:
        """Whether a pod dials its own address: it never leaves the pod, no policy sees it."""
        return self.via is Via.POD and self.source == self.destination

    def __str__(self) -> str:
        text = f"{self.source} -> {self.destination}:{self.port}/{self.protocol}"
        if self.via is Via.SERVICE:
            text += " via service"
        return text if self.family is Family.IPV4 else f"{text} over IPv6"
