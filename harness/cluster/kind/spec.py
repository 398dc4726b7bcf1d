"""The cluster that is asked for, and the configuration that makes kind build it. Pure, but for looking at the files."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cluster.kind.recipes import CNIS, NODE_IMAGES, POD_SUBNETS, IpFamily, Recipe
from harness.errors import UsageError

PREFIX = "netpol"
# A cluster of one run, deleted with it; a name that nobody has to choose and no two runs share.
RUN_PREFIX = f"{PREFIX}-run-"
# A node's host name is this, `-control-plane`, and may have 63 characters.
_LONGEST_NAME = 48
_MOST_NODES = 20


@dataclass(frozen=True, slots=True)
class Spec:
    """A kind cluster to be; None leaves the choice to kind."""

    cni: str
    nodes: int
    family: IpFamily
    node_image: str | None = None
    cni_manifest: Path | None = None
    archives: tuple[Path, ...] = ()
    mirror: str | None = None

    @property
    def recipe(self) -> Recipe:
        """How its CNI is installed."""
        return CNIS[self.cni]

    def record(self, cni_source: str) -> Mapping[str, str]:
        """Return what must be equal for an existing cluster to stand in for this one."""
        return {
            "cni": self.cni,
            "cniSource": cni_source,
            "nodes": str(self.nodes),
            "nodeImage": self.node_image or "",
            "ipFamily": str(self.family),
        }


def specify(
    *,
    cni: str | None = None,
    kubernetes: str | None = None,
    nodes: int | None = None,
    ip_family: str | None = None,
    node_image: str | None = None,
    cni_manifest: str | None = None,
    image_archive: Sequence[str] | None = None,
    mirror: str | None = None,
) -> Spec:
    """Build a spec from options. Raises `UsageError` for what does not exist or does not fit together."""
    chosen = _one_of("--cni", cni or "kindnet", list(CNIS))
    family = IpFamily(_one_of("--ip-family", ip_family or IpFamily.IPV4, list(IpFamily)))
    count = 2 if nodes is None else nodes
    if not 1 <= count <= _MOST_NODES:
        raise UsageError(f"{count} nodes", where="--nodes", remedy=f"1 to {_MOST_NODES}; 2 show cross-node flows")
    if chosen == "kindnet" and cni_manifest:
        raise UsageError("kindnet comes with kind and takes no manifest", where="--cni-manifest", remedy="leave it out")
    if kubernetes and node_image:
        raise UsageError("both say which Kubernetes", where="--kubernetes and --node-image", remedy="leave one out")
    return Spec(
        cni=chosen,
        nodes=count,
        family=family,
        node_image=node_image or (image_for(kubernetes) if kubernetes else None),
        cni_manifest=_file("--cni-manifest", cni_manifest) if cni_manifest else None,
        archives=tuple(_file("--image-archive", item) for item in image_archive or ()),
        mirror=mirror,
    )


def image_for(version: str) -> str:
    """Return the pinned node image of a Kubernetes version, given as 1.36 or 1.36.4. Raises `UsageError`."""
    number = version.removeprefix("v")
    minor = ".".join(number.split(".")[:2])
    image = NODE_IMAGES.get(minor)
    if image is None or (number != minor and f":v{number}@" not in image):
        pinned = ", ".join(image.partition(":")[2].partition("@")[0] for image in NODE_IMAGES.values())
        raise UsageError(
            f"no node image is pinned for Kubernetes {version}; pinned: {pinned}",
            where="--kubernetes",
            remedy="name an image yourself: --node-image kindest/node:vVERSION@sha256:...",
        )
    return image


def full_name(name: str | None) -> str:
    """Return the kind cluster's name for the one that a person gave, None standing for the default.

    What the harness makes is known by its prefix, so that it never touches what it did not make. Raises `UsageError`.
    """
    given = name or PREFIX
    full = given if given == PREFIX or given.startswith(f"{PREFIX}-") else f"{PREFIX}-{given}"
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", full) or len(full) > _LONGEST_NAME:
        raise UsageError(
            f"{given!r} cannot name a cluster",
            where="--name",
            remedy=f"lower-case letters, digits and dashes, at most {_LONGEST_NAME - len(PREFIX) - 1}",
        )
    return full


def is_ours(name: str) -> bool:
    """Tell whether a kind cluster bears a name that only the harness gives."""
    return name == PREFIX or name.startswith(f"{PREFIX}-")


def configuration(spec: Spec) -> str:
    """Return the configuration for `kind create cluster --config`: JSON, which is YAML too."""
    networking: dict[str, Any] = {"ipFamily": str(spec.family), "podSubnet": POD_SUBNETS[spec.family]}
    if spec.cni != "kindnet":
        networking["disableDefaultCNI"] = True
    roles = ["control-plane", *["worker"] * (spec.nodes - 1)]
    document = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": networking,
        "nodes": [{"role": role} for role in roles],
    }
    return json.dumps(document, indent=1)


def _one_of(option: str, value: str, known: list[str]) -> str:
    if value in known:
        return value
    close = difflib.get_close_matches(value, known, n=1)
    raise UsageError(
        f"{value!r} is unknown; known: {', '.join(known)}",
        where=option,
        remedy=f"did you mean {close[0]!r}?" if close else None,
    )


def _file(option: str, path: str) -> Path:
    """Return the path of a file that can be read; a typing mistake must not cost a minute first."""
    file = Path(path).expanduser()
    try:
        with file.open("rb"):
            return file.absolute()
    except OSError as fault:
        raise UsageError(f"{path} cannot be read: {fault.strerror}", where=option, remedy="name a file") from fault
