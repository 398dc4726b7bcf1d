"""Whether one peer matches the other end of a flow, and in words why not (semantics section 1.5)."""

from __future__ import annotations

from collections.abc import Mapping

from harness.model.flow import Family
from harness.model.policy import IPBlock, Peer
from harness.model.topology import External, Pod, Topology
from harness.semantics.blocks import Blocks
from harness.semantics.reasons import NO
from harness.semantics.rules import selected

End = Pod | External


class Peers:
    """The peers of one topology's policies; `namespace` is always the policy's own."""

    def __init__(self, topology: Topology, blocks: Blocks) -> None:
        self._topology = topology
        self._blocks = blocks

    def facts(self, peer: Peer, namespace: str, end: End, family: Family) -> int:
        """Return the facts of matching `end`, at its address in `family`, against `peer`."""
        if peer.ip_block is not None:
            return self._blocks.facts(peer.ip_block, end, family)
        if self._selector_miss(peer, namespace, end) is not None:
            return NO
        return selected(host_network=isinstance(end, Pod) and end.host_network)

    def miss(self, peer: Peer, namespace: str, end: End, family: Family) -> str:
        """Say why a peer that does not match does not."""
        if peer.ip_block is not None:
            return _block_miss(peer.ip_block, end, family)
        return self._selector_miss(peer, namespace, end) or ""

    def _selector_miss(self, peer: Peer, namespace: str, end: End) -> str | None:
        """Return why the selectors of a peer do not select `end`, or None if they do."""
        if isinstance(end, External):
            return f"selectors never match {end.name}, which is no pod"
        if peer.namespace_selector is None:
            if end.namespace != namespace:
                selector = f"podSelector {peer.pod_selector}"
                return f"{selector} alone selects in namespace {namespace} only, not {end.endpoint}"
        else:
            labels = self._topology.namespaces[end.namespace].labels
            if not peer.namespace_selector.matches(labels):
                selector = f"namespaceSelector {peer.namespace_selector}"
                return f"{selector} does not select {end.namespace} {_render(labels)}"
        if peer.pod_selector is not None and not peer.pod_selector.matches(end.labels):
            return f"podSelector {peer.pod_selector} does not select {end.endpoint} {_render(end.labels)}"
        return None


def _block_miss(block: IPBlock, end: End, family: Family) -> str:
    excepts = f" except [{', '.join(str(each) for each in block.excepts)}]" if block.excepts else ""
    text = f"ipBlock {block.cidr}{excepts}"
    if block.cidr.family is not family:
        return f"{text} is {block.cidr.family}, the flow {family}"
    address = f" ({end.addresses[family]})" if isinstance(end, External) and family in end.addresses else ""
    return f"{text} does not contain {end.endpoint}{address}"


def _render(labels: Mapping[str, str]) -> str:
    """Return labels as selectors are written: `{app=web, tier=db}`."""
    return "{" + ", ".join(f"{key}={value}" for key, value in labels.items()) + "}"
