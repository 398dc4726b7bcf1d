"""Open kind clusters: made for the occasion, or kept from an earlier one."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.cluster.agent_file import agent_source
from harness.cluster.kind import places
from harness.cluster.kind.construction import Site, phase
from harness.cluster.kind.programs import Programs
from harness.cluster.kind.spec import RUN_PREFIX, full_name, specify
from harness.cluster.kind.tool import find_kind
from harness.cluster.kind.vendor import cni_manifest
from harness.cluster.kubernetes.cluster import KubernetesCluster
from harness.cluster.kubernetes.detection import detect
from harness.cluster.kubernetes.identity import Identity
from harness.cluster.kubernetes.kubeconfig import open_client
from harness.cluster.kubernetes.probe_pods import DEFAULT_IMAGE
from harness.errors import HarnessError, InterruptedRunError
from harness.model.preflight import Check, CheckStatus


class KindProvider:
    """Opens a kind cluster: one of its own for a run, or one that is kept under a name.

    What it made it deletes on the way out, unless told to keep it; what it found it leaves. Its clusters are private,
    yet `private` is False: opening one takes a minute, so that a run opens one for all.
    """

    private = False

    def __init__(
        self,
        run: str | None = None,
        image: str | None = None,
        *,
        name: str | None = None,
        cni: str | None = None,
        kubernetes: str | None = None,
        nodes: int | None = None,
        ip_family: str | None = None,
        cni_manifest: str | None = None,
        image_archive: Sequence[str] | None = None,
        node_image: str | None = None,
        mirror: str | None = None,
        keep: bool = False,
        keep_failed: bool | None = None,
        cancelled: threading.Event | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Prepare, without starting anything. Raises `UsageError` for options that do not fit together.

        Without a name and unless it is kept, the cluster is this run's alone. `keep_failed` (default: as `keep`) says
        whether one that failed stays too. `cancelled` stops it; `tell` is told of every phase.
        """
        self._spec = specify(
            cni=cni,
            kubernetes=kubernetes,
            nodes=nodes,
            ip_family=ip_family,
            node_image=node_image,
            cni_manifest=cni_manifest,
            image_archive=image_archive,
            mirror=mirror,
        )
        self._run = run or secrets.token_hex(4)
        self.name = full_name(name) if name or keep else f"{RUN_PREFIX}{self._run}"
        self.image = image or os.environ.get("NETPOL_IMAGE") or DEFAULT_IMAGE
        self._keep = keep
        self._keep_failed = keep if keep_failed is None else keep_failed
        self._cancelled = cancelled or threading.Event()
        self._tell = tell or (lambda _: None)

    @property
    def kubeconfig(self) -> Path:
        """Where the cluster's kubeconfig lies for as long as there is the cluster."""
        return places.kubeconfig(self.name)

    def invitation(self) -> Mapping[str, Any]:
        """Say how other processes of this run join: by the cluster's kubeconfig, while this one holds its lock."""
        options = {"run": self._run, "kubeconfig": str(self.kubeconfig), "image": self.image, "guest": True}
        return {"cluster": "kubeconfig", "options": options}

    def phase(self, name: str) -> AbstractContextManager[None]:
        """Say what is being done with the cluster, and how long it took."""
        return phase(self._tell, self.name, name)

    def preflight(self) -> tuple[Check, ...]:
        """Look whether this machine can make clusters; of one that is to be, nothing more can be known."""
        try:
            kind = find_kind(Programs(self._cancelled))
        except HarnessError as fault:
            return (Check("kind", CheckStatus.FAILED, fault.what, fault.remedy),)
        version, engine = ".".join(map(str, kind.version)), kind.engine
        return (Check("kind", CheckStatus.OK, f"{version}, with {engine.name} for {engine.platform}"),)

    @contextmanager
    def open(self) -> Iterator[KubernetesCluster]:
        """Yield the cluster, once its nodes and its CNI are ready; whether it enforces anything is the canary's to say.

        Raises `EnvironmentMissingError` that says what to install, `ClusterError` for a phase that failed,
        `InterruptedRunError` when stopped.
        """
        programs = Programs(self._cancelled)
        # First all that costs nothing: a missing program or file must not show after a minute.
        kind = find_kind(programs)
        manifest = cni_manifest(self._spec, programs)
        if kind.is_newer_than_tried and self._spec.node_image:
            self._tell(f"note: kind {'.'.join(map(str, kind.version))} is newer than the node images known here\n")
        with places.locked(self.name) as lock:
            programs.held = lock
            site = Site(kind, self.name, self._spec, manifest, self._tell)
            is_made = not self._is_there(site)
            with self._leaving_nothing(site, is_made=is_made):
                # Of an existing one the archives may have changed.
                self.image = site.build(self.image) if is_made else site.load(self.image)
                with self._connected(site, stays=self._keep or not is_made) as cluster:
                    yield cluster

    def _is_there(self, site: Site) -> bool:
        """Tell whether the cluster can be taken up; what an earlier process of ours left unfinished is removed."""
        if self.name not in site.kind.clusters():
            return False
        if site.resume():
            self._tell(f"{self.name}: exists already\n")
            return True
        site.demolish()
        return False

    @contextmanager
    def _leaving_nothing(self, site: Site, *, is_made: bool) -> Iterator[None]:
        """Delete what was made, as far as it is not to be kept; a failure's logs are collected first."""
        stays = self._keep or not is_made
        try:
            yield
        except HarnessError as fault:
            stays = not is_made or (self._keep_failed and not isinstance(fault, InterruptedRunError))
            if is_made and not isinstance(fault, InterruptedRunError):
                site.explain(fault)
            if is_made and stays:
                fault.remedy = f"{fault.remedy}; the cluster stays: netpol-harness cluster down --name {self.name}"
            raise
        except BaseException:
            stays = not is_made
            raise
        finally:
            if not stays:
                site.demolish()

    @contextmanager
    def _connected(self, site: Site, *, stays: bool) -> Iterator[KubernetesCluster]:
        client = open_client(str(site.kubeconfig))
        identity = Identity.of_now(self._run, os.environ)
        try:
            known = detect(client, private=True)
            notes = (site.cni.note,) if site.cni and site.cni.note else ()
            cluster = KubernetesCluster(
                client,
                replace(known, kind="kind", notes=(*known.notes, *notes)),
                identity.labels,
                image=self.image,
                agent=agent_source().read_text(),
                stamps=identity.annotations,
            )
            try:
                yield cluster
            finally:
                # One that is deleted takes all that is in it along, and faster.
                if stays:
                    cluster.delete_all()
        finally:
            client.close()
