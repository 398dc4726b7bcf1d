"""The probe image and the archives, on every node: a pod must not have to pull."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.cluster.kind.tool import Kind


def load_archives(kind: Kind, cluster: str, archives: Sequence[Path]) -> None:
    """Load the archives that the user gave."""
    for archive in archives:
        kind.load(cluster, archive)


def load_image(kind: Kind, cluster: str, image: str) -> str:
    """See that every node has `image`, and return the name that pods find it by.

    What all nodes have already, from an archive or baked in, is left alone. Else the engine's own copy is loaded,
    pulled first where there is none. Raises `ClusterError` where it cannot be had.
    """
    engine = kind.engine
    if all(is_listed(image, _listed(kind, node)) for node in engine.nodes(cluster)):
        return image
    if not engine.has(image):
        engine.pull(image)
    name = loadable(image)
    if name != image:
        engine.tag(image, name)
    with tempfile.TemporaryDirectory(prefix="netpol-harness-") as folder:
        archive = Path(folder, "probe-image.tar")
        engine.save(name, archive)
        kind.load(cluster, archive)
    return name


def loadable(image: str) -> str:
    """Return a name under which an image survives an archive: one by digest would arrive without any name."""
    name, _, digest = image.partition("@sha256:")
    if not digest:
        return image
    return f"netpol-harness/{name.rpartition('/')[2].partition(':')[0]}:{digest[:12]}"


def is_listed(image: str, names: Sequence[str]) -> bool:
    """Tell whether an image is among a node's, which knows images by their full names."""
    has_tag = ":" in image.rpartition("/")[2]
    wanted = image if has_tag or "@" in image else f"{image}:latest"
    return any(name == wanted or name.endswith(f"/{wanted}") for name in names)


def _listed(kind: Kind, node: str) -> list[str]:
    return kind.engine.inside(node, "ctr", "--namespace=k8s.io", "images", "list", "--quiet").output.split()
