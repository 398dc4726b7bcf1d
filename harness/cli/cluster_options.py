"""Options that say which cluster, and what one made by kind is made of."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from harness.cluster.options import OF_ANY, OF_KIND, ClusterOption


def add_cluster(parser: argparse._ActionsContainer) -> None:
    """Add what says which cluster."""
    parser.add_argument(
        "--cluster",
        default="local",
        metavar="NAME",
        help="local (the default: embedded), kubeconfig (any cluster) or kind (made for it)",
    )
    _add(parser, OF_ANY)


def add_kind(parser: argparse._ActionsContainer) -> None:
    """Add what a cluster made by kind is made of; None is said nothing, so that other clusters can refuse the rest."""
    _add(parser, OF_KIND)


def _add(parser: argparse._ActionsContainer, options: Sequence[ClusterOption]) -> None:
    how: dict[str, dict[str, Any]] = {"string": {}, "number": {"type": int}, "list": {"action": "append"}}
    for option in options:
        parser.add_argument(f"--{option.name}", metavar=option.metavar, help=option.about, **how[option.kind])
