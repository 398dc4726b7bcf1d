"""The cables of the embedded cluster, as lines for `ip -batch` and kernel settings.

Pure text. Routed, without a bridge: every pod has one cable to the router and an address of its own with no subnet
around it. Cables resolve no addresses (`arp off`, the same hardware address on both ends), so no first packet waits for
a neighbour, no duplicate address detection delays IPv6, and no neighbour table grows with the square of the pods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.cluster.local import addressing
from harness.model.flow import Family

_HARDWARE = "02:00:00:00:00:01"
_HOST_BITS = {Family.IPV4: 32, Family.IPV6: 128}
_ANY = {Family.IPV4: "0.0.0.0/0", Family.IPV6: "::/0"}

# A kernel answers a sender once a second by default: the second refusal would look like silence.
_ANSWER_EVERYBODY = {
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/icmp_ratemask": "0",
    "net/ipv6/icmp/ratelimit": "0",
}
POD_SETTINGS: Mapping[str, str] = _ANSWER_EVERYBODY
FORWARDING = {Family.IPV4: "net/ipv4/ip_forward", Family.IPV6: "net/ipv6/conf/all/forwarding"}


def required_settings(families: Iterable[Family]) -> Mapping[str, str]:
    """Return the settings without which the router forwards nothing."""
    return {FORWARDING[family]: "1" for family in families}


def router_settings() -> Mapping[str, str]:
    """Return the settings that only make the router behave, against what the host's own ones may have left it."""
    plain = {
        f"net/ipv4/conf/{which}/{name}": "0" for which in ("all", "default") for name in ("rp_filter", "send_redirects")
    }
    return {**_ANSWER_EVERYBODY, **plain}


def router(families: Iterable[Family]) -> list[str]:
    """Return the lines that set up the router: the node's own addresses, and where the ranges lead.

    Service addresses that no rule translates, and pod addresses that nobody has (any more), end here: the
    first are refused by the filter, the second vanish, as on a real node.
    """
    # Over lo, IPv6 would make the Service range unreachable instead of routing it to where it is refused.
    lines = [
        "link set lo up",
        "link add services arp off type veth peer name nowhere",
        "link set services up",
        "link set nowhere arp off up",
    ]
    for family in families:
        node = addressing.NODE_ADDRESS[family]
        lines += [
            f"address add {node}/{_HOST_BITS[family]} dev lo" + (" nodad" if family is Family.IPV6 else ""),
            f"route add {addressing.SERVICE_RANGE[family]} dev services src {node}",
            f"route add blackhole {addressing.POD_RANGE[family]}",
        ]
    return lines


def cable(interface: str, addresses: Mapping[Family, str]) -> list[str]:
    """Return the router's lines for a new pod; `{pid}` stands for a process in the pod's network namespace."""
    ends = f"address {_HARDWARE} arp off"
    return [
        f"link add {interface} {ends} type veth peer name eth0 address {_HARDWARE} netns {{pid}}",
        f"link set {interface} up",
        *(f"route add {address} dev {interface}" for address in addresses.values()),
    ]


def inside(addresses: Mapping[Family, str]) -> list[str]:
    """Return the pod's own lines: its address, and everything else by way of the router."""
    lines = ["link set lo up", "link set eth0 arp off up"]
    for family, address in addresses.items():
        lines += [
            f"address add {address}/{_HOST_BITS[family]} dev eth0" + (" nodad" if family is Family.IPV6 else ""),
            f"route add {_ANY[family]} via {addressing.GATEWAY[family]} dev eth0 onlink",
        ]
    return lines


def unroute(interface: str, addresses: Mapping[Family, str]) -> list[str]:
    """Return the router's lines that make a pod unreachable at once; the cable goes with the pod's last process."""
    return [f"route del {address} dev {interface}" for address in addresses.values()]
