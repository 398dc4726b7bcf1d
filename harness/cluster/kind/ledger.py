"""What a kind cluster of ours was made of, written down in the cluster itself, so that it can be used again."""

from __future__ import annotations

from collections.abc import Mapping

from harness.cluster.kubernetes.client import APPLY_PATCH, Client
from harness.cluster.kubernetes.resources import CONFIG_MAPS
from harness.manifests import MANAGED_BY

NAMESPACE = "kube-system"
NAME = "netpol-harness-cluster"
_QUERY = {"fieldManager": "netpol-harness", "force": "true"}


def write(client: Client, record: Mapping[str, str]) -> None:
    """Write down what the cluster is made of: from now on it is finished."""
    client.call(
        "PATCH",
        CONFIG_MAPS.item(NAMESPACE, NAME),
        _QUERY,
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": NAMESPACE, "name": NAME, "labels": dict(MANAGED_BY)},
            "data": dict(record),
        },
        APPLY_PATCH,
    )


def read(client: Client) -> Mapping[str, str] | None:
    """Return what the cluster is made of, None for one that was never finished."""
    found = client.find(CONFIG_MAPS.item(NAMESPACE, NAME))
    return None if found is None else {str(key): str(value) for key, value in (found.get("data") or {}).items()}


def differences(found: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Say how a cluster differs from the one that is asked for, "" where it does not."""
    return ", ".join(
        f"{key} {found.get(key) or 'of kind'} instead of {value or 'of kind'}"
        for key, value in wanted.items()
        if found.get(key, "") != value
    )
