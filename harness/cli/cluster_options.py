"""Options that say which cluster, and what one made by kind is made of."""

from __future__ import annotations

import argparse


def add_cluster(parser: argparse._ActionsContainer) -> None:
    """Add what says which cluster."""
    parser.add_argument(
        "--cluster",
        default="local",
        metavar="NAME",
        help="local (the default: embedded), kubeconfig (any cluster) or kind (made for it)",
    )
    parser.add_argument("--kubeconfig", metavar="FILE", help="the kubeconfig (default: as kubectl finds it)")
    parser.add_argument("--context", metavar="NAME", help="the context in it (default: its current one)")
    parser.add_argument("--image", metavar="IMAGE", help="the probe pods' image: any with Python 3.9 or newer")
    parser.add_argument(
        "--outside", metavar="NETNS", help="where externals live: a network namespace here that leads to the nodes"
    )


def add_kind(parser: argparse._ActionsContainer) -> None:
    """Add what a cluster made by kind is made of; None is said nothing, so that other clusters can refuse the rest."""
    parser.add_argument("--name", metavar="NAME", help="keep it under this name, or use the one kept under it")
    parser.add_argument("--cni", metavar="CNI", help="calico, cilium or kindnet (the default)")
    parser.add_argument("--kubernetes", metavar="VERSION", help="its version, as 1.36 (default: kind's own)")
    parser.add_argument("--nodes", type=int, metavar="N", help="control plane and workers together (default: 2)")
    parser.add_argument("--ip-family", metavar="FAMILY", help="ipv4 (the default), ipv6 or dual")
    parser.add_argument(
        "--cni-manifest", metavar="FILE", help="the CNI's manifest or chart, in place of the pinned one"
    )
    parser.add_argument(
        "--image-archive", action="append", metavar="FILE", help="load the images of this archive; repeatable"
    )
    parser.add_argument("--node-image", metavar="IMAGE", help="kind's node image, in place of the pinned one")
    parser.add_argument("--mirror", metavar="BASE", help="a folder or address that has the pinned files, by name")
