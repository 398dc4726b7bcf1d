"""What can be known of an outside before a run: whether hosts there can be had, and whether nodes and they meet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from harness.cluster.outside.opening import open_outside
from harness.cluster.outside.reach import unanswered
from harness.errors import ClusterError
from harness.model.flow import Family
from harness.model.preflight import Check, CheckStatus

_NAME = "externals"
_ROUTES = "192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 and 2001:db8::/32"


def preflight(
    netns: str | None, run: str, agent: Path, families: Collection[Family], nodes: Mapping[str, Sequence[str]]
) -> tuple[Check, ...]:
    """Open the outside that `netns` names, let a host of it ask every node, and close it; `nodes` are by name.

    No outside is worth a note, one that cannot be had stops the run, and one that a node does not answer is a warning.
    """
    if netns is None:
        remedy = "--outside NETNS; without it scenarios that have externals are inconclusive"
        return (Check(_NAME, CheckStatus.NOTE, "none, for nobody said where hosts outside the cluster live", remedy),)
    try:
        with open_outside(netns, run, agent, families) as outside:
            silent = unanswered(outside, [address for addresses in nodes.values() for address in addresses])
    except ClusterError as fault:
        return (Check(_NAME, CheckStatus.FAILED, str(fault).partition("\n")[0], fault.remedy),)
    lost = [
        f"{node} at {address}: {silent[address]}"
        for node, addresses in nodes.items()
        for address in addresses
        if address in silent
    ]
    if lost:
        text = f"network namespace {netns} forwards, but a host behind it hears nothing of {'; '.join(lost)}"
        remedy = f"in it, routes to nodes and pods; on every node, routes for {_ROUTES} to it"
        return (Check(_NAME, CheckStatus.WARNING, text, remedy),)
    return (Check(_NAME, CheckStatus.OK, f"network namespace {netns} forwards, and every node answers a host there"),)
