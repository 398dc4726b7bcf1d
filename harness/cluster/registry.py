"""Clusters by name: a dotted path each, imported on use, so that a missing library hurts only its user."""

from __future__ import annotations

import difflib
import importlib
import inspect
from typing import Any, cast

from harness.cluster.interface import ClusterProvider
from harness.errors import UsageError

CLUSTERS: dict[str, str] = {
    "local": "harness.cluster.local.provider:LocalProvider",
    "kubeconfig": "harness.cluster.kubernetes.provider:KubeconfigProvider",
}


def open_provider(name: str, **options: Any) -> ClusterProvider:
    """Build the provider called `name`; `options` that are not None go to it as they are.

    Raises `UsageError` for a name that nobody registered, and for an option that this provider does not know.
    """
    if name not in CLUSTERS:
        close = difflib.get_close_matches(name, CLUSTERS, n=1)
        raise UsageError(
            f"no cluster is called {name!r}; known: {', '.join(CLUSTERS)}",
            remedy=f"did you mean {close[0]!r}?" if close else None,
        )
    module, _, attribute = CLUSTERS[name].partition(":")
    provider = getattr(importlib.import_module(module), attribute)
    chosen = {option: value for option, value in options.items() if value is not None}
    for option in chosen:
        if option not in inspect.signature(provider).parameters:
            raise UsageError(f"--{option.replace('_', '-')} means nothing to --cluster {name}", remedy="leave it out")
    return cast(ClusterProvider, provider(**chosen))
