"""Open clusters behind a kubeconfig."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from harness.cluster.agent_file import agent_source
from harness.cluster.kubernetes.cluster import KubernetesCluster
from harness.cluster.kubernetes.detection import detect
from harness.cluster.kubernetes.kubeconfig import open_client
from harness.cluster.kubernetes.probe_pods import DEFAULT_IMAGE
from harness.errors import UsageError
from harness.manifests import MANAGED_BY, RUN_LABEL


class KubeconfigProvider:
    """Opens any cluster that a kubeconfig leads to; the cluster is others' as well, so it is opened once for a run."""

    private = False

    def __init__(
        self,
        run: str | None = None,
        fault: str | None = None,
        kubeconfig: str | None = None,
        context: str | None = None,
        image: str | None = None,
        *,
        tolerate: bool = False,
    ) -> None:
        """Prepare, without a word to any server. Raises `UsageError` for a fault: only an emulator has those."""
        if fault is not None:
            raise UsageError("a real cluster takes no fault", where="--fault", remedy="faults are for --cluster local")
        self._marks = {**MANAGED_BY, RUN_LABEL: run or secrets.token_hex(4)}
        self._kubeconfig = kubeconfig
        self._context = context
        self._image = image or os.environ.get("NETPOL_IMAGE") or DEFAULT_IMAGE
        self._tolerate = tolerate

    @contextmanager
    def open(self) -> Iterator[KubernetesCluster]:
        """Yield the cluster, and delete all namespaces of this run on the way out.

        Raises `ClusterError` where the kubeconfig leads nowhere.
        """
        client = open_client(self._kubeconfig, self._context)
        try:
            cluster = KubernetesCluster(
                client,
                detect(client, tolerate=self._tolerate),
                self._marks,
                image=self._image,
                agent=agent_source().read_text(),
                tolerate=self._tolerate,
            )
            try:
                yield cluster
            finally:
                cluster.delete_all()
        finally:
            client.close()
