"""Services to nft text: a map from cluster address and port to a chain that picks a backend.

Pure. What no map entry catches in the Service range is refused by the filter chains, as kube-proxy does
for ports without endpoints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.cluster.local.state import PodState, ServicePortState, ServiceState, State
from harness.model.flow import Family

KEYWORD = {Family.IPV4: "ip", Family.IPV6: "ip6"}
ADDRESS_TYPE = {Family.IPV4: "ipv4_addr", Family.IPV6: "ipv6_addr"}
SERVICE_MAP = {Family.IPV4: "services4", Family.IPV6: "services6"}


def backends(service: ServiceState, pods: Sequence[PodState]) -> tuple[PodState, ...]:
    """Return the ready pods that a Service selects; one without a selector has none."""
    wanted = (service.selector or {}).items()
    if not wanted:
        return ()
    return tuple(
        pod for pod in pods if pod.namespace == service.namespace and pod.ready and wanted <= pod.labels.items()
    )


def target(port: ServicePortState, pod: PodState) -> int | None:
    """Return the number that a Service port leads to on `pod`; None where a named port is missing there."""
    if isinstance(port.target, int):
        return port.target
    return min(pod.numbers(port.target, port.protocol), default=None)


def chains(state: State) -> tuple[list[str], dict[Family, list[str]]]:
    """Return the chains of all Service ports with a backend, and the elements of the map of each family."""
    lines: list[str] = []
    elements: dict[Family, list[str]] = {family: [] for family in Family}
    for service in state.services:
        candidates = backends(service, state.pods)
        for port in service.ports:
            for family, address in service.addresses.items():
                choices = list(_choices(port, candidates, family))
                if not choices:
                    continue
                chain = f"service-{sum(map(len, elements.values()))}"
                elements[family].append(f"{address} . {port.protocol} . {port.port} : goto {chain}")
                numbered = ", ".join(f"{position} : {choice}" for position, choice in enumerate(choices))
                picked = f"numgen random mod {len(choices)} map {{ {numbered} }}"
                lines += [
                    f"  chain {chain} {{ # {service.namespace}/{service.name}",
                    f"    meta l4proto {port.protocol} dnat {KEYWORD[family]} to {picked}",
                    "  }",
                ]
    return lines, elements


def _choices(port: ServicePortState, pods: Sequence[PodState], family: Family) -> Iterator[str]:
    for pod in pods:
        number = target(port, pod)
        if number is not None and family in pod.addresses:
            yield f"{pod.addresses[family]} . {number}"
