"""Service accounts with the role that `rbac` prints, or with a verb less, and what they wrote by the audit log."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.kubeconfig import open_client
from harness.cluster.kubernetes.preflight.permissions import NEEDS, Need, role

_PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{name}/serviceaccounts",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}


@dataclass(frozen=True)
class Account:
    """A service account; `kubeconfig` leads to the cluster as it, `admin` is a client of somebody who may do all."""

    name: str
    kubeconfig: Path
    admin: Client

    @property
    def user(self) -> str:
        """How the API server calls it."""
        return f"system:serviceaccount:{self.name}:{self.name}"

    def client(self) -> Client:
        """Return a client that is this account."""
        return open_client(str(self.kubeconfig))

    def grant(self, needs: Sequence[Need]) -> None:
        """Give it these rights and no others."""
        (granted,) = [item for item in _documents(self.name, needs) if item["kind"] == "ClusterRole"]
        path = f"{_PATHS['ClusterRole']}/{self.name}"
        version = self.admin.get(path)["metadata"]["resourceVersion"]
        granted["metadata"]["resourceVersion"] = version
        self.admin.call("PUT", path, None, granted)


@contextmanager
def account(admin_kubeconfig: str, folder: Path) -> Iterator[Account]:
    """Make a service account of its own name with the role that `rbac` prints; nothing of it stays."""
    name = f"np-account-{secrets.token_hex(3)}"
    admin = open_client(admin_kubeconfig)
    made: list[str] = []
    try:
        for item in _documents(name, NEEDS):
            path = _PATHS[item["kind"]].format(name=name)
            admin.call("POST", path, None, item)
            made.append(f"{path}/{name}")
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600},
        }
        token = admin.call("POST", f"{made[1]}/token", None, request)["status"]["token"]
        kubeconfig = folder / "account.kubeconfig"
        kubeconfig.write_text(_as_account(admin_kubeconfig, token))
        yield Account(name, kubeconfig, admin)
    finally:
        for path in reversed(made):
            admin.call("DELETE", path)
        admin.close()


def writes_of(user: str, log: Path, since: int) -> list[dict[str, Any]]:
    """Return what a user has asked the API server to write since the log had `since` bytes, as it was recorded."""
    with log.open("rb") as file:
        file.seek(since)
        events = [json.loads(line) for line in file.read().splitlines() if line.endswith(b"}")]
    return [event for event in events if event["user"]["username"] == user]


def _documents(name: str, needs: Sequence[Need]) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(role(name, name, needs)))


def _as_account(admin_kubeconfig: str, token: str) -> str:
    config = yaml.safe_load(Path(admin_kubeconfig).read_text())
    for user in config["users"]:
        user["user"] = {"token": token}
    return yaml.safe_dump(config)
