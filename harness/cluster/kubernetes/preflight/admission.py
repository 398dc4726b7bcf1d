"""Whether the API server would take a run's pods: asked by dry runs in a namespace of the run's own."""

from __future__ import annotations

import contextlib
import secrets
from typing import Any

from harness import manifests
from harness.cluster.kubernetes.client import ApiError, Client
from harness.cluster.kubernetes.identity import Identity
from harness.cluster.kubernetes.ownership import Ownership
from harness.cluster.kubernetes.probe_pods import runnable
from harness.cluster.kubernetes.resources import NAMESPACES, PODS
from harness.errors import ClusterError
from harness.model.preflight import Check, CheckStatus
from harness.model.topology import Listener, Pod

Object = dict[str, Any]

_QUERY = {"dryRun": "All", "fieldValidation": "Strict"}
_LEVEL = "pod-security.kubernetes.io/enforce"
_NAME = "Pod Security"


def admission(client: Client, identity: Identity, image: str) -> list[Check]:
    """Make a namespace, ask for a probe pod in it and for one on the node's network, and delete it again.

    Admission looks at the namespace, so that one of others would not tell. Its deletion is not waited for.
    """
    ownership = Ownership(client, identity.labels, identity.annotations)
    # Several processes may be one run (pytest-xdist), and each looks for itself.
    name = f"np-{identity.run}-preflight-{secrets.token_hex(2)}"
    try:
        ownership.claim(name)
    except ClusterError as fault:
        remedy = "a run needs namespaces of its own: see the permissions, quotas and webhooks for namespaces"
        return [Check("namespaces", CheckStatus.FAILED, f"none can be made: {fault.what}", remedy)]
    try:
        return _tried(client, name, image)
    finally:
        with contextlib.suppress(ClusterError):
            client.call("DELETE", NAMESPACES.item("", name))


def _tried(client: Client, namespace: str, image: str) -> list[Check]:
    refused = _refusal(client, namespace, image, host_network=False)
    if refused is not None and _is_unasked(refused):
        text = f"not known, for a webhook answers no dry run: {refused.what}"
        return [Check(_NAME, CheckStatus.NOTE, text, "the canary's pods will show it")]
    if refused is not None:
        remedy = (
            "probe pods keep the restricted level; what refuses them is a policy of this cluster: exempt namespaces"
        )
        label = next(f"{key}: {value}" for key, value in manifests.MANAGED_BY.items())
        return [Check(_NAME, CheckStatus.FAILED, f"probe pods are refused: {refused.what}", f"{remedy} with {label}")]
    on_node = _refusal(client, namespace, image, host_network=True)
    if on_node is None:
        return [Check(_NAME, CheckStatus.OK, "probe pods are admitted, on the node's network too (level privileged)")]
    level = "restricted" if "restricted:" in on_node.what else "baseline" if "baseline:" in on_node.what else "unknown"
    return [
        Check(_NAME, CheckStatus.OK, f"probe pods are admitted (level {level})"),
        Check(
            _NAME,
            CheckStatus.NOTE,
            f"pods on the node's network are refused: {on_node.what}",
            f"scenarios with hostNetwork need namespaces with labels: {{{_LEVEL}: privileged}}",
        ),
    ]


def _refusal(client: Client, namespace: str, image: str, *, host_network: bool) -> ApiError | None:
    """Return why the server would not take a pod, None if it would."""
    pod = Pod(namespace, "preflight", listeners=(Listener(8080),), host_network=host_network)
    try:
        client.call("POST", PODS.collection(namespace), _QUERY, runnable(manifests.pod(pod, namespace), image))
    except ApiError as fault:
        return fault
    return None


def _is_unasked(refused: ApiError) -> bool:
    """Tell whether it was the dry run that was refused, and not the pod."""
    return refused.status == 400 and "dry" in refused.what.lower()
