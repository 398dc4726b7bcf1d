"""From nothing to a cluster that carries pods, phase by phase; a failure leaves nothing behind but its logs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.cluster.kind import images, ledger, places
from harness.cluster.kind.faults import last_words
from harness.cluster.kind.readiness import Readiness
from harness.cluster.kind.spec import Spec, configuration
from harness.cluster.kind.tool import Kind
from harness.cluster.kind.vendor import CniManifest
from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.kubeconfig import open_client
from harness.errors import ClusterError, HarnessError

Tell = Callable[[str], None]

_KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf")
# A custom resource cannot be applied in the moment in which its definition is: then everything is applied again.
_APPLY_TRIES = 5
_APPLY_PAUSE_S = 2.0


@dataclass
class Site:
    """One kind cluster, existing or to be; the caller holds its lock."""

    kind: Kind
    name: str
    spec: Spec
    cni: CniManifest | None
    tell: Tell

    @property
    def kubeconfig(self) -> Path:
        """Where its kubeconfig lies, nobody else's in it."""
        return places.kubeconfig(self.name)

    @property
    def record(self) -> dict[str, str]:
        """What it is made of, for `ledger`."""
        return dict(self.spec.record(self.cni.source if self.cni else ""))

    def build(self, image: str) -> str:
        """Build the cluster and return the name that its nodes know the probe image by. Raises `ClusterError`."""
        mark = places.unfinished(self.name)
        mark.touch()
        with self.phase("create"), tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(configuration(self.spec))
            file.flush()
            self.kind.create(self.name, Path(file.name), self.kubeconfig, self.spec.node_image)
        known = self.load(image)
        with closing(open_client(str(self.kubeconfig))) as client:
            if self.cni is not None:
                with self.phase(f"install {self.spec.cni}"):
                    self._install(self.cni.text)
            self._await(client)
            ledger.write(client, self.record)
        mark.unlink()
        return known

    def load(self, image: str) -> str:
        """Load the archives and the probe image, and return the name that the nodes know that by."""
        with self.phase("load images"):
            images.load_archives(self.kind, self.name, self.spec.archives)
            return images.load_image(self.kind, self.name, image)

    def resume(self) -> bool:
        """Take up an existing cluster; False for one whose builder was killed.

        Raises `ClusterError` for one that does not answer, or that is not what is asked for.
        """
        if places.unfinished(self.name).exists():
            return False
        self.kind.write_kubeconfig(self.name, self.kubeconfig)
        where = f"kind cluster {self.name}"
        with closing(open_client(str(self.kubeconfig))) as client:
            try:
                found = ledger.read(client)
            except ClusterError as fault:
                raise ClusterError(
                    f"it exists, but its API server does not answer: {fault.what}", where=where, remedy=self._down
                ) from fault
        if found is None:
            # Perhaps being built by another user, whose lock we do not see.
            raise ClusterError("it exists, but nothing in it says that it was finished", where=where, remedy=self._down)
        if differing := ledger.differences(found, self.record):
            raise ClusterError(
                f"it exists already, with {differing}", where=where, remedy=f"{self._down}, or choose another --name"
            )
        return True

    def demolish(self) -> None:
        """Delete the cluster and its files. Raises `ClusterError` where something stays."""
        with self.phase("delete"):
            self.kind.delete(self.name, self.kubeconfig)
            places.forget(self.name)

    def explain(self, fault: HarnessError) -> None:
        """Collect the cluster's logs, and let the fault say where they are."""
        folder = Path(tempfile.gettempdir(), f"{self.name}-logs")
        with self.phase("collect logs"):
            has_some = self.kind.export_logs(self.name, folder)
        if has_some:
            told = f"logs are in {folder}"
            fault.remedy = f"{fault.remedy}; {told}" if fault.remedy else told

    def phase(self, name: str) -> AbstractContextManager[None]:
        """Say what is being done, and how long it took."""
        return phase(self.tell, self.name, name)

    # -- phases --------------------------------------------------------------------

    def _install(self, manifest: bytes) -> None:
        """Apply the CNI's manifest with the node's own kubectl, which every node image has."""
        (control_plane, *_) = self.kind.engine.nodes(self.name)
        apply = (*_KUBECTL, "apply", "--server-side", "--force-conflicts", "--filename=-")
        said = ""
        for number in range(_APPLY_TRIES):
            if number:
                time.sleep(_APPLY_PAUSE_S)
            with tempfile.TemporaryFile() as file:
                file.write(manifest)
                file.seek(0)
                done = self.kind.engine.inside(control_plane, *apply, stdin=file)
            if done.status == 0:
                return
            said = done.errors
            if "no matches for kind" not in said:
                break
        raise ClusterError(
            f"the manifest of {self.spec.cni} was refused: {last_words(said)}",
            where=f"kind cluster {self.name}",
            remedy="a manifest for this Kubernetes version may be needed: --cni-manifest FILE",
        )

    def _await(self, client: Client) -> None:
        ready = Readiness(client, self.name, self.kind.programs.check)
        with self.phase("nodes ready"):
            ready.await_nodes(self.spec.nodes)
            ready.open_control_plane()
        with self.phase(f"{self.spec.cni} ready"):
            ready.await_cni(self.spec.recipe.daemon_set, self.spec.nodes)

    @property
    def _down(self) -> str:
        return f"netpol-harness cluster down --name {self.name}"


@contextmanager
def phase(tell: Tell, cluster: str, name: str) -> Iterator[None]:
    """Say what is being done, and then how long it took."""
    started = time.monotonic()
    tell(f"{cluster}: {name} ... ")
    ending = "given up after "
    try:
        yield
        ending = ""
    finally:
        tell(f"{ending}{time.monotonic() - started:.1f} s\n")
