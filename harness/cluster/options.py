"""What a command or a test session may say about a cluster: one table, for the command line and for pytest.

Each goes to the provider under its own name, which refuses what it does not know. Imports nothing: every run of pytest
on a machine with the plugin reads this table.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class ClusterOption(NamedTuple):
    """One thing to say; of a `list` there may be several."""

    name: str
    metavar: str
    about: str
    kind: Literal["string", "number", "list"] = "string"


OF_ANY = (
    ClusterOption("kubeconfig", "FILE", "the kubeconfig (default: as kubectl finds it)"),
    ClusterOption("context", "NAME", "the context in it (default: its current one)"),
    ClusterOption("image", "IMAGE", "the probe pods' image: any with Python 3.9 or newer"),
    ClusterOption("outside", "NETNS", "where externals live: a network namespace here that leads to the nodes"),
)
OF_KIND = (
    ClusterOption("name", "NAME", "keep it under this name, or use the one kept under it"),
    ClusterOption("cni", "CNI", "calico, cilium or kindnet (the default)"),
    ClusterOption("kubernetes", "VERSION", "its version, as 1.36 (default: kind's own)"),
    ClusterOption("nodes", "N", "control plane and workers together (default: 2)", "number"),
    ClusterOption("ip-family", "FAMILY", "ipv4 (the default), ipv6 or dual"),
    ClusterOption("cni-manifest", "FILE", "the CNI's manifest or chart, in place of the pinned one"),
    ClusterOption("image-archive", "FILE", "load the images of this archive; repeatable", "list"),
    ClusterOption("node-image", "IMAGE", "kind's node image, in place of the pinned one"),
    ClusterOption("mirror", "BASE", "a folder or address that has the pinned files, by name"),
)
