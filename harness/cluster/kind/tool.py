"""The `kind` program: what it is asked to do, and what its answers mean."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from harness.cluster.kind.engine import Engine, find_engine
from harness.cluster.kind.faults import INSTALL_KIND, explained, is_taken_port, last_words
from harness.cluster.kind.programs import Programs
from harness.cluster.kind.recipes import NEWEST_KIND, OLDEST_KIND
from harness.errors import ClusterError, EnvironmentMissingError

# A node image of 1 GB over a slow line, and kubeadm on a loaded machine.
_CREATE_S = 900.0
_LOAD_S = 300.0
_DELETE_S = 120.0
_LOGS_S = 120.0
# How long nodes may come back, how often they must be seen gone, and how far apart.
_LATE_S = 60.0
_LOOKS = 2
_LOOK_S = 0.5


@dataclass(frozen=True)
class Kind:
    """kind, of a version that will do, with an engine that answers; `patience_s` is for nodes that come late."""

    programs: Programs
    engine: Engine
    version: tuple[int, int]
    patience_s: float = _LATE_S

    @property
    def is_newer_than_tried(self) -> bool:
        """Whether the node images' digests belong to an older release of kind."""
        return self.version > NEWEST_KIND

    def clusters(self) -> list[str]:
        """Return the names of all kind clusters, others' included."""
        done = self.programs.run(["kind", "get", "clusters", "--quiet"], stoppable=False)
        if done.status != 0:
            raise explained(done.said, doing="listing kind clusters", where="kind")
        return done.output.split()

    def create(self, name: str, configuration: Path, kubeconfig: Path, node_image: str | None) -> None:
        """Create a cluster; a taken port is tried once more. What came of a failure stays, for its logs.

        Never with --wait: without its CNI no node gets ready, and the wait would only use up its time.
        """
        command = ["kind", "create", "cluster", "--name", name, "--config", str(configuration)]
        command += ["--kubeconfig", str(kubeconfig), "--retain", *(("--image", node_image) if node_image else ())]
        done = self.programs.run(command, deadline_s=_CREATE_S)
        if done.status != 0 and is_taken_port(done.said):
            self.delete(name, kubeconfig)
            done = self.programs.run(command, deadline_s=_CREATE_S)
        if done.status != 0:
            raise explained(done.said, doing="creating the cluster", where=f"kind cluster {name}")

    def load(self, name: str, archive: Path) -> None:
        """Load an image archive into every node."""
        done = self.programs.run(["kind", "load", "image-archive", str(archive), "--name", name], deadline_s=_LOAD_S)
        if done.status != 0:
            raise explained(done.said, doing=f"loading {archive.name}", where=f"kind cluster {name}")

    def write_kubeconfig(self, name: str, file: Path) -> None:
        """Write the cluster's kubeconfig, readable for its owner alone."""
        done = self.programs.run(["kind", "get", "kubeconfig", "--name", name])
        if done.status != 0:
            raise explained(done.said, doing="asking for its kubeconfig", where=f"kind cluster {name}")
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(done.output)

    def export_logs(self, name: str, folder: Path) -> bool:
        """Collect what the nodes logged; best effort, tell whether there is anything."""
        folder.mkdir(parents=True, exist_ok=True)
        command = ["kind", "export", "logs", str(folder), "--name", name]
        with contextlib.suppress(ClusterError):
            self.programs.run(command, deadline_s=_LOGS_S, stoppable=False)
        if any(folder.iterdir()):
            return True
        folder.rmdir()
        return False

    def delete(self, name: str, kubeconfig: Path) -> None:
        """Delete a cluster and see that it is gone; an absent one is. Not to be stopped. Raises `ClusterError`."""
        command = ["kind", "delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig)]
        said = self.programs.run(command, deadline_s=_DELETE_S, stoppable=False).said
        end, looks = time.monotonic() + self.patience_s, 0
        # A slow engine still makes the nodes that an interrupted `kind create` asked for: seen to come back after they
        # were removed, on a loaded machine. Gone are those that are gone twice.
        while looks < _LOOKS and time.monotonic() < end:
            left = self.engine.nodes(name)
            looks = 0 if left else looks + 1
            if left:
                self.engine.remove(left)
            if looks < _LOOKS:
                time.sleep(_LOOK_S)
        if left := self.engine.nodes(name):
            raise ClusterError(
                f"it could not be deleted ({last_words(said)}); still there: {', '.join(left)}",
                where=f"kind cluster {name}",
                remedy=f"{self.engine.name} rm --force --volumes {' '.join(left)}",
            )


def find_kind(programs: Programs) -> Kind:
    """Return kind with its engine. Raises `EnvironmentMissingError` that says what to install."""
    if shutil.which("kind") is None:
        raise EnvironmentMissingError("there is no kind on PATH", where="kind cluster", remedy=INSTALL_KIND)
    done = programs.run(["kind", "version", "--quiet"], deadline_s=30.0, install=INSTALL_KIND)
    found = re.search(r"(\d+)\.(\d+)", done.output)
    if done.status != 0 or found is None:
        raise EnvironmentMissingError(
            f"`kind version` does not say one: {last_words(done.said)}", where="kind cluster", remedy=INSTALL_KIND
        )
    version = (int(found[1]), int(found[2]))
    if version < OLDEST_KIND:
        raise EnvironmentMissingError(
            f"kind {found[0]} is older than {OLDEST_KIND[0]}.{OLDEST_KIND[1]}",
            where="kind cluster",
            remedy=INSTALL_KIND,
        )
    return Kind(programs, find_engine(programs), version)
