"""A machine with a `kind` and a `docker` of the tests' own: they note what they are asked, and misbehave on request."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from harness.cluster.kind.provider import KindProvider
from tests.unit.kubernetes.server import Answer, Server

# Both keep what they know in $FAKE: a folder a container, and for each misbehaviour a file named after the call.
_COMMON = """\
#!/bin/sh
printf '%s %s\\n' "${0##*/}" "$*" >>"$FAKE/calls"
# hang: it never ends. fail: it says this and ends with 1. once: so it does, the first time.
misbehave() {
    if [ -e "$FAKE/$1.hang" ]; then echo $$ >"$FAKE/$1.pid"; exec sleep 600; fi
    if [ -e "$FAKE/$1.once" ]; then cat "$FAKE/$1.once" >&2; rm "$FAKE/$1.once"; exit 1; fi
    if [ -e "$FAKE/$1.fail" ]; then cat "$FAKE/$1.fail" >&2; exit 1; fi
}
"""
_KIND = f"""{_COMMON}
misbehave "kind-$1"
while [ $# -gt 0 ]; do case $1 in
    --name) name=$2; shift ;;
    --kubeconfig) kubeconfig=$2; shift ;;
    --config) cp "$2" "$FAKE/config"; shift ;;
    --image) shift ;;
    *) words="$words $1" ;;
esac; shift; done
case $words in
" version --quiet") echo "${{FAKE_KIND_VERSION:-v0.33.0}}" ;;
" get clusters --quiet") ls "$FAKE/clusters" ;;
" get kubeconfig") cat "$FAKE/kubeconfig" ;;
" create cluster --retain")
    mkdir -p "$FAKE/clusters/$name"
    misbehave made
    touch "$FAKE/clusters/$name/$name-control-plane" "$FAKE/clusters/$name/$name-worker"
    misbehave booted
    cp "$FAKE/kubeconfig" "$kubeconfig" ;;
" delete cluster") [ -e "$FAKE/kind-delete.deaf" ] || rm -rf "$FAKE/clusters/$name" "$kubeconfig" ;;
" load image-archive"*) misbehave loaded; test -e "${{words##* }}" ;;
" export logs"*) echo "a log" >"${{words##* }}/kubelet.log" ;;
*) echo "fake kind knows nothing of:$words" >&2; exit 1 ;;
esac
"""
_DOCKER = f"""{_COMMON}
misbehave "docker-$1"
case $1 in
version) echo linux/amd64 ;;
ps) cluster=${{4##*=}}; [ ! -d "$FAKE/clusters/$cluster" ] || ls "$FAKE/clusters/$cluster" ;;
rm) shift 3; for container in "$@"; do [ -e "$FAKE/docker-rm.deaf" ] || rm -f "$FAKE"/clusters/*/"$container"; done ;;
image) [ -e "$FAKE/images" ] && grep -qx "$3" "$FAKE/images" ;;
pull) echo "$4" >>"$FAKE/images" ;;
tag) echo "$3" >>"$FAKE/images" ;;
save) misbehave saved; touch "$3" ;;
exec)
    shift; [ "$1" != --interactive ] || shift
    case "$2" in
    ctr) cat "$FAKE/node-images" 2>/dev/null || true ;;
    kubectl) cat >"$FAKE/applied"; misbehave applied ;;
    esac ;;
*) echo "fake docker knows nothing of: $*" >&2; exit 1 ;;
esac
"""

_KUBECONFIG = """\
{{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"contexts": [{{"name": "c", "context": {{"cluster": "c", "user": "u"}}}}], "users": [{{"name": "u", "user": {{}}}}],
"clusters": [{{"name": "c", "cluster": {{"server": "http://127.0.0.1:{port}"}}}}]}}
"""


class Machine:
    """What the programs were asked, what they are to do wrong, and the API server of the clusters that they make."""

    def __init__(self, folder: Path, api: KindApi, port: int) -> None:
        self.folder = folder
        self.api = api
        self.programs = folder / "bin"
        (folder / "clusters").mkdir()
        self.programs.mkdir()
        for name, text in (("kind", _KIND), ("docker", _DOCKER)):
            self.install(name, text)
        (folder / "kubeconfig").write_text(_KUBECONFIG.format(port=port))

    def install(self, name: str, text: str) -> None:
        """Put a program on PATH."""
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def let(self, call: str, how: str, text: str = "") -> None:
        """Let a call go wrong: `hang`, `fail`, fail `once`, or be `deaf`."""
        (self.folder / f"{call}.{how}").write_text(f"{text}\n")

    @property
    def calls(self) -> list[str]:
        """What was asked so far, in order."""
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def clusters(self) -> list[str]:
        """The clusters that exist, whole or in parts."""
        return sorted(path.name for path in (self.folder / "clusters").iterdir())

    def left(self) -> list[str]:
        """What is left behind: clusters, kubeconfigs and locks."""
        state = self.folder / "state" / "netpol-harness"
        return self.clusters + sorted(path.name for path in state.iterdir()) if state.exists() else self.clusters

    def await_file(self, name: str) -> str:
        """Wait until a program has written a file, and return what is in it."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if (self.folder / name).exists() and (text := (self.folder / name).read_text()):
                return text
            threading.Event().wait(0.01)
        raise AssertionError(f"nobody wrote {name}; calls: {self.calls}")

    def provider(self, **options: Any) -> KindProvider:
        """Return a provider that is told what to make, with a probe image that every node has."""
        return KindProvider(run="r1", image="example/probe:1", **options)


class KindApi(Server):
    """The API of a kind cluster with two nodes, whose CNI does as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes = [_node("n-control-plane", tainted=True), _node("n-worker")]
        self.daemon_sets = [daemon_set("kindnet", ready=2)]
        self.pods: list[dict[str, Any]] = []

    def _get(self, path: str, body: Any) -> Answer:
        lists = {
            "/api/v1/nodes": self.nodes,
            "/apis/apps/v1/daemonsets": self.daemon_sets,
            "/api/v1/pods": self.pods,
            "/apis": [],
        }
        if path in lists:
            return Answer(200, {"metadata": {"resourceVersion": "1"}, "items": lists[path]})
        if path == "/version":
            return Answer(200, {"gitVersion": "v1.37.0"})
        if path.endswith("/daemonsets"):
            return Answer(200, {"items": self.daemon_sets if "/kube-system/" in path else []})
        return super()._get(path, body)

    def _patch(self, path: str, body: Any) -> Answer:
        if path.startswith("/api/v1/nodes/"):
            for node in self.nodes:
                if path.endswith(node["metadata"]["name"]):
                    node["spec"].update(body["spec"])
            return Answer(200, {})
        return super()._patch(path, body)


def daemon_set(name: str, *, ready: int, wanted: int = 2) -> dict[str, Any]:
    """Build a DaemonSet that is ready on some of the nodes."""
    status = {"numberReady": ready, "updatedNumberScheduled": wanted, "desiredNumberScheduled": wanted}
    return {
        "metadata": {"name": name, "generation": 1},
        "spec": {"template": {"spec": {"containers": [{"image": f"example/{name}:v1.2.3"}]}}},
        "status": {**status, "observedGeneration": 1},
    }


def _node(name: str, *, tainted: bool = False) -> dict[str, Any]:
    taints = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}] if tainted else []
    return {
        "metadata": {"name": name},
        "spec": {"podCIDRs": ["198.51.100.0/24"], "taints": taints},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


@contextmanager
def machine(folder: Path, setenv: Callable[[str, str], None]) -> Iterator[Machine]:
    """Yield a machine whose programs come first on PATH and whose folders are all below `folder`."""
    api = KindApi()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    # Else the threads of connections that the client keeps open would be waited for.
    http.daemon_threads = True
    thread = threading.Thread(target=lambda: http.serve_forever(0.02))
    thread.start()
    try:
        built = Machine(folder, api, http.server_port)
        setenv("PATH", f"{built.programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
        for name, value in (
            ("FAKE", folder),
            ("XDG_STATE_HOME", folder / "state"),
            ("XDG_CACHE_HOME", folder / "cache"),
            ("TMPDIR", folder),
        ):
            setenv(name, str(value))
        (folder / "node-images").write_text("registry.example/example/probe:1\n")
        yield built
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def _handler(api: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            import json  # noqa: PLC0415

            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            answer = api.request(
                self.command,
                self.path,
                {"Content-Type": self.headers.get("Content-Type") or ""},
                json.loads(text) if text else None,
            )
            body = b"" if "watch=1" in self.path else answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
