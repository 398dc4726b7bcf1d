"""Wait for pods to run and for objects to go, by watching; every wait has a deadline and says what it waited for."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import Any

from harness.cluster.kubernetes.client import ApiError, Client, ExpiredError
from harness.cluster.kubernetes.pod_state import is_running, obstacle, pod_addresses, service_addresses, summary
from harness.cluster.kubernetes.resources import EVENTS, PODS, SERVICES
from harness.errors import ClusterError
from harness.model.flow import Family

Object = dict[str, Any]
# Says how many seconds to wait at most until it is shown the objects again, changed or not; None: it is content.
Look = Callable[[Mapping[str, Object]], float | None]

# A connection that died unnoticed is replaced after this, and each new one costs the server a TLS handshake.
_WATCH_S = 10.0
_PAUSE_S = 0.1
_EVENTS = 5
_SHOWN = 5


def follow(client: Client, path: str, look: Look, end: float, query: Mapping[str, str] | None = None) -> bool:
    """Show `look` the objects of a collection by name, at first, at each change and when it asks, until it is content.

    Return False once the monotonic time `end` has passed. What `look` raises ends the wait.
    """
    while True:
        watched = _Watched(client, path, query or {})
        try:
            return _follow_on(watched, look, end)
        except ExpiredError:
            continue
        except ApiError as fault:
            # A server that restarts refuses watches first; listing has the patience that is needed.
            if not fault.is_transient:
                raise
            if time.monotonic() >= end:
                return False
            time.sleep(_PAUSE_S)


class _Watched:
    """A collection as it was listed, and what a watch said since."""

    def __init__(self, client: Client, path: str, selection: Mapping[str, str]) -> None:
        self._client = client
        self._path = path
        self._selection = selection
        listed = client.get(path, selection)
        self._version = str(listed["metadata"]["resourceVersion"])
        self.objects: dict[str, Object] = {item["metadata"]["name"]: item for item in listed.get("items") or ()}

    def events(self, timeout_s: float) -> Generator[Object, None, None]:
        return self._client.watch(self._path, {**self._selection, "resourceVersion": self._version}, timeout_s)

    def take(self, event: Object) -> None:
        item = event["object"]
        self._version = str(item["metadata"]["resourceVersion"])
        if event["type"] == "DELETED":
            self.objects.pop(item["metadata"]["name"], None)
        elif event["type"] != "BOOKMARK":
            self.objects[item["metadata"]["name"]] = item


def _follow_on(watched: _Watched, look: Look, end: float) -> bool:
    while (patience_s := look(watched.objects)) is not None:
        started = time.monotonic()
        if started >= end:
            return False
        until = min(end, started + min(patience_s, _WATCH_S))
        with contextlib.closing(watched.events(until - started)) as events:
            for event in events:
                watched.take(event)
                patience_s = look(watched.objects)
                if patience_s is None:
                    return True
                if time.monotonic() + patience_s < until:
                    break
        if time.monotonic() - started < _PAUSE_S:
            # A server that hangs up at once must not be asked a thousand times a second.
            time.sleep(_PAUSE_S)
    return True


def running_pods(client: Client, namespace: str, names: Sequence[str], end: float) -> dict[str, Mapping[Family, str]]:
    """Wait until the pods run, and return their addresses.

    Raises `ClusterError` with the pod's own events as soon as one cannot start, and when `end` has passed.
    """
    stuck_since: dict[tuple[str, str], float] = {}
    seen: dict[str, Object] = {}

    def look(objects: Mapping[str, Object]) -> float | None:
        seen.clear()
        patience_s = math.inf
        for name in names:
            if name not in objects:
                raise ClusterError("it was never applied, or is deleted", where=f"Pod/{namespace}/{name}")
            seen[name] = objects[name]
            found = obstacle(objects[name])
            if found is not None:
                since = stuck_since.setdefault((name, found.text), time.monotonic())
                left_s = since + found.patience_s - time.monotonic()
                if left_s <= 0:
                    raise ClusterError(found.text + evidence(client, objects[name]), where=f"Pod/{namespace}/{name}")
                patience_s = min(patience_s, left_s)
        return None if all(is_running(objects[name]) for name in names) else patience_s

    started = time.monotonic()
    if follow(client, PODS.collection(namespace), look, end):
        return {name: pod_addresses(seen[name]) for name in names}
    late = [name for name in names if name in seen and not is_running(seen[name])]
    states = "; ".join(f"{name} ({summary(seen[name])})" for name in late[:_SHOWN])
    raise ClusterError(
        f"waited {time.monotonic() - started:.1f} s for {len(late)} of {len(names)} pods to run: {states}"
        + (evidence(client, seen[late[0]]) if late else ""),
        where=f"Pod/{namespace}/{late[0]}" if late else f"namespace {namespace}",
    )


def placed_services(
    client: Client, namespace: str, names: Sequence[str], end: float
) -> dict[str, Mapping[Family, str]]:
    """Return the Services' cluster addresses, none for a headless one; the API gives them out at once."""
    found: dict[str, Mapping[Family, str]] = {}

    def look(objects: Mapping[str, Object]) -> float | None:
        for name in names:
            if name not in objects:
                raise ClusterError("it was never applied, or is deleted", where=f"Service/{namespace}/{name}")
            found[name] = service_addresses(objects[name])
        return None if all(objects[name]["spec"].get("clusterIP") for name in names) else math.inf

    if follow(client, SERVICES.collection(namespace), look, end):
        return found
    raise ClusterError(f"its Services got no address: {', '.join(names)}", where=f"namespace {namespace}")


def until_gone(client: Client, path: str, uids: Collection[str], end: float, query: Mapping[str, str]) -> None:
    """Wait until no object of a collection has any of these uids.

    Raises `ClusterError` that says what is still there, and what holds it.
    """
    left: list[Object] = []

    def look(objects: Mapping[str, Object]) -> float | None:
        left[:] = [item for item in objects.values() if item["metadata"]["uid"] in uids]
        return math.inf if left else None

    started = time.monotonic()
    if not follow(client, path, look, end, query):
        still = "; ".join(holding(item) for item in left[:_SHOWN])
        raise ClusterError(f"waited {time.monotonic() - started:.0f} s for it to be gone; still there: {still}")


def events_of(client: Client, namespace: str, kind: str, name: str) -> list[str]:
    """Return an object's last events, oldest first, warnings before all others; empty where they cannot be read."""
    selector = f"involvedObject.kind={kind},involvedObject.name={name}"
    try:
        listed = client.get(EVENTS.collection(namespace), {"fieldSelector": selector}).get("items") or []
    except ClusterError:
        return []
    listed.sort(key=lambda item: str(item.get("lastTimestamp") or item.get("eventTime") or ""))
    warnings = [item for item in listed if item.get("type") == "Warning"]
    return [f"{item.get('reason')}: {str(item.get('message', '')).strip()}" for item in (warnings or listed)[-_EVENTS:]]


def last_words(client: Client, namespace: str, name: str) -> list[str]:
    """Return the last lines that a pod's container wrote; empty where there are none."""
    path = f"{PODS.item(namespace, name)}/log"
    with contextlib.suppress(ClusterError):
        return client.text(path, {"tailLines": str(_EVENTS)}).splitlines()
    return []


def evidence(client: Client, pod: Object) -> str:
    """Return a pod's last events and last words, a line each; "" where there are none."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    lines = [f"event {line}" for line in events_of(client, namespace, "Pod", name)]
    lines += [f"it wrote {line}" for line in last_words(client, namespace, name)]
    return "".join(f"\n    {line}" for line in lines)


def holding(item: Mapping[str, Any]) -> str:
    """Name an object that does not go, with its finalizers and what the namespace controller says of it."""
    metadata = item["metadata"]
    reasons = [f"finalizer {name}" for name in metadata.get("finalizers") or ()]
    reasons += [
        str(condition.get("message"))
        for condition in (item.get("status") or {}).get("conditions") or ()
        if str(condition.get("type", "")).startswith("Namespace") and condition.get("status") == "True"
    ]
    where = f"{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"{where}{metadata['name']}" + (f" ({'; '.join(reasons)})" if reasons else "")
