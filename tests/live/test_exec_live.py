"""The exec transport against a real API server, kubelet and container runtime."""

from __future__ import annotations

import hashlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from harness.cluster.agent_file import agent_source
from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.exec_channel import ExecChannel
from harness.cluster.kubernetes.exec_stream import STDERR, STDOUT, ExecStream, StreamEndedError, open_exec
from harness.cluster.kubernetes.exit_status import ExitStatus
from harness.cluster.kubernetes.handshake import V4, V5, exec_target
from harness.cluster.kubernetes.kubeconfig import open_client
from harness.cluster.kubernetes.link import Keepalive
from harness.cluster.kubernetes.probe_pods import DEFAULT_IMAGE
from harness.cluster.kubernetes.refusals import ApiError
from harness.errors import ChannelClosedError, ClusterError
from harness.model.flow import Endpoint
from harness.probing.session import AgentSession
from harness.probing.wire import ProbeRequest

pytestmark = pytest.mark.cluster

IMAGE = os.environ.get("NETPOL_IMAGE") or DEFAULT_IMAGE
NAME, CONTAINER = "shop/web", "agent"
READY_S = 60.0
ENDS_S = 30.0

Opener = Callable[..., ExecStream]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of the cluster."""
    opened = open_client(os.environ["NETPOL_KUBECONFIG"])
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def namespace(client: Client) -> Iterator[str]:
    """A namespace of our own with the agent's file in it; gone afterwards."""
    name = f"exec-live-{uuid.uuid4().hex[:8]}"
    client.call("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    file = {"metadata": {"name": "agent"}, "data": {"agent.py": agent_source().read_text()}}
    client.call("POST", f"/api/v1/namespaces/{name}/configmaps", body=file)
    yield name
    client.call("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="module")
def pod(client: Client, namespace: str) -> str:
    """A pod whose agent serves."""
    return _start(client, namespace, "web")


@pytest.fixture
def start(client: Client, namespace: str, pod: str) -> Iterator[Opener]:
    """Return a function that starts a command in the pod."""
    opened: list[ExecStream] = []
    threads = set(threading.enumerate())

    def opener(
        *command: str, pod: str = pod, container: str = CONTAINER, keepalive: Keepalive | None = None
    ) -> ExecStream:
        target = exec_target(client.configuration, client.headers())
        stream = open_exec(
            target, namespace, pod, container, command, stdin=True, connect_timeout_s=10, keepalive=keepalive
        )
        opened.append(stream)
        return stream

    yield opener
    for stream in opened:
        stream.close()
    assert set(threading.enumerate()) - threads == set()


def _start(client: Client, namespace: str, name: str) -> str:
    serve = ["python3", "/agent/agent.py", "serve", "--name", NAME, "--listen", "8080/TCP"]
    container = {
        "name": CONTAINER,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": serve,
        "volumeMounts": [{"name": "agent", "mountPath": "/agent"}],
    }
    spec = {
        "containers": [container],
        "volumes": [{"name": "agent", "configMap": {"name": "agent"}}],
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
    }
    client.call("POST", f"/api/v1/namespaces/{namespace}/pods", body={"metadata": {"name": name}, "spec": spec})
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        status = client.get(f"/api/v1/namespaces/{namespace}/pods/{name}")["status"]
        if status.get("phase") == "Running":
            return name
        time.sleep(0.2)
    raise TimeoutError(f"pod {namespace}/{name} does not run in {READY_S:g} s: {status}")


def _all(stream: ExecStream) -> tuple[bytes, bytes]:
    """Return stdout and stderr up to the end."""
    output = {STDOUT: b"", STDERR: b""}
    until = time.monotonic() + ENDS_S
    try:
        while time.monotonic() < until:
            channel, data = stream.receive(1.0) or (STDOUT, b"")
            output[channel] += data
    except StreamEndedError:
        return output[STDOUT], output[STDERR]
    raise TimeoutError(f"no end in {ENDS_S:g} s")


def _attached(start: Opener) -> int:
    """Return how many `attach` run in the pod."""
    code = (
        "import glob; print(sum(b'attach' in open(p, 'rb').read().split(b'\\0') for p in glob.glob('/proc/*/cmdline')))"
    )
    return int(_all(start("python3", "-c", code))[0])


def test_output_channels_and_status_are_the_commands(start: Opener) -> None:
    """Bytes that are no UTF-8 come as they are, stderr apart, and the number is the command's own."""
    stream = start("sh", "-c", r"printf 'out\377\000'; printf err >&2; exit 3")

    assert (stream.protocol, _all(stream)) == (V5, (b"out\xff\x00", b"err"))
    assert stream.exit_status is not None
    assert stream.exit_status.code == 3


def test_the_older_protocol_is_spoken_too(client: Client, namespace: str, pod: str) -> None:
    """A server that only knows v4 gives the same output and status; its stdin cannot be closed, and that is said."""
    target = replace(exec_target(client.configuration, client.headers()), protocols=(V4,))
    command = ["sh", "-c", "echo out; echo err >&2; exit 7"]
    stream = open_exec(target, namespace, pod, CONTAINER, command, stdin=True, connect_timeout_s=10)
    with pytest.raises(ClusterError, match="cannot be closed"):
        stream.close_stdin()
    output = _all(stream)
    status = stream.exit_status
    stream.close()

    assert (stream.protocol, output, status and status.code) == (V4, (b"out\n", b"err\n"), 7)


def test_a_large_output_comes_whole(start: Opener) -> None:
    """Ten megabytes lose no byte, and the status comes after them."""
    stream = start("sh", "-c", "head -c 10000000 /dev/zero | tr '\\0' x")
    output, _ = _all(stream)

    assert (len(output), set(output), stream.exit_status) == (10_000_000, {ord("x")}, ExitStatus(0))


def test_stdin_is_read_to_its_end(start: Opener) -> None:
    """A megabyte arrives whole, and the half-close lets the command finish."""
    data = os.urandom(1_000_000)
    stream = start("sha256sum")
    stream.send(data)
    stream.close_stdin()
    output, _ = _all(stream)

    assert (output.split()[0].decode(), stream.exit_status) == (hashlib.sha256(data).hexdigest(), ExitStatus(0))


def test_a_program_that_is_not_there_has_no_status(start: Opener) -> None:
    """The runtime's own words, and no number that it never gave."""
    stream = start("no-such-program")
    _all(stream)

    assert stream.exit_status is not None
    assert (stream.exit_status.code, "no-such-program" in stream.exit_status.message) == (None, True)


def test_a_container_that_is_not_there_is_named(start: Opener) -> None:
    """At the handshake or on the stream, the server's words name the container."""
    with pytest.raises(ClusterError, match="no-such-container"):
        start("true", container="no-such-container").receive(ENDS_S)


def test_a_pod_that_is_not_there_is_not_found(start: Opener) -> None:
    """404 with the server's words, and no reason to try again."""
    with pytest.raises(ApiError, match='pods "no-such-pod" not found') as raised:
        start("true", pod="no-such-pod")

    assert (raised.value.status, raised.value.reason, raised.value.is_transient) == (404, "NotFound", False)


def test_without_the_right_it_is_forbidden(client: Client, namespace: str, pod: str) -> None:
    """403 with the server's words: who lacks which verb."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    token = client.call("POST", path, body={"spec": {"expirationSeconds": 600}})["status"]["token"]
    target = exec_target(client.configuration, {"Authorization": f"Bearer {token}"})
    with pytest.raises(ApiError, match=r'cannot (create|get) resource "pods/exec"') as raised:
        open_exec(target, namespace, pod, CONTAINER, ["true"], stdin=False, connect_timeout_s=10)

    assert (raised.value.status, raised.value.is_transient) == (403, False)


def test_who_is_nobody_is_unauthorized(client: Client, namespace: str, pod: str) -> None:
    """401 for a token that the server does not know."""
    target = exec_target(client.configuration, {"Authorization": "Bearer nobody"})
    with pytest.raises(ApiError, match="Unauthorized") as raised:
        open_exec(target, namespace, pod, CONTAINER, ["true"], stdin=False, connect_timeout_s=10)

    assert (raised.value.status, raised.value.is_transient) == (401, False)


@pytest.mark.slow
def test_the_server_answers_pings(start: Opener) -> None:
    """An idle stream outlives many times the silence that would be its end."""
    stream = start("cat", keepalive=Keepalive(ping_after_s=0.2, pong_within_s=1.0))
    idle = stream.receive(4.0)
    stream.send(b"still there")

    assert (idle, stream.receive(5.0)) == (None, (STDOUT, b"still there"))


def test_an_agent_answers_over_a_held_open_exec(start: Opener, client: Client, namespace: str, pod: str) -> None:
    """Greeting, batches of many probes and the log of arrivals go through one stream."""
    address = client.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")["status"]["podIP"]
    channel = ExecChannel(start("python3", "/agent/agent.py", "attach", "--name", NAME), f"{namespace}/{pod}")
    session = AgentSession(channel, Endpoint(NAME))
    hello = session.hello(10)
    requests = [
        ProbeRequest(key=str(n), protocol="TCP", address=address, port=8080, nonce=f"n{n}", timeout_s=5.0)
        for n in range(500)
    ]
    replies = session.probe(requests, 20).result()
    arrived = len(session.arrivals(0, 10).nonces)
    session.close()

    assert (hello.name, {reply.result for reply in replies.values()}, arrived) == (NAME, {"ok"}, 500)


def test_closing_ends_the_command_in_the_pod(start: Opener, namespace: str, pod: str) -> None:
    """Nothing of ours keeps running in a pod whose channel is closed."""
    before = _attached(start)
    channel = ExecChannel(start("python3", "/agent/agent.py", "attach", "--name", NAME), f"{namespace}/{pod}")
    channel.receive()
    during = _attached(start)
    channel.close()
    until = time.monotonic() + 10
    while (after := _attached(start)) != before and time.monotonic() < until:
        time.sleep(0.2)

    assert (during - before, after - before) == (1, 0)


def test_an_agent_that_is_not_there_says_so(start: Opener, namespace: str, pod: str) -> None:
    """The reason is what `attach` wrote on stderr, with its status."""
    channel = ExecChannel(start("python3", "/agent/agent.py", "attach", "--name", "nobody"), f"{namespace}/{pod}")

    with pytest.raises(
        ChannelClosedError, match=r"ended with status 1; on stderr: agent: attach --name nobody: .*refused"
    ):
        channel.receive()


def test_a_pod_that_is_deleted_ends_its_channel(client: Client, start: Opener, namespace: str) -> None:
    """A reader is not left waiting for a pod that is gone."""
    doomed = _start(client, namespace, "doomed")
    stream = start("sleep", "1000", pod=doomed)
    client.call("DELETE", f"/api/v1/namespaces/{namespace}/pods/{doomed}")
    _all(stream)

    assert stream.exit_status != ExitStatus(0)


def test_many_at_once_do_not_disturb_other_calls(client: Client, start: Opener, namespace: str, pod: str) -> None:
    """Execs in many threads and plain calls share a client's configuration, and nothing else."""
    results: list[tuple[bytes, bytes]] = []
    faults: list[Exception] = []

    def run(number: int) -> None:
        try:
            results.append(_all(start("echo", str(number))))
            client.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")
        except Exception as fault:  # noqa: BLE001 - shown below
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert faults == []
    assert sorted(results) == sorted((f"{number}\n".encode(), b"") for number in range(20))
