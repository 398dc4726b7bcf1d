"""Reach the agent in a pod: over one held-open exec, once it listens on all its ports."""

from __future__ import annotations

import threading
import time

from harness.cluster.kubernetes.client import ApiError, Client
from harness.cluster.kubernetes.exec_channel import ExecChannel
from harness.cluster.kubernetes.exec_stream import open_exec
from harness.cluster.kubernetes.handshake import ExecTarget, exec_target
from harness.cluster.kubernetes.pod_state import is_running, obstacle, summary
from harness.cluster.kubernetes.probe_pods import agent_name
from harness.cluster.kubernetes.resources import PODS
from harness.cluster.kubernetes.waiting import evidence
from harness.errors import ChannelClosedError, ClusterError
from harness.manifests import AGENT_COMMAND, AGENT_CONTAINER
from harness.model.cluster import AgentChannel
from harness.model.scenario import ObjectRef

# From a started container to an agent that listens: 0.2 s on an idle node, half a minute was seen on a busy one.
OPEN_S = 45.0
_CONNECT_S = 5.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


def connect(client: Client, ref: ObjectRef, deadline_s: float = OPEN_S) -> AgentChannel:
    """Open a channel to the agent of a pod that runs, trying until the agent has greeted.

    Raises `ClusterError` at once for a pod that is not there, and after the deadline with what went wrong last.
    """
    end = time.monotonic() + deadline_s
    command = _command(client, ref)
    target = exec_target(client.configuration, client.headers())
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return _greeted(target, ref, command, end)
        except (ClusterError, ChannelClosedError) as fault:
            is_final = isinstance(fault, ApiError) and not fault.is_transient
            if is_final or time.monotonic() + pause_s >= end:
                raise ClusterError(
                    f"its agent could not be reached{'' if is_final else f' in {deadline_s:g} s'}: {fault.what}",
                    where=str(ref),
                ) from fault
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        # The pod may have gone, or its container ended: then no trying helps.
        _command(client, ref)


class GreetedChannel:
    """A channel whose first line was read already, to see that somebody is there; gives it again."""

    def __init__(self, channel: AgentChannel, first: str) -> None:
        self._channel = channel
        self._first: str | None = first
        self._lock = threading.Lock()
        self._closed = False

    def send(self, line: str) -> None:
        """Send one line."""
        self._channel.send(line)

    def receive(self) -> str:
        """Return the greeting, then whatever comes."""
        with self._lock:
            first, self._first = self._first, None
        return self._channel.receive() if first is None or self._closed else first

    def close(self) -> None:
        """End the channel."""
        self._closed = True
        self._channel.close()


def _command(client: Client, ref: ObjectRef) -> list[str]:
    pod = client.find(PODS.item(ref.namespace, ref.name)) if ref.kind == "Pod" else None
    if pod is None:
        raise ClusterError("there is no such pod", where=str(ref))
    name = agent_name(pod)
    if name is None:
        raise ClusterError("it has no agent", where=str(ref))
    trouble = obstacle(pod)
    if trouble is not None or not is_running(pod):
        what = trouble.text if trouble else f"it does not run: {summary(pod)}"
        raise ClusterError(what + evidence(client, pod), where=str(ref))
    return [*AGENT_COMMAND, "attach", "--name", name]


def _greeted(target: ExecTarget, ref: ObjectRef, command: list[str], end: float) -> AgentChannel:
    stream = open_exec(
        target,
        ref.namespace,
        ref.name,
        AGENT_CONTAINER,
        command,
        stdin=True,
        connect_timeout_s=min(_CONNECT_S, max(_FIRST_PAUSE_S, end - time.monotonic())),
    )
    channel = ExecChannel(stream, f"{ref.namespace}/{ref.name}")
    # A container runtime that hangs accepts an exec and then says nothing.
    watchdog = threading.Timer(max(_FIRST_PAUSE_S, end - time.monotonic()), channel.close)
    watchdog.daemon = True
    watchdog.start()
    try:
        return GreetedChannel(channel, channel.receive())
    except BaseException:
        channel.close()
        raise
    finally:
        watchdog.cancel()
