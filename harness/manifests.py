"""Model to Kubernetes objects, as plain dicts ready to apply.

Pure. Names given here are the real, run-unique ones. The pod that is built passes the
restricted Pod Security level; its agent finds its script at `AGENT_PATH`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.model.scenario import ObjectRef
from harness.model.topology import External, Listener, Namespace, NodeChoice, Pod, Service

MANAGED_BY = {"app.kubernetes.io/managed-by": "netpol-harness"}
RUN_LABEL = "netpol-harness.example.org/run"
# Who started the run: as a label in the letters that labels may have, as an annotation in full.
OWNER_LABEL = "netpol-harness.example.org/owner"
# Which process of the run made it: each deletes its own, for others may not be done yet.
PROCESS = "netpol-harness.example.org/process"
# When the run is over at the latest, an RFC 3339 instant: an annotation, for a label may hold no colon.
EXPIRES = "netpol-harness.example.org/expires"
EXTERNAL_API, EXTERNAL = "netpol-harness/v1", "External"
AGENT_PATH = "/agent/agent.py"
AGENT_CONTAINER = "agent"
# Without what a Python looks for of its user's and its site's: a third of the time that it takes to start.
AGENT_COMMAND = ("python3", "-I", "-S", AGENT_PATH)

Object = dict[str, Any]


def namespace(spec: Namespace, name: str, marks: Mapping[str, str]) -> Object:
    """Build the namespace called `name`; `marks` are the run's own labels."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {**spec.labels, **marks, "kubernetes.io/metadata.name": name}},
    }


def pod(spec: Pod, namespace: str, node: NodeChoice | None = None) -> Object:
    """Build the probe pod of `spec` in the namespace called `namespace`, with what the scheduler is told of `node`."""
    body: Object = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": AGENT_CONTAINER,
                "command": [*AGENT_COMMAND, "serve"],
                "args": agent_arguments(f"{namespace}/{spec.name}", spec.listeners),
                "ports": _container_ports(spec.listeners),
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "resources": {
                    "requests": {"cpu": "5m", "memory": "24Mi"},
                    "limits": {"memory": "128Mi"},
                },
            }
        ],
    }
    if spec.host_network:
        body["hostNetwork"] = True
    if node is not None:
        body["affinity"] = {"nodeAffinity": _node_affinity(node)}
    if not spec.ready:
        # A gate that nobody ever sets: the pod runs and never becomes ready.
        body["readinessGates"] = [{"conditionType": "netpol-harness.example.org/never"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": spec.name, "labels": dict(spec.labels)},
        "spec": body,
    }


def service(spec: Service, namespace: str) -> Object:
    """Build the ClusterIP Service of `spec` in the namespace called `namespace`."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": spec.name, "labels": dict(MANAGED_BY)},
        "spec": {
            "selector": dict(spec.selector),
            "ipFamilyPolicy": "PreferDualStack",
            "ports": [
                {
                    "name": port.name or f"{port.port}-{port.protocol.lower()}",
                    "port": port.port,
                    "targetPort": port.target_port,
                    "protocol": str(port.protocol),
                }
                for port in spec.ports
            ],
        },
    }


def external(spec: External, name: str | None = None) -> Object:
    """Build our own kind `External`, called `name` if given, which clusters with `Capabilities.externals` take.

    Its agent has the author's name: two of them that differ in nothing but `name` may be one host.
    """
    return {
        "apiVersion": EXTERNAL_API,
        "kind": EXTERNAL,
        "metadata": {"name": name or spec.name},
        "spec": {
            "addresses": {str(family): address for family, address in spec.addresses.items()},
            "args": agent_arguments(spec.name, spec.listeners),
        },
    }


def agent_arguments(name: str, listeners: tuple[Listener, ...]) -> list[str]:
    """Return the agent's arguments: who it says it is, and what it listens on."""
    arguments = ["--name", name]
    for listener in listeners:
        arguments += ["--listen", f"{listener.port}/{listener.protocol}"]
    return arguments


def ref(manifest: Mapping[str, Any]) -> ObjectRef:
    """Return the reference of an object built here or written by an author."""
    metadata = manifest["metadata"]
    return ObjectRef(manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def _node_affinity(node: NodeChoice) -> Object:
    # By the node's own name, as the DaemonSet controller does: its hostname label may say something else.
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node.name]}]}
    if node.required:
        return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": term}]}


def _container_ports(listeners: tuple[Listener, ...]) -> list[Object]:
    return [
        {"containerPort": listener.port, "protocol": str(listener.protocol)}
        | ({"name": listener.name} if listener.name else {})
        for listener in listeners
        if listener.declared
    ]
