"""The router of the embedded cluster, as lines for `ip -batch` and kernel settings. Pure text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.cluster.local import addressing
from harness.cluster.netns.cables import ANSWER_EVERYBODY, FORWARDING, HOST_BITS
from harness.model.flow import Family


def required_settings(families: Iterable[Family]) -> Mapping[str, str]:
    """Return the settings without which the router forwards nothing."""
    return {FORWARDING[family]: "1" for family in families}


def router_settings() -> Mapping[str, str]:
    """Return the settings that only make the router behave, against what the host's own ones may have left it."""
    plain = {
        f"net/ipv4/conf/{which}/{name}": "0" for which in ("all", "default") for name in ("rp_filter", "send_redirects")
    }
    return {**ANSWER_EVERYBODY, **plain}


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
            f"address add {node}/{HOST_BITS[family]} dev lo" + (" nodad" if family is Family.IPV6 else ""),
            f"route add {addressing.SERVICE_RANGE[family]} dev services src {node}",
            f"route add blackhole {addressing.POD_RANGE[family]}",
        ]
    return lines
