"""Open embedded clusters: one sandbox each, private to whoever opened it."""

from __future__ import annotations

import functools
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.cluster.agent_file import agent_source
from harness.cluster.local import faults, router
from harness.cluster.local.cluster import LocalCluster
from harness.cluster.local.requirements import requirements
from harness.cluster.netns.cables import FORWARDING
from harness.cluster.netns.sandbox import Sandbox
from harness.errors import ClusterError, EnvironmentMissingError
from harness.model.cluster import Capabilities, Timing
from harness.model.flow import Family, L4Protocol
from harness.model.preflight import Check, CheckStatus

NOTES = (
    "an emulator: says nothing about any CNI",
    "a denied flow is dropped in silence",
    "connections that are open when a policy comes stay open",
    "a pod reaches itself through a Service whatever its policies say",
    "ipBlock matches pods and the node by their addresses, as any other",
    "a pod's traffic to its own node is policed; the node's traffic to its pods is not",
    "a new pod is under its policies from its first packet",
    "one node: placement is not honoured",
)


class LocalProvider:
    """Opens clusters on this machine, with or without root; may be used by several threads at once."""

    private = True

    def __init__(self, fault: str | None = None, run: str | None = None, agent: Path | None = None) -> None:
        """Prepare. `run` marks the sandboxes for `leftovers`. Raises `UsageError` for an unknown fault."""
        self._fault = None if fault is None else faults.find(fault)
        self._run = run or secrets.token_hex(4)
        self._agent = agent

    def preflight(self) -> tuple[Check, ...]:
        """Say what this machine lacks, or what a cluster on it has; costs nothing that `open` does not cost as well."""
        missing = tuple(Check("machine", CheckStatus.FAILED, item.what, item.remedy) for item in requirements())
        return missing or _told(capabilities())

    @contextmanager
    def open(self) -> Iterator[LocalCluster]:
        """Yield a cluster with nothing in it. Raises `EnvironmentMissingError` where this machine cannot have one."""
        missing = requirements()
        if missing:
            raise EnvironmentMissingError(
                "; ".join(item.what for item in missing),
                where="local cluster",
                remedy="; ".join(item.remedy for item in missing),
            )
        sandbox = Sandbox(self._run, self._agent or agent_source(), where="local cluster")
        try:
            known = capabilities()
            if self._fault is not None:
                # Reports and histories must never take such a run for one of the emulator as it is.
                known = replace(known, notes=(*known.notes, f"misbehaves on purpose: {self._fault.name}"))
            families = tuple(family for family in Family if family in known.families)
            _set_up_router(sandbox, families)
            cluster = _cluster(sandbox, known, self._fault)
            try:
                yield cluster
            finally:
                cluster.close()
        finally:
            sandbox.close()

    def invitation(self) -> Mapping[str, Any]:
        """Say how to join a cluster: there is nothing to join, each process has its own."""
        return {"cluster": "local", "options": {"run": self._run}}


@functools.cache
def capabilities() -> Capabilities:
    """Return what this machine's kernel lets a local cluster do."""
    families = {Family.IPV4}
    if _has_ipv6():
        families.add(Family.IPV6)
    protocols = {L4Protocol.TCP, L4Protocol.UDP}
    if _has_sctp():
        protocols.add(L4Protocol.SCTP)
    notes = NOTES if Family.IPV6 in families else (*NOTES, "this kernel has no IPv6")
    return Capabilities(
        kind="local",
        emulated=True,
        families=frozenset(families),
        protocols=frozenset(protocols),
        externals=True,
        private=True,
        timing=Timing(rounds=3, window_s=0.2, deadline_s=15.0, floor_s=0.15, ceiling_s=1.0, ready_s=30.0, canary_s=5.0),
        notes=notes,
    )


def _told(known: Capabilities) -> tuple[Check, ...]:
    """Return what a cluster on this machine is like."""
    has_ipv6, has_sctp = Family.IPV6 in known.families, L4Protocol.SCTP in known.protocols
    return (
        Check("machine", CheckStatus.OK, "Linux with iproute2, nftables and network namespaces"),
        Check(
            "IP families",
            CheckStatus.OK if has_ipv6 else CheckStatus.NOTE,
            ", ".join(sorted(known.families)),
            None if has_ipv6 else "this kernel has no IPv6: scenarios that need it are inconclusive here",
        ),
        Check(
            "SCTP",
            CheckStatus.OK if has_sctp else CheckStatus.NOTE,
            "this kernel has it" if has_sctp else "this kernel has none: SCTP flows are inconclusive here",
            None if has_sctp else "modprobe sctp (as root), where the kernel comes with it",
        ),
        *(Check("emulator", CheckStatus.NOTE, note) for note in known.notes),
    )


def _cluster(sandbox: Sandbox, known: Capabilities, fault: faults.Fault | None) -> LocalCluster:
    try:
        return LocalCluster(sandbox, known, fault)
    except ClusterError as refused:
        raise EnvironmentMissingError(
            f"this kernel does not take our nftables rules: {refused.what}",
            where="local cluster",
            remedy="modprobe -a nf_tables nft_ct nft_nat nft_reject_inet nft_numgen (as root)",
        ) from refused


def _set_up_router(sandbox: Sandbox, families: tuple[Family, ...]) -> None:
    failed = sandbox.order("write", settings=dict(router.required_settings(families)))["failed"]
    if failed:
        raise EnvironmentMissingError(
            f"packets cannot be forwarded here: {'; '.join(failed)}",
            where="local cluster",
            remedy="/proc/sys is read-only in this container: start it with --privileged",
        )
    sandbox.order("write", settings=dict(router.router_settings()))
    sandbox.run(["ip", "-batch", "-"], "\n".join(router.router(families)) + "\n")


def _has_ipv6() -> bool:
    return Path("/proc/sys", FORWARDING[Family.IPV6]).exists()


def _has_sctp() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True
