"""Open clusters behind a kubeconfig."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from harness.cluster.agent_file import agent_source
from harness.cluster.kubernetes.cluster import KubernetesCluster
from harness.cluster.kubernetes.detection import detect
from harness.cluster.kubernetes.exclusion import Exclusion
from harness.cluster.kubernetes.heartbeat import Heartbeat
from harness.cluster.kubernetes.identity import Identity
from harness.cluster.kubernetes.kubeconfig import open_client
from harness.cluster.kubernetes.ownership import Ownership
from harness.cluster.kubernetes.preflight.looking import Wish, preflight
from harness.cluster.kubernetes.probe_pods import DEFAULT_IMAGE
from harness.cluster.outside.opening import open_outside
from harness.errors import ClusterError, UsageError
from harness.model.preflight import Check, CheckStatus


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
        exclusive: bool = False,
        outside: str | None = None,
        guest: bool = False,
        gone_s: float | None = None,
    ) -> None:
        """Prepare, without a word to any server. Raises `UsageError` for a fault: only an emulator has those.

        An `exclusive` run is one that disturbs others: no two of them have a cluster at once. `outside` is the network
        namespace whose hosts are the cluster's externals (see `harness.cluster.outside`). A `guest` shares the
        run with other processes, and leaves their namespaces and the run's Lease to its host. `gone_s` is how long
        what is deleted may take to go.
        """
        if fault is not None:
            raise UsageError("a real cluster takes no fault", where="--fault", remedy="faults are for --cluster local")
        self._run = run or secrets.token_hex(4)
        self._guest = guest
        self._gone_s = gone_s
        self._identity = Identity.of_now(self._run, os.environ)
        self._kubeconfig = kubeconfig
        self._context = context
        self._image = image or os.environ.get("NETPOL_IMAGE") or DEFAULT_IMAGE
        self._tolerate = tolerate
        self._exclusive = exclusive
        self._outside = outside

    def preflight(self) -> tuple[Check, ...]:
        """Look at everything that can be known before a run; what is made for it is deleted again."""
        try:
            client = open_client(self._kubeconfig, self._context)
        except ClusterError as fault:
            return (Check("kubeconfig", CheckStatus.FAILED, f"{fault.where}: {fault.what}", fault.remedy),)
        wish = Wish(
            self._identity,
            self._image,
            self._options,
            tolerate=self._tolerate,
            exclusive=self._exclusive,
            outside=self._outside,
        )
        try:
            return preflight(client, wish)
        finally:
            client.close()

    @contextmanager
    def open(self) -> Iterator[KubernetesCluster]:
        """Yield the cluster, and delete all namespaces of this run on the way out; a guest leaves that to its host.

        Raises `ClusterError` where the kubeconfig leads nowhere, or another run has the cluster for itself and this
        one would disturb it.
        """
        client = open_client(self._kubeconfig, self._context)
        with ExitStack() as stack:
            stack.callback(client.close)
            known = detect(client, tolerate=self._tolerate)
            if self._gone_s is not None:
                known = replace(known, timing=replace(known.timing, gone_s=self._gone_s))
            outside = None
            if self._outside is not None:
                outside = stack.enter_context(
                    open_outside(self._outside, self._identity.run, agent_source(), known.families)
                )
                known = replace(known, externals=True)
            unguarded = Ownership(client, self._identity.labels, self._identity.annotations)
            exclusion = Exclusion(client, unguarded)
            cluster = KubernetesCluster(
                client,
                known,
                self._identity.labels,
                image=self._image,
                agent=agent_source().read_text(),
                tolerate=self._tolerate,
                stamps=self._identity.annotations,
                guard=exclusion.check,
                outside=outside,
            )
            if self._guest:
                yield cluster
                return
            stack.callback(cluster.delete_all)
            if self._exclusive:
                stack.enter_context(exclusion.held())
            stack.enter_context(Heartbeat(client, cluster.ownership))
            yield cluster

    def invitation(self) -> Mapping[str, Any]:
        """Say how other processes of this run join the same cluster."""
        options = {
            "run": self._run,
            "kubeconfig": self._kubeconfig,
            "context": self._context,
            "image": self._image,
            "tolerate": self._tolerate,
            "outside": self._outside,
            "guest": True,
        }
        return {"cluster": "kubeconfig", "options": options}

    @property
    def _options(self) -> str:
        """What one types to have a command look at this cluster."""
        chosen = {"--kubeconfig": self._kubeconfig, "--context": self._context}
        given = [f"{option} {shlex.quote(value)}" for option, value in chosen.items() if value]
        return " ".join(["--cluster kubeconfig", *given])
