"""The Pod that `harness.manifests` builds, made to run on any cluster.

Pure. What is added keeps the restricted Pod Security level, and adds no label: the author's policies would see it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import PurePosixPath
from typing import Any

from harness.manifests import AGENT_CONTAINER, AGENT_PATH, MANAGED_BY

Object = dict[str, Any]

# Any image with a Python 3.9 or newer serves; nc and curl are needed by the engines of these names alone.
# The digest is that of the index for all platforms. Checked: several unrelated public repositories pin it for this tag.
DEFAULT_IMAGE = "python:3.13.15-slim-trixie@sha256:8d9d0b8bcf6506481eae4907c18f5e3e7902e629f5f6d684f9e7c32e85e3ddf0"
SCRIPT = "netpol-harness-agent"

_NEVER = "netpol-harness.example.org/never"
_FOLDER, _FILE = str(PurePosixPath(AGENT_PATH).parent), PurePosixPath(AGENT_PATH).name
_EVERY_TAINT: Sequence[Mapping[str, str]] = ({"operator": "Exists"},)


def is_probe_pod(manifest: Mapping[str, Any]) -> bool:
    """Tell whether a manifest is a pod of ours, whose agent has no image yet."""
    containers = manifest.get("spec", {}).get("containers") or []
    return manifest.get("kind") == "Pod" and any(
        container.get("name") == AGENT_CONTAINER and "image" not in container for container in containers
    )


def runnable(manifest: Mapping[str, Any], image: str, *, tolerate: bool = False) -> Object:
    """Return the pod with an image, its script, and a place to go; the same pod gives the same answer each time.

    With `tolerate` it goes to tainted nodes too. A pod that names no node is spread evenly, as far as there is room.
    """
    pod = deepcopy(dict(manifest))
    spec = pod["spec"]
    spec["volumes"] = [*spec.get("volumes", ()), {"name": SCRIPT, "configMap": {"name": SCRIPT}}]
    for container in spec["containers"]:
        if container["name"] == AGENT_CONTAINER:
            container["image"] = image
            container["imagePullPolicy"] = "IfNotPresent"
            container["volumeMounts"] = [
                *container.get("volumeMounts", ()),
                {"name": SCRIPT, "mountPath": _FOLDER, "readOnly": True},
            ]
    if not spec.get("hostNetwork"):
        # A safe sysctl, allowed at the restricted level: port 53 without being root. A node's own stays as it is.
        security = spec.setdefault("securityContext", {})
        security["sysctls"] = [
            *security.get("sysctls", ()),
            {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"},
        ]
    if "affinity" not in spec and "topologySpreadConstraints" not in spec:
        spec["topologySpreadConstraints"] = [_spread()]
    if tolerate:
        spec["tolerations"] = [*spec.get("tolerations", ()), *(dict(item) for item in _EVERY_TAINT)]
    return pod


def script(namespace: str, source: str) -> Object:
    """Build the ConfigMap that carries the agent into `namespace`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": SCRIPT, "labels": dict(MANAGED_BY)},
        "data": {_FILE: source},
    }


def agent_name(pod: Mapping[str, Any]) -> str | None:
    """Return the name that the pod's agent answers by, None for a pod without an agent."""
    for container in pod.get("spec", {}).get("containers") or ():
        arguments = container.get("args") or []
        if container.get("name") == AGENT_CONTAINER and "--name" in arguments[:-1]:
            return str(arguments[arguments.index("--name") + 1])
    return None


def _spread() -> Object:
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        # A node without room must not keep a pod waiting: then two of them are neighbours.
        "whenUnsatisfiable": "ScheduleAnyway",
        # All pods of its namespace, whatever their labels; the scheduler takes an empty selector to mean none.
        "labelSelector": {"matchExpressions": [{"key": _NEVER, "operator": "DoesNotExist"}]},
        "nodeTaintsPolicy": "Honor",
    }
