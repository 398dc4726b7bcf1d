"""The container engine behind kind: docker or podman."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.cluster.kind.faults import INSTALL_ENGINE, explained
from harness.cluster.kind.programs import Done, Programs
from harness.errors import ClusterError, EnvironmentMissingError, UsageError

# kind's own variable; what it names is taken without looking further.
CHOICE = "KIND_EXPERIMENTAL_PROVIDER"
ENGINES = ("docker", "podman")
# kind marks the containers of a cluster with this label.
_LABEL = "io.x-k8s.kind.cluster"
# The platform that nodes run on, as each engine calls it.
_PLATFORM = {
    "docker": ("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"),
    "podman": ("version", "--format", "{{.Client.OsArch}}"),
}
_PULL_S = 600.0
_SAVE_S = 300.0


@dataclass(frozen=True)
class Engine:
    """A container engine that answers; `platform` is that of its nodes, such as linux/amd64."""

    programs: Programs
    name: str
    platform: str

    def nodes(self, cluster: str) -> list[str]:
        """Return the containers of a kind cluster, running or not, the control plane first."""
        done = self._run("ps", "--all", "--filter", f"label={_LABEL}={cluster}", "--format", "{{.Names}}")
        if done.status != 0:
            raise explained(done.said, doing="listing containers", where=self.name)
        return sorted(done.output.split(), key=lambda name: ("control-plane" not in name, name))

    def remove(self, containers: list[str]) -> None:
        """Remove containers by force; what is gone is gone."""
        self._run("rm", "--force", "--volumes", *containers)

    def has(self, image: str) -> bool:
        """Tell whether the engine has an image."""
        return self._run("image", "inspect", image).status == 0

    def pull(self, image: str) -> None:
        """Pull an image for the nodes' platform. Raises `ClusterError`."""
        done = self.programs.run([self.name, "pull", "--platform", self.platform, image], deadline_s=_PULL_S)
        if done.status != 0:
            raise explained(done.said, doing=f"pulling {image}", where=self.name)

    def tag(self, image: str, name: str) -> None:
        """Give an image another name."""
        self.programs.succeed([self.name, "tag", image, name], doing=f"naming {image}", where=self.name)

    def save(self, image: str, file: Path) -> None:
        """Write an image of one platform into an archive.

        An archive of all platforms would refer to layers that were never pulled, which `kind load` trips over (kind
        issues 3795 and 4224).
        """
        command = [self.name, "save", "--output", str(file)]
        done = self.programs.run([*command, "--platform", self.platform, image], deadline_s=_SAVE_S)
        if done.status != 0 and re.search(r"unknown flag|requires API version", done.errors):
            # docker before 28 (client or daemon) and podman: their stores hold one platform of an image.
            done = self.programs.run([*command, image], deadline_s=_SAVE_S)
        if done.status != 0:
            raise explained(done.said, doing=f"saving {image}", where=self.name)

    def inside(self, node: str, *command: str, stdin: IO[bytes] | None = None) -> Done:
        """Run a command inside a node."""
        interactive = () if stdin is None else ("--interactive",)
        return self.programs.run([self.name, "exec", *interactive, node, *command], stdin=stdin, deadline_s=120.0)

    def _run(self, *arguments: str) -> Done:
        # Part of cleaning up as well: done to the end.
        return self.programs.run([self.name, *arguments], stoppable=False)


def find_engine(programs: Programs) -> Engine:
    """Return the engine that kind will use: the one its variable names, else docker, else podman.

    Raises `EnvironmentMissingError` where there is none or it does not answer, and `UsageError` for one never tried.
    """
    chosen = os.environ.get(CHOICE)
    if chosen and chosen not in ENGINES:
        raise UsageError(f"{chosen} was never tried here", where=CHOICE, remedy=f"set it to {' or '.join(ENGINES)}")
    present = [name for name in ((chosen,) if chosen else ENGINES) if shutil.which(name)]
    if not present:
        raise EnvironmentMissingError(
            f"kind needs a container engine, and there is no {chosen or 'docker and no podman'} on PATH",
            where="kind cluster",
            remedy=INSTALL_ENGINE,
        )
    faults: list[ClusterError] = []
    for name in present:
        done = programs.run([name, *_PLATFORM[name]], deadline_s=30.0, install=INSTALL_ENGINE)
        if done.status == 0 and "/" in done.output:
            programs.environment = {**programs.environment, CHOICE: name}
            return Engine(programs, name, done.output.strip())
        faults.append(explained(done.said, doing=f"asking {name}", where="kind cluster"))
    raise faults[0]
