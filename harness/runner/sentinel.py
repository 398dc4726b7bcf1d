"""A policy of our own whose effect can be seen: the canary first, then the barrier of every step.

A server listens on two ports and a policy opens one of them, turn about. On each
node of the cluster there is such a server, asked by a client of its own.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from harness import manifests
from harness.cluster.interface import Cluster
from harness.errors import HarnessError, NotEnforcedError
from harness.model.flow import Family, Flow, L4Protocol, Via
from harness.model.result import CLOSED, Outcome
from harness.model.topology import Listener, Namespace, NodeChoice, Pod, Topology
from harness.probing.prober import RoundHandle
from harness.runner.settings import RunSettings
from harness.runner.stage import Stage
from harness.scenario.rename import Renaming

_NAMESPACE = "sentinel"
_POLICY = "netpol-harness-sentinel"
_PORTS = (7001, 7002)
# A sentinel probe starts this often while the barrier is awaited; each may take its full timeout.
_POLL_S = 0.025
# The longer it has taken, the less a little more of it matters.
_SLOWER = 0.05
_HEAD_START_S = 0.03


class Barrier:
    """The wait for one turn of the sentinel policy, in a thread of its own."""

    def __init__(self, await_open: Callable[[], bool]) -> None:
        self._await_open = await_open
        self._passed_at = math.inf
        self._thread = threading.Thread(target=self._watch, name="barrier", daemon=True)
        self._thread.start()
        # Mostly it takes a few milliseconds: waiting here saves a round that could settle nothing.
        self._thread.join(_HEAD_START_S)

    def passed_at(self) -> float:
        """Return the monotonic time at which the barrier was passed, inf as long as it was not."""
        return self._passed_at

    def join(self) -> float | None:
        """Wait for the end of the watch and return when the barrier was passed, None if it never was."""
        self._thread.join()
        return None if math.isinf(self._passed_at) else self._passed_at

    def _watch(self) -> None:
        # A stop, or a cluster that fails, leaves the barrier unseen, and that is what will be reported.
        with contextlib.suppress(HarnessError):
            if self._await_open():
                self._passed_at = time.monotonic()


class Sentinel:
    """The sentinel of one worker: brought up, proved once as a canary, then asked after each change."""

    def __init__(self, cluster: Cluster, settings: RunSettings, worker: int) -> None:
        self._settings = settings
        self._stage = Stage(cluster, settings, Renaming.build([_NAMESPACE], f"{settings.prefix}w{worker}-"))
        self._turn = 0
        self._nodes = self._stage.nodes()
        self._pairs = _pairs(len(self._nodes) or 1)

    def bring_up(self) -> None:
        """Start the sentinel pods and prove, once and for all on this cluster, that policies have an effect.

        Raises `NotEnforcedError` when the denied port stays open, or the allowed one closes.
        """
        namespace = Namespace(_NAMESPACE, {"kubernetes.io/metadata.name": _NAMESPACE})
        pods = {pod.endpoint: pod for pair in self._pairs for pod in pair}
        pinned = {
            pod.endpoint: NodeChoice(node, required=True)
            for node, pair in zip(self._nodes, self._pairs, strict=False)
            for pod in pair
        }
        self._stage.add(Topology(namespaces={_NAMESPACE: namespace}, pods=pods), pinned)
        self._canary()

    def protocols(self) -> frozenset[L4Protocol]:
        """Return the protocols that the kernel of every node in use has. Raises `ProbeError` for a lost agent."""
        return self._stage.protocols()

    def turn(self) -> Barrier:
        """Turn the sentinel policy over and start watching for it on every node."""
        self._turn += 1
        self._apply()
        port, deadline_s = _PORTS[self._turn % 2], self._stage.timing.deadline_s
        return Barrier(lambda: self._await_open(port, deadline_s))

    def close(self) -> None:
        """Take the sentinel down."""
        self._stage.close()

    def _canary(self) -> None:
        deadline_s = self._stage.timing.canary_s
        for port in _PORTS:
            if not self._await_open(port, self._stage.timing.ready_s):
                raise NotEnforcedError(
                    f"two fresh pods cannot reach each other on port {port} before any policy is applied",
                    remedy="a cluster-wide policy or a broken pod network: see `netpol-harness doctor`",
                )
        self._apply()
        denied, allowed = _PORTS[1], _PORTS[0]
        end = time.monotonic() + deadline_s
        seen: dict[int, list[Outcome]] = {}
        while time.monotonic() < end:
            self._settings.check()
            seen = {port: self._look(port) for port in _PORTS}
            closed = all(outcome in CLOSED for outcome in seen[denied])
            if closed and all(outcome is Outcome.OPEN for outcome in seen[allowed]):
                return
        if any(outcome is Outcome.OPEN for outcome in seen.get(denied, [])):
            raise NotEnforcedError(
                "this cluster does not enforce NetworkPolicies: "
                f"the canary's denied port was still open {deadline_s:g} s after its policy was applied",
                remedy="nothing that it shows would be evidence; install a CNI that enforces NetworkPolicies",
            )
        raise NotEnforcedError(
            "the canary policy did not do what it says within "
            f"{deadline_s:g} s: allowed port {[str(item) for item in seen.get(allowed, [])]}, "
            f"denied port {[str(item) for item in seen.get(denied, [])]}",
            remedy="the cluster blocks what its policies allow, or its probes fail: see `netpol-harness doctor`",
        )

    def _apply(self) -> None:
        self._stage.cluster.apply([_policy(self._stage.renaming.real(_NAMESPACE), _PORTS[self._turn % 2])])

    def _flows(self, port: int) -> list[Flow]:
        family = Family.IPV4 if Family.IPV4 in self._stage.cluster.capabilities().families else Family.IPV6
        return [
            Flow(client.endpoint, server.endpoint, port, L4Protocol.TCP, Via.POD, family)
            for client, server in self._pairs
        ]

    def _look(self, port: int) -> list[Outcome]:
        """Probe `port` of every server once and wait for all answers."""
        timeout_s = self._stage.timing.floor_s
        targets, _ = self._stage.targets(self._flows(port))
        round_ = self._stage.prober().round(targets, lambda _: timeout_s)
        return [outcome.outcome for outcome in round_.result().values()]

    def _await_open(self, port: int, deadline_s: float) -> bool:
        """Probe until every server is open on `port`; rounds overlap, as closed ones cost a full timeout."""
        started = time.monotonic()
        end = started + deadline_s
        timeout_s = self._stage.timing.floor_s
        targets, _ = self._stage.targets(self._flows(port))
        waiting = set(targets)
        prober = self._stage.prober()
        under_way: list[RoundHandle] = []
        while waiting and time.monotonic() < end:
            self._settings.check()
            under_way.append(prober.round({flow: targets[flow] for flow in waiting}, lambda _: timeout_s))
            time.sleep(0.002)
            for round_ in list(under_way):
                if round_.is_done():
                    under_way.remove(round_)
                    answers = round_.result()
                    waiting -= {flow for flow, answer in answers.items() if answer.outcome is Outcome.OPEN}
            if waiting:
                time.sleep(max(_POLL_S, _SLOWER * (time.monotonic() - started)))
        return not waiting


def _pairs(nodes: int) -> list[tuple[Pod, Pod]]:
    """Return a client and a server for each node in use."""
    listeners = tuple(Listener(port) for port in _PORTS)
    return [
        (
            Pod(_NAMESPACE, f"client-{number}", {"sentinel": "client"}),
            Pod(_NAMESPACE, f"server-{number}", {"sentinel": "server"}, listeners),
        )
        for number in range(nodes)
    ]


def _policy(namespace: str, port: int) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": namespace, "name": _POLICY, "labels": dict(manifests.MANAGED_BY)},
        "spec": {
            "podSelector": {"matchLabels": {"sentinel": "server"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"protocol": "TCP", "port": port}]}],
        },
    }
