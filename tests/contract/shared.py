"""A real cluster for the suite: it is not ours alone, so what the tests call `x` gets a name of this run's own."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

from harness.cli.arguments import parser
from harness.cli.selection import chosen_provider
from harness.cluster.interface import Cluster
from harness.cluster.kind.provider import KindProvider
from harness.cluster.registry import open_provider
from harness.model.cluster import AgentChannel, Capabilities
from harness.model.flow import Family
from harness.model.scenario import ObjectRef


class Apart:
    """A cluster whose namespaces are called PREFIX-x where the caller says x; everything else arrives as it is."""

    def __init__(self, cluster: Cluster, prefix: str) -> None:
        self._cluster = cluster
        self._prefix = f"{prefix}-"

    def capabilities(self) -> Capabilities:
        """Pass on."""
        return self._cluster.capabilities()

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> None:
        """Apply in namespaces of our own."""
        self._cluster.apply([self._real(item) for item in manifests])

    def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Delete in namespaces of our own."""
        self._cluster.delete([self._real_ref(ref) for ref in refs])

    def wait_ready(self, refs: Sequence[ObjectRef], deadline_s: float) -> Mapping[ObjectRef, Mapping[Family, str]]:
        """Wait, and answer in the caller's names."""
        found = self._cluster.wait_ready([self._real_ref(ref) for ref in refs], deadline_s)
        return {ref: found[self._real_ref(ref)] for ref in refs}

    def open_agent(self, ref: ObjectRef) -> AgentChannel:
        """Open the agent of a pod of our own."""
        return self._cluster.open_agent(self._real_ref(ref))

    def diagnose(self, refs: Sequence[ObjectRef]) -> str:
        """Describe in the caller's names."""
        return self._cluster.diagnose([self._real_ref(ref) for ref in refs]).replace(self._prefix, "")

    def _real(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        metadata = dict(manifest["metadata"])
        if manifest["kind"] == "Namespace":
            metadata["name"] = self._prefix + metadata["name"]
            metadata["labels"] = {**metadata["labels"], "kubernetes.io/metadata.name": metadata["name"]}
        elif metadata.get("namespace"):
            metadata["namespace"] = self._prefix + metadata["namespace"]
        return {**manifest, "metadata": metadata}

    def _real_ref(self, ref: ObjectRef) -> ObjectRef:
        if ref.kind == "Namespace":
            return ref._replace(name=self._prefix + ref.name)
        return ref._replace(namespace=self._prefix + ref.namespace) if ref.namespace else ref


_kind = ExitStack()


@cache
def _kind_provider() -> KindProvider:
    """Make the kind cluster of this session, when it is first asked for: it takes a minute."""
    options = parser().parse_args(["cluster", "up", *shlex.split(os.environ["NETPOL_KIND"])])
    # One more worker of the suite has one of its own.
    provider = chosen_provider(options, f"contract-{secrets.token_hex(3)}")
    assert isinstance(provider, KindProvider)
    _kind.enter_context(provider.open())
    return provider


def close_kind() -> None:
    """Delete the kind cluster of this session."""
    _kind.close()


@contextmanager
def kind_cluster() -> Iterator[Cluster]:
    """Yield this session's kind cluster, with namespaces of this opening's own."""
    provider, run = _kind_provider(), f"contract-{secrets.token_hex(3)}"
    kubeconfig, image = str(provider.kubeconfig), provider.image
    with open_provider("kubeconfig", run=run, kubeconfig=kubeconfig, image=image).open() as cluster:
        yield Apart(cluster, run)


@contextmanager
def kubeconfig_cluster() -> Iterator[Cluster]:
    """Yield the cluster of $NETPOL_KUBECONFIG and $NETPOL_OUTSIDE, with namespaces of this opening's own."""
    run = f"contract-{secrets.token_hex(3)}"
    provider = open_provider(
        "kubeconfig", run=run, kubeconfig=os.environ["NETPOL_KUBECONFIG"], outside=os.environ.get("NETPOL_OUTSIDE")
    )
    with provider.open() as cluster:
        yield Apart(cluster, run)
