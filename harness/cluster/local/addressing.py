"""The addresses of the embedded cluster: who gets which, never twice.

Pure arithmetic; the same ranges in every cluster, since no two can see each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network

from harness.cluster.netns.cables import GATEWAY
from harness.model.flow import Family

POD_RANGE = {Family.IPV4: "10.244.0.0/16", Family.IPV6: "fd00:10:244::/64"}
SERVICE_RANGE = {Family.IPV4: "10.96.0.0/16", Family.IPV6: "fd00:10:96::/112"}
NODE_ADDRESS = {Family.IPV4: "172.31.255.1", Family.IPV6: "fd00:172:31::1"}
NODE = "local"
LIMIT = 60_000


def pod_addresses(number: int, families: Iterable[Family]) -> Mapping[Family, str]:
    """Return the addresses of the pod that is the `number`th of its cluster, counting from 1."""
    return _nth(POD_RANGE, number, families)


def service_addresses(number: int, families: Iterable[Family]) -> Mapping[Family, str]:
    """Return the cluster addresses of the `number`th Service, counting from 1."""
    return _nth(SERVICE_RANGE, number, families)


def is_ours(address: str) -> bool:
    """Tell whether an address belongs to pods, Services or the node, so that no external may have it."""
    parsed = ip_address(address)
    ours = (*POD_RANGE.values(), *SERVICE_RANGE.values(), *NODE_ADDRESS.values(), *GATEWAY.values())
    return any(parsed in ip_network(block) for block in ours)


def _nth(blocks: Mapping[Family, str], number: int, families: Iterable[Family]) -> Mapping[Family, str]:
    if not 1 <= number <= LIMIT:
        raise ValueError(f"no address left: {number} is over {LIMIT}")
    # The first address is left out: it looks like a gateway's and confuses readers.
    return {family: str(ip_network(blocks[family])[number + 1]) for family in families}
