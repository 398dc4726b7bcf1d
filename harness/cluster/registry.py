"""Clusters by name: a dotted path each, imported on use, so that a missing library hurts only its user."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping
from typing import Any, cast

from harness.cluster.interface import ClusterProvider
from harness.errors import UsageError

CLUSTERS: dict[str, str] = {
    "local": "harness.cluster.local.provider:LocalProvider",
    "kubeconfig": "harness.cluster.kubernetes.provider:KubeconfigProvider",
    "kind": "harness.cluster.kind.provider:KindProvider",
}


def open_provider(name: str, offered: Mapping[str, Any] | None = None, /, **options: Any) -> ClusterProvider:
    """Build the provider called `name`; `options` that are not None go to it as they are.

    What is `offered` goes only to a provider that takes it: a way to be stopped, an ear for its progress.

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
    known = inspect.signature(provider).parameters
    for option in chosen:
        if option not in known:
            raise UsageError(f"--{option.replace('_', '-')} means nothing to --cluster {name}", remedy="leave it out")
    return cast(
        ClusterProvider, provider(**chosen, **{key: item for key, item in (offered or {}).items() if key in known})
    )
