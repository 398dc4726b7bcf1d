"""Addresses of externals: from the documentation ranges alone."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from harness.scenario.context import Context
from harness.scenario.names import shown
from harness.scenario.positions import Path
from harness.scenario.schema import ExternalSpec

# RFC 5737 and RFC 3849: no such address is ever routed, so that nothing leaves the test's own network.
_DOCUMENTATION = tuple(
    ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)


def written_addresses(context: Context, spec: ExternalSpec, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield each address of an external with its place; report an external that has none, or both forms."""
    if (spec.address is None) == (spec.addresses is None) and not context.topology_in_doubt:
        context.report(path, "an external has an address, or a list of addresses", key=True)
    if spec.address is not None:
        yield (*path, "address"), spec.address
    for index, text in enumerate(spec.addresses or ()):
        yield (*path, "addresses", index), text


def decode_address(context: Context, path: Path, text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that `text` is, or None; one outside the documentation ranges is reported and returned."""
    try:
        address = ip_address(text)
    except ValueError:
        context.report(path, f"{shown(text)} is no IP address", "as in 203.0.113.10 or 2001:db8::10")
        return None
    if not any(address in network for network in _DOCUMENTATION if network.version == address.version):
        ranges = ", ".join(str(network) for network in _DOCUMENTATION)
        context.report(
            path,
            f"{address} is no documentation address; no traffic may ever leave the test's own network",
            f"use one of {ranges}",
        )
    return address
