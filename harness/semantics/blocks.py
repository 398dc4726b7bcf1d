"""What an ipBlock covers, as far as it can be known before any pod has an address.

Two questions are kept apart: whether an address lies in the block, which may be
unknown offline, and whether an ipBlock applies to pods and nodes at all, which the API
leaves open (semantics sections 1.5 and 1.7). Only externals are ever certainly covered.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from harness.model.flow import Family
from harness.model.policy import Cidr, IPBlock
from harness.model.topology import External, Pod, Topology
from harness.semantics.placement import Placement
from harness.semantics.reasons import IPBLOCK_VS_NODE, IPBLOCK_VS_POD, NO, YES

Network = IPv4Network | IPv6Network

# RFC 5737 and RFC 3849. The harness refuses clusters whose pods live there, and
# scenarios may give their externals no other addresses.
DOCUMENTATION: Final[tuple[Network, ...]] = tuple(
    ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)


def is_documentation(network: Network) -> bool:
    """Tell whether every address of `network` is one that no pod or node may have."""
    return any(
        network.version == block.version and block.supernet_of(network)  # type: ignore[arg-type]  # same version
        for block in DOCUMENTATION
    )


class Blocks:
    """The ipBlocks of one topology."""

    def __init__(self, topology: Topology, placement: Placement) -> None:
        self._topology = topology
        self._placement = placement

    def facts(self, block: IPBlock, end: Pod | External, family: Family) -> int:
        """Return the facts of matching `end`, at its address in `family`, against `block`."""
        inside = self.contains(block, end, family)
        if inside is False:
            return NO
        if isinstance(end, Pod):
            return IPBLOCK_VS_NODE if end.host_network else IPBLOCK_VS_POD
        return YES if inside else IPBLOCK_VS_POD

    def contains(self, block: IPBlock, end: Pod | External, family: Family) -> bool | None:
        """Tell whether the address of `end` lies in `block` and in none of its `excepts`; None if unknown."""
        if block.cidr.family is not family:
            return False
        inside = self._within(block.cidr, end)
        for carved in block.excepts:
            outside = _negated(self._within(carved, end))
            if inside is False or outside is False:
                return False
            if outside is None:
                inside = None
        return inside

    def _within(self, cidr: Cidr, end: Pod | External) -> bool | None:
        network = self._network(cidr)
        if network is None and cidr.endpoint in self._topology.externals:
            return False  # an external without an address in that family
        if isinstance(end, External):
            return _external_within(cidr, network, end)
        if network is not None:
            return False if is_documentation(network) else None
        if cidr.endpoint == end.endpoint:
            return True
        return self._same_address(cidr, end) if _is_one_address(cidr) else None

    def _same_address(self, cidr: Cidr, pod: Pod) -> bool | None:
        """Tell whether `pod` has the one address that `cidr` names; only hostNetwork pods share theirs."""
        named = None if cidr.endpoint is None else self._topology.pods.get(cidr.endpoint)
        if named is None or not (named.host_network and pod.host_network):
            return False
        return self._placement.share_node(named.endpoint, pod.endpoint)

    def _network(self, cidr: Cidr) -> Network | None:
        """Return the addresses of `cidr` if they are known: written out, or around an external."""
        if cidr.network is not None or cidr.endpoint is None:
            return cidr.network
        external = self._topology.externals.get(cidr.endpoint)
        address = None if external is None else external.addresses.get(cidr.family)
        return None if address is None else ip_network(f"{address}/{cidr.prefix}", strict=False)


def _external_within(cidr: Cidr, network: Network | None, external: External) -> bool | None:
    if cidr.family not in external.addresses:
        return False
    address = ip_address(external.addresses[cidr.family])
    if network is not None:
        return address in network
    # A block around a pod's own address, which is no documentation address: the block
    # cannot reach into a documentation range unless it is larger than the range.
    smallest = next((block.prefixlen for block in DOCUMENTATION if address in block), address.max_prefixlen)
    return False if cidr.prefix is not None and cidr.prefix >= smallest else None


def _is_one_address(cidr: Cidr) -> bool:
    return cidr.prefix == (32 if cidr.family is Family.IPV4 else 128)


def _negated(known: bool | None) -> bool | None:
    return None if known is None else not known
