"""Whether hosts outside and a cluster's nodes find each other: asked of the network itself, not of its settings."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from harness import manifests
from harness.cluster.netns.channel import SocketChannel
from harness.cluster.outside.outside import Outside
from harness.errors import ClusterError
from harness.manifests import ref
from harness.model.flow import Family
from harness.model.topology import External

# Every node's kubelet listens there. Whatever comes back, a refusal too, has found its way.
_KUBELET = 10250
_TIMEOUT_S = 2.0
_READY_S = 15.0
_SILENT = ("timeout", "EHOSTUNREACH", "ENETUNREACH", "EACCES")


def unanswered(outside: Outside, addresses: Sequence[str]) -> Mapping[str, str]:
    """Return the addresses from which nothing comes back to a host outside, with what came of it instead.

    The host is made for this alone, at documentation addresses that no scenario is likely to have. An answer shows both
    ways: that the router leads to the node, and that the node routes these addresses to the router. Raises
    `ClusterError` where the host itself cannot be had.
    """
    host = manifests.external(External(f"doctor-{secrets.token_hex(3)}", _out_of_the_way()))
    outside.apply([host], _READY_S)
    try:
        outside.wait_ready([ref(host)], _READY_S)
        channel = outside.open_agent(ref(host))
        try:
            replies = _asked(channel, addresses)
        finally:
            channel.close()
    finally:
        outside.delete([ref(host)])
    said = {address: str(replies[address].get("errno") or replies[address]["result"]) for address in addresses}
    return {address: text for address, text in said.items() if text in _SILENT}


def _out_of_the_way() -> dict[Family, str]:
    return {
        Family.IPV4: f"192.0.2.{128 + secrets.randbelow(100)}",
        Family.IPV6: f"2001:db8:d0c::{secrets.randbelow(0xFFFF) + 1:x}",
    }


def _asked(channel: SocketChannel, addresses: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    probes = [
        {
            "key": address,
            "engine": "socket",
            "protocol": "TCP",
            "address": address,
            "port": _KUBELET,
            "nonce": secrets.token_hex(4),
            "timeout_s": _TIMEOUT_S,
        }
        for address in addresses
    ]
    channel.receive()  # the greeting
    channel.send(json.dumps({"id": 1, "op": "probe", "probes": probes}))
    replies: dict[str, Mapping[str, Any]] = {}
    while True:
        message = json.loads(channel.receive())
        if "error" in message:
            raise ClusterError(f"the agent refused to probe: {message['error']}", where="--outside")
        replies.update({reply["key"]: reply for reply in message.get("replies", ())})
        if message.get("done"):
            return replies
