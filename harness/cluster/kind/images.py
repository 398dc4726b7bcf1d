"""The probe image and the archives, on every node: a pod must not have to pull."""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.cluster.kind.tool import Kind

_DIGEST = re.compile(r"[0-9a-f]{64}")


def load_archives(kind: Kind, cluster: str, archives: Sequence[Path]) -> None:
    """Load the archives that the user gave, but for those whose very images all nodes have already."""
    nodes = kind.engine.nodes(cluster) if archives else ()
    stocks = [(_listed(kind, node), _listed(kind, node, "content")) for node in nodes]
    for archive in archives:
        contents = contents_of(archive)
        if not contents or not stocks or not all(_has(stock, contents) for stock in stocks):
            kind.load(cluster, archive)


def contents_of(archive: Path) -> Mapping[str, str]:
    """Return the digest of each image in an archive by its name; nothing where that cannot be told without unpacking.

    As `docker save` writes them: manifest.json names the configuration, and the file of that is called by its digest.
    """
    found: dict[str, str] = {}
    try:
        with tarfile.open(archive, "r:") as opened:
            file = opened.extractfile("manifest.json")
            for image in json.load(file) if file is not None else ():
                digest = _DIGEST.search(image["Config"])
                if digest is None or not image["RepoTags"]:
                    return {}
                found.update(dict.fromkeys(image["RepoTags"], f"sha256:{digest[0]}"))
    except (OSError, KeyError, TypeError, ValueError, tarfile.TarError):
        return {}
    return found


def _has(stock: tuple[Sequence[str], Sequence[str]], contents: Mapping[str, str]) -> bool:
    names, blobs = stock
    return all(is_listed(name, names) and digest in blobs for name, digest in contents.items())


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


def _listed(kind: Kind, node: str, what: str = "images") -> list[str]:
    return kind.engine.inside(node, "ctr", "--namespace=k8s.io", what, "list", "--quiet").output.split()
