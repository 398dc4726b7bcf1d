"""An API server in memory, below the client's HTTP: enough to see what is asked of it, and in which words."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubernetes.client.configuration import Configuration

from harness.cluster.kubernetes.client import Client


class Answer:
    """What urllib3 would return: a status, headers, and a body that is read once or in parts."""

    connection = None

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.reason = "for no reason"
        self.headers = dict(headers or {})
        self._parts = [body] if isinstance(body, bytes) else [json.dumps(body).encode()]
        self.response = self

    def read(self, **_: object) -> bytes:
        """Return all of it."""
        return b"".join(self._parts)

    def read1(self) -> bytes:
        """Return what has come."""
        return self._parts.pop() if self._parts else b""

    def close(self) -> None:
        """Nothing is open."""

    def release_conn(self) -> None:
        """Nothing is held."""


REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
# What is listed without being asked for by name.
COLLECTIONS = ("pods", "namespaces", "services", "networkpolicies", "nodes", "leases", "daemonsets")


class Server:
    """Keeps objects by path. `script` holds answers and exceptions that go before what it would say by itself.

    `documents` are answers to a GET by path, dicts or `Answer`s; `denied` are pairs of verb and resource, as kubectl
    writes it, that reviews say no to; `refusals` are answers to writes, by method and path; `tried` and
    `tried_on_node` are answers to dry runs of any pod, and of one on the node's network.
    """

    def __init__(self, *objects: Mapping[str, Any]) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, Any] = {}
        self.denied: set[tuple[str, str]] = set()
        self.refusals: dict[tuple[str, str], Answer] = {}
        self.tried: Answer | None = None
        self.tried_on_node: Answer | None = None
        self.asked: list[tuple[str, str, dict[str, list[str]], Any]] = []
        self.content_types: list[str] = []
        self.script: list[Answer | Exception] = []
        self._uids = itertools.count(1)
        self._versions = itertools.count(1)
        self._lock = threading.Lock()
        for item in objects:
            self._store(f"/api/v1/namespaces/{item['metadata']['name']}", item)

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Method and path of everything that would change something."""
        return [(method, path) for method, path, _, _ in self.asked if method != "GET"]

    def client(self, patience_s: float = 5.0) -> Client:
        """Return a client of this server that never sleeps."""
        return Client(Configuration(host="https://192.0.2.1"), patience_s, rest=self, sleep=lambda _: None)

    def request(self, method: str, url: str, headers: Mapping[str, str], body: Any, **_: Any) -> Answer:
        """Answer one call."""
        with self._lock:
            parts = urlsplit(url)
            self.asked.append((method, parts.path, parse_qs(parts.query), body))
            self.content_types.append(headers["Content-Type"])
            if self.script:
                said = self.script.pop(0)
                if isinstance(said, Exception):
                    raise said
                return said
            if (method, parts.path) in self.refusals:
                return self.refusals[method, parts.path]
            if "dryRun" in parse_qs(parts.query):
                on_node = body["spec"].get("hostNetwork")
                return self.tried or (on_node and self.tried_on_node) or Answer(201, body)
            methods = {
                "GET": self._get,
                "POST": self._post,
                "PATCH": self._patch,
                "PUT": self._put,
                "DELETE": self._delete,
            }
            return methods[method](parts.path, body)

    def close(self) -> None:
        """Nothing is open."""

    def _get(self, path: str, _: Any) -> Answer:
        if path in self.documents:
            said = self.documents[path]
            return said if isinstance(said, Answer) else Answer(200, said)
        if path in self.objects:
            return Answer(200, self.objects[path])
        if path.rpartition("/")[2] in COLLECTIONS:
            items = [item for key, item in self.objects.items() if key.rpartition("/")[0] == path]
            return Answer(200, {"metadata": {"resourceVersion": "1"}, "items": items})
        return refused(404, "NotFound", f"{path} not found")

    def _post(self, path: str, body: Any) -> Answer:
        if path == REVIEWS:
            asked = body["spec"]["resourceAttributes"]
            resource = "/".join(asked[key] for key in ("resource", "subresource") if key in asked)
            name = f"{resource}.{asked['group']}" if "group" in asked else resource
            return Answer(201, {"status": {"allowed": (asked["verb"], name) not in self.denied}})
        path = f"{path}/{body['metadata']['name']}"
        if path in self.objects:
            return refused(409, "AlreadyExists", "it already exists")
        return Answer(201, self._store(path, body))

    def _patch(self, path: str, body: Any) -> Answer:
        return Answer(200, self._store(path, body))

    def _put(self, path: str, body: Any) -> Answer:
        seen = self.objects[path]["metadata"]["resourceVersion"] if path in self.objects else None
        if body["metadata"].get("resourceVersion") != seen:
            return refused(409, "Conflict", "it was changed")
        return Answer(200, self._store(path, body))

    def _delete(self, path: str, _: Any) -> Answer:
        gone = [key for key in self.objects if key == path or key.startswith(f"{path}/")]
        for key in gone:
            del self.objects[key]
        return Answer(200, {"kind": "Status"}) if gone else refused(404, "NotFound", "not found")

    def _store(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        uid = self.objects[path]["metadata"]["uid"] if path in self.objects else f"uid-{next(self._uids)}"
        version = str(next(self._versions))
        self.objects[path] = {**body, "metadata": {**body["metadata"], "uid": uid, "resourceVersion": version}}
        return self.objects[path]


def refused(status: int, reason: str, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    """Return an API server's refusal."""
    return Answer(status, {"kind": "Status", "reason": reason, "message": message, **more}, headers)
