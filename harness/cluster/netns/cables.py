"""The cable between a router and a host, as lines for `ip -batch`.

Pure text. Routed, without a bridge: every host has one cable to the router and addresses of its own with no subnet
around them. Cables resolve no addresses (`arp off`, the same hardware address on both ends), so no first packet waits
for a neighbour, no duplicate address detection delays IPv6, and no neighbour table grows with the square of the hosts.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.model.flow import Family

HOST_BITS = {Family.IPV4: 32, Family.IPV6: 128}
# Never on any interface: cables have no address resolution, so a gateway is a name only.
GATEWAY = {Family.IPV4: "169.254.1.1", Family.IPV6: "fe80::1"}
_HARDWARE = "02:00:00:00:00:01"
_ANY = {Family.IPV4: "0.0.0.0/0", Family.IPV6: "::/0"}

# A kernel answers a sender once a second by default: the second refusal would look like silence.
ANSWER_EVERYBODY: Mapping[str, str] = {
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/icmp_ratemask": "0",
    "net/ipv6/icmp/ratelimit": "0",
}
FORWARDING = {Family.IPV4: "net/ipv4/ip_forward", Family.IPV6: "net/ipv6/conf/all/forwarding"}


def cable(interface: str, addresses: Mapping[Family, str]) -> list[str]:
    """Return the router's lines for a new host; `{pid}` stands for a process in the host's network namespace."""
    ends = f"address {_HARDWARE} arp off"
    return [
        f"link add {interface} {ends} type veth peer name eth0 address {_HARDWARE} netns {{pid}}",
        f"link set {interface} up",
        *(f"route add {address} dev {interface}" for address in addresses.values()),
    ]


def inside(addresses: Mapping[Family, str]) -> list[str]:
    """Return the host's own lines: its address, and everything else by way of the router."""
    lines = ["link set lo up", "link set eth0 arp off up"]
    for family, address in addresses.items():
        lines += [
            f"address add {address}/{HOST_BITS[family]} dev eth0" + (" nodad" if family is Family.IPV6 else ""),
            f"route add {_ANY[family]} via {GATEWAY[family]} dev eth0 onlink",
        ]
    return lines


def unroute(interface: str, addresses: Mapping[Family, str]) -> list[str]:
    """Return the router's lines that make a host unreachable at once; the cable goes with its last process."""
    return [f"route del {address} dev {interface}" for address in addresses.values()]
