"""Pods of our own that policies of our own open and close: the canary first, then the ground of every barrier.

On each node in use there is a server, asked by a client of its own. It listens on a few ports for each lane, and a
policy of that lane opens one of them (see `turnstile`). Policies only ever add up, so lanes need not know of each
other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from harness import manifests
from harness.cluster.interface import Cluster
from harness.errors import NotEnforcedError
from harness.model.flow import Family, Flow, L4Protocol, Via
from harness.model.result import CLOSED, Outcome
from harness.model.topology import Listener, Namespace, NodeChoice, Pod, Topology
from harness.probing.prober import Prober, RoundHandle, Target
from harness.runner.settings import RunSettings
from harness.runner.stage import Stage
from harness.runner.turnstile import Turnstile
from harness.scenario.rename import Renaming

_NAMESPACE = "sentinel"
# A sentinel probe starts this often while the barrier is awaited; each may take its full timeout.
_POLL_S = 0.025
# The longer it has taken, the less a little more of it matters.
_SLOWER = 0.1


class Sentinel:
    """Brought up and proved once as a canary, then asked by each lane after its changes.

    What is public besides may be called by many lanes at once.
    """

    def __init__(self, cluster: Cluster, settings: RunSettings, worker: int, lanes: int = 1) -> None:
        self._settings = settings
        self._stage = Stage(cluster, settings, Renaming.build([_NAMESPACE], f"{settings.prefix}w{worker}-"))
        self.turnstiles = tuple(Turnstile(self, number, self._stage.timing.turns) for number in range(lanes))
        self.slowest_s = 0.0
        self._nodes = self._stage.nodes()
        self._ports = tuple(port for item in self.turnstiles for port in item.ports)
        self._pairs = _pairs(len(self._nodes) or 1, self._ports)
        self._lock = threading.Lock()

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

    @property
    def patience_s(self) -> float:
        """How long a turn may take until it counts as missed."""
        return self._stage.timing.deadline_s

    def protocols(self) -> frozenset[L4Protocol]:
        """Return the protocols that the kernel of every node in use has. Raises `ProbeError` for a lost agent."""
        return self._stage.protocols()

    def open_port(self, policy: str, port: int) -> None:
        """Apply a policy that opens `port` of every server."""
        self._stage.cluster.apply([_policy(self._stage.renaming.real(_NAMESPACE), policy, port)])

    def close(self) -> None:
        """Take the sentinel down."""
        self._stage.close()

    def await_open(self, ports: Collection[int], deadline_s: float) -> bool:
        """Probe until every server was open on each of `ports`; rounds overlap, as closed ones cost a full timeout.

        A pair that cannot be asked, for its agent is lost, keeps this waiting: nobody saw its node take anything in.
        """
        started = time.monotonic()
        end = started + deadline_s
        waiting = set(self._flows(ports))
        under_way: list[RoundHandle] = []
        prober, targets = self._reach(waiting)
        while waiting and time.monotonic() < end:
            self._settings.check()
            under_way.append(prober.round({flow: targets[flow] for flow in waiting & targets.keys()}, self._timeout_s))
            time.sleep(0.002)
            lost = waiting - targets.keys()
            for round_ in [item for item in under_way if item.is_done()]:
                under_way.remove(round_)
                answers = round_.result()
                waiting -= {flow for flow, answer in answers.items() if answer.outcome is Outcome.OPEN}
                lost |= {flow for flow, answer in answers.items() if answer.lasting}
            if waiting:
                time.sleep(max(_POLL_S, _SLOWER * (time.monotonic() - started)))
            if lost & waiting:
                prober, targets = self._reach(waiting)
        if not waiting:
            self.slowest_s = max(self.slowest_s, time.monotonic() - started)
        return not waiting

    def await_turned(self, opened: Collection[int], closed: Collection[int], deadline_s: float) -> bool:
        """Probe until every server was open on `opened` and closed on `closed` in one look."""
        return self._await(opened, closed, deadline_s, {})

    def _canary(self) -> None:
        deadline_s = self._stage.timing.canary_s
        if not self.await_open(self._ports, self._stage.timing.ready_s):
            raise NotEnforcedError(
                "two fresh pods cannot reach each other before any policy is applied",
                remedy="a cluster-wide policy or a broken pod network: see `netpol-harness doctor`",
            )
        first = self.turnstiles[0]
        first.turn_over()
        denied = set(self._ports) - {first.open}
        seen: dict[int, list[Outcome]] = {}
        started = time.monotonic()
        if self._await([first.open], denied, deadline_s, seen):
            self.slowest_s = time.monotonic() - started
            return
        if any(outcome is Outcome.OPEN for port in denied for outcome in seen.get(port, [])):
            raise NotEnforcedError(
                "this cluster does not enforce NetworkPolicies: "
                f"the canary's denied port was still open {deadline_s:g} s after its policy was applied",
                remedy="nothing that it shows would be evidence; install a CNI that enforces NetworkPolicies",
            )
        raise NotEnforcedError(
            "the canary policy did not do what it says within "
            f"{deadline_s:g} s: allowed port {[str(item) for item in seen.get(first.open, [])]}, "
            f"denied port {[str(item) for item in seen.get(min(denied), [])]}",
            remedy="the cluster blocks what its policies allow, or its probes fail: see `netpol-harness doctor`",
        )

    def _await(
        self, opened: Collection[int], closed: Collection[int], deadline_s: float, seen: dict[int, list[Outcome]]
    ) -> bool:
        """Look until all servers are open on `opened` and closed on `closed`; `seen` is what the last look showed."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            self._settings.check()
            seen.update(self._look([*opened, *closed]))
            if all(outcome is Outcome.OPEN for port in opened for outcome in seen[port]) and all(
                outcome in CLOSED for port in closed for outcome in seen[port]
            ):
                return True
        return False

    def _look(self, ports: Sequence[int]) -> dict[int, list[Outcome]]:
        """Probe all servers once and wait for all answers; a pair that cannot be asked is a fault."""
        flows = self._flows(ports)
        prober, targets = self._reach(flows)
        answers = prober.round(targets, self._timeout_s).result()
        seen: dict[int, list[Outcome]] = {port: [] for port in ports}
        for flow in flows:
            seen[flow.port].append(answers[flow].outcome if flow in answers else Outcome.FAULT)
        return seen

    def _flows(self, ports: Iterable[int]) -> list[Flow]:
        family = Family.IPV4 if Family.IPV4 in self._stage.cluster.capabilities().families else Family.IPV6
        return [
            Flow(client.endpoint, server.endpoint, port, L4Protocol.TCP, Via.POD, family)
            for client, server in self._pairs
            for port in ports
        ]

    def _timeout_s(self, _: Flow) -> float:
        return self._stage.timing.floor_s

    def _reach(self, flows: Iterable[Flow]) -> tuple[Prober, dict[Flow, Target]]:
        # Channels that broke are opened again here: by one lane at a time.
        with self._lock:
            prober = self._stage.prober()
            return prober, self._stage.targets(flows)[0]


def _pairs(nodes: int, ports: Sequence[int]) -> list[tuple[Pod, Pod]]:
    """Return a client and a server for each node in use."""
    listeners = tuple(Listener(port) for port in ports)
    return [
        (
            Pod(_NAMESPACE, f"client-{number}", {"sentinel": "client"}),
            Pod(_NAMESPACE, f"server-{number}", {"sentinel": "server"}, listeners),
        )
        for number in range(nodes)
    ]


def _policy(namespace: str, name: str, port: int) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": namespace, "name": name, "labels": dict(manifests.MANAGED_BY)},
        "spec": {
            "podSelector": {"matchLabels": {"sentinel": "server"}},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"protocol": "TCP", "port": port}]}],
        },
    }
