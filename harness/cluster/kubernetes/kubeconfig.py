"""From a kubeconfig to a client."""

from __future__ import annotations

import os
from pathlib import Path

from harness.cluster.kubernetes.client import Client
from harness.errors import ClusterError


def open_client(kubeconfig: str | None = None, context: str | None = None) -> Client:
    """Open what a kubeconfig names: the one given, else $KUBECONFIG, else ~/.kube/config, else the pod we run in.

    The file is never written. Raises `ClusterError` for a file or context that cannot be used.
    """
    import urllib3  # noqa: PLC0415 - comes with the client
    from kubernetes.client.configuration import Configuration  # noqa: PLC0415 - 0.4 s, paid by who opens a cluster
    from kubernetes.config import ConfigException, load_incluster_config, load_kube_config  # noqa: PLC0415

    configuration = Configuration()
    path = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    is_there = any(Path(part).expanduser().exists() for part in path.split(os.pathsep) if part)
    try:
        if not kubeconfig and not is_there and "KUBERNETES_SERVICE_HOST" in os.environ:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            load_kube_config(path, context, configuration, persist_config=False)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError, ValueError, KeyError, TypeError) as fault:
        raise ClusterError(
            f"this kubeconfig cannot be used: {fault}", where=path, remedy="see: kubectl config get-contexts"
        ) from fault
    if not configuration.verify_ssl:
        # The kubeconfig's owner decided so; a warning a connection would bury what we have to say.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return Client(configuration)
