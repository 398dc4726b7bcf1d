"""What kind and container engines say when they fail, in one sentence with a remedy. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.errors import ClusterError, EnvironmentMissingError

INSTALL_KIND = "install kind (its quick start page has the binaries), and see that `kind version` answers"
INSTALL_ENGINE = "install docker or podman, and see that `docker info` answers"


@dataclass(frozen=True, slots=True)
class Sign:
    """A text that gives a cause away; `missing` says that the machine lacks something before anything was tried."""

    pattern: str
    what: str
    remedy: str
    missing: bool = False


# The first that fits counts: what is more telling comes first.
SIGNS: tuple[Sign, ...] = (
    Sign(
        r"permission denied.{0,80}(docker|podman).{0,40}sock",
        "this user may not talk to the container engine",
        "run as root, or join the group docker: usermod -aG docker USER, and log in again",
        missing=True,
    ),
    Sign(
        r"cannot connect to (the docker daemon|podman)|is the docker daemon running|unable to connect to podman"
        r"|docker daemon is not running|error during connect",
        "the container engine is installed, but does not answer",
        "start it: systemctl start docker, or Docker Desktop, or podman machine start",
        missing=True,
    ),
    Sign(
        r"no space left on device|disk quota exceeded",
        "the disk is full",
        "make room where the container engine keeps its data: docker system df, docker system prune",
    ),
    Sign(
        r"node\(s\) already exist for a cluster with the name",
        "a kind cluster of this name exists already",
        "delete it with `netpol-harness cluster down`, or choose another --name",
    ),
    Sign(
        r"port is already allocated|address already in use|ports are not available",
        "a port that kind chose for the API server was taken, twice",
        "see who listens: ss -ltnp; then try again",
    ),
    Sign(
        r"failed to pull image|pull access denied|manifest unknown|manifest for .{1,200} not found"
        r"|no such image|toomanyrequests|reference does not exist",
        "an image is neither here nor can it be pulled",
        "pull it where there is network, docker save it, docker load it here; or name another",
    ),
    Sign(
        r"too many open files|inotify",
        "this machine allows too few inotify watches for another node",
        "sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288",
    ),
    Sign(
        r"rootless provider requires|requires cgroup v2",
        "a rootless container engine here cannot run kind's nodes",
        "give it cgroup v2 with delegation (kind's page on rootless), or run the engine as root",
        missing=True,
    ),
    Sign(
        r"could not find a log line that matches",
        "a node's container started, but its system did not boot",
        "often cgroups, or an image of another architecture: see the logs",
    ),
    Sign(
        r"failed to (init|join) node with kubeadm",
        "Kubernetes did not start inside a node",
        "often too little memory or a node image that this kind cannot use: see the logs",
    ),
)


def is_taken_port(said: str) -> bool:
    """Tell whether a port was taken between its choice and its use: another try chooses another."""
    return re.search(SIGNS[4].pattern, said, re.IGNORECASE) is not None


def explained(said: str, *, doing: str, where: str) -> ClusterError:
    """Return an error that names the cause in what a program said, or else the program's own last words."""
    for sign in SIGNS:
        if re.search(sign.pattern, said, re.IGNORECASE | re.DOTALL):
            kind = EnvironmentMissingError if sign.missing else ClusterError
            return kind(f"{doing} failed: {sign.what} ({last_words(said)})", where=where, remedy=sign.remedy)
    return ClusterError(f"{doing} failed: {last_words(said)}", where=where, remedy="see what the program says by hand")


def last_words(said: str, longest: int = 240) -> str:
    """Return the line that says most: kind's ERROR, else the last that is not empty."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if not lines:
        return "it said nothing"
    errors = [line for line in lines if re.match(r"error\b", line, re.IGNORECASE)]
    line = " ".join((errors or lines)[-1].split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
