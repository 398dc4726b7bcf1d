"""A cluster in memory: a real adapter, with agents that answer as a test's network says they should.

Kept honest by the contract suite. Nothing is timed out for real, so a denial costs nothing.
"""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.errors import ChannelClosedError, ClusterError
from harness.model.cluster import Capabilities, Timing
from harness.model.flow import Family
from harness.model.preflight import Check
from harness.model.scenario import ObjectRef

QUICK = Timing(rounds=3, window_s=0.02, deadline_s=0.6, floor_s=0.05, ceiling_s=0.1, ready_s=1.0, canary_s=0.3)

# What a network does with one probe: "open", "silent", "refused", "lost-reply" or "dead".
Network = Callable[["FakeCluster", str, str, int, str], str]


def obedient(cluster: FakeCluster, source: str, destination: str, port: int, protocol: str) -> str:
    """Enforce ingress by ports alone: enough for the sentinel, and for policies that take any peer."""
    namespace, _, name = destination.partition("/")
    if source == destination:
        return "open"
    pod = cluster.objects.get(ObjectRef("Pod", namespace, name))
    labels = pod["metadata"].get("labels", {}) if pod else {}
    isolating = [
        policy["spec"]
        for ref, policy in cluster.objects.items()
        if ref.kind == "NetworkPolicy"
        and ref.namespace == namespace
        and policy["spec"].get("podSelector", {}).get("matchLabels", {}).items() <= labels.items()
    ]
    allowed = any(
        not rule.get("ports") or {"protocol": protocol, "port": port} in rule["ports"]
        for spec in isolating
        for rule in spec.get("ingress", [])
    )
    return "open" if allowed or not isolating else "silent"


@dataclass
class FakeAgent:
    """One agent: its own log, and whether it still lives."""

    name: str
    arrivals: list[tuple[int, str, str, str]] = field(default_factory=list)
    killed: bool = False


class FakeChannel:
    """An `AgentChannel` whose answers are ready as soon as the question is sent."""

    def __init__(self, cluster: FakeCluster, agent: FakeAgent) -> None:
        self._cluster = cluster
        self._agent = agent
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._ended = False
        self._say(
            hello={
                "version": 1,
                "name": agent.name,
                "protocols": ["TCP", "UDP"],
                "engines": ["socket", "nc", "curl"],
                "listening": [],
                "failed": {},
            }
        )

    def send(self, line: str) -> None:
        """Take a request and line up its answer."""
        if self._ended or self._agent.killed:
            self.close()
            raise ChannelClosedError(f"the agent of {self._agent.name} was killed")
        request = json.loads(line)
        if request["op"] == "probe":
            replies = [self._cluster.probe(self._agent.name, probe) for probe in request["probes"]]
            self._say(id=request["id"], replies=replies)
            self._say(id=request["id"], done=True, lag_s=0.0)
        elif request["op"] == "arrivals":
            page = [entry for entry in self._agent.arrivals if entry[0] >= request.get("since", 0)]
            self._say(id=request["id"], arrivals=page, next=len(self._agent.arrivals), more=False, lost=0)
        else:
            self._say(id=request["id"], status={"listening": [], "failed": {}})

    def receive(self) -> str:
        """Wait for the next line."""
        line = None if self._ended else self._lines.get()
        if line is None:
            raise ChannelClosedError(f"the channel to {self._agent.name} has ended")
        return line

    def close(self) -> None:
        """End the channel, waking a reader."""
        self._ended = True
        self._lines.put(None)

    def _say(self, **message: Any) -> None:
        self._lines.put(json.dumps(message))


class FakeCluster:
    """Six verbs over a dict; `network` decides what each probe meets."""

    def __init__(self, network: Network = obedient, timing: Timing = QUICK) -> None:
        self.network = network
        self.objects: dict[ObjectRef, Mapping[str, Any]] = {}
        self.agents: dict[str, FakeAgent] = {}
        self.applied: list[Mapping[str, Any]] = []
        self.deleted: list[ObjectRef] = []
        self.timing = timing
        self._addresses: dict[ObjectRef, str] = {}
        self._next = 1

    def capabilities(self) -> Capabilities:
        """Describe a one-family cluster that keeps externals."""
        return Capabilities("fake", emulated=True, externals=True, private=True, timing=self.timing, nodes=("one",))

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> None:
        """Store the objects; a new pod gets a new address and an agent."""
        for manifest in manifests:
            metadata = manifest["metadata"]
            ref = ObjectRef(manifest["kind"], metadata.get("namespace", ""), metadata["name"])
            if ref.namespace and ObjectRef("Namespace", "", ref.namespace) not in self.objects:
                raise ClusterError(f"{ref}: namespace {ref.namespace} does not exist")
            self.applied.append(manifest)
            self.objects[ref] = manifest
            if ref.kind in ("Pod", "External", "Service") and ref not in self._addresses:
                fixed = manifest["spec"].get("addresses", {}).get("IPv4")
                self._addresses[ref] = fixed or f"192.0.2.{self._next}"
                self._next += 1
                if ref.kind != "Service":
                    name = self._agent_name(ref)
                    self.agents[name] = FakeAgent(name)

    def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Forget the objects, and whatever is in a namespace among them."""
        self.deleted += refs
        for ref in refs:
            inside = [item for item in self.objects if ref.kind == "Namespace" and item.namespace == ref.name]
            for item in (*inside, ref):
                self.agents.pop(self._agent_name(item), None)
                self.objects.pop(item, None)
                self._addresses.pop(item, None)

    def wait_ready(self, refs: Sequence[ObjectRef], deadline_s: float) -> Mapping[ObjectRef, Mapping[Family, str]]:
        """Return the addresses; what does not exist is never ready."""
        for ref in refs:
            if ref not in self._addresses:
                raise ClusterError(f"waited {deadline_s:g} s for {ref}: it does not exist")
        return {ref: {Family.IPV4: self._addresses[ref]} for ref in refs}

    def open_agent(self, ref: ObjectRef) -> FakeChannel:
        """Open a channel to a pod that is there."""
        agent = self.agents.get(self._agent_name(ref))
        if agent is None or agent.killed:
            raise ClusterError(f"{ref} has no agent")
        return FakeChannel(self, agent)

    def diagnose(self, refs: Sequence[ObjectRef]) -> str:
        """Say which objects are there."""
        return "\n".join(f"{ref}: {'there' if ref in self.objects else 'absent'}" for ref in refs)

    def probe(self, source: str, probe: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one probe as the network says."""
        destination = next((ref for ref, address in self._addresses.items() if address == probe["address"]), None)
        name = self._agent_name(destination) if destination else ""
        agent = self.agents.get(name)
        met = self.network(self, source, name, probe["port"], probe["protocol"]) if agent else "silent"
        if agent and agent.killed:
            met = "dead"
        reply = {"key": probe["key"], "elapsed_s": 0.001, "connect_s": None, "source_port": 20000}
        if agent and met in ("open", "lost-reply"):
            label = f"{probe['port']}/{probe['protocol']}"
            agent.arrivals.append((len(agent.arrivals), probe["nonce"], label, f"192.0.2.200 {probe['port']}"))
        if met == "open":
            return {
                **reply,
                "phase": "answer",
                "result": "ok",
                "nonce_ok": True,
                "answered_by": name,
                "connect_s": 0.001,
            }
        if met in ("refused", "dead"):
            return {**reply, "phase": "connect", "result": "errno", "errno": "ECONNREFUSED"}
        return {**reply, "phase": "connect", "result": "timeout", "elapsed_s": probe["timeout_s"]}

    def _agent_name(self, ref: ObjectRef) -> str:
        if ref.namespace:
            return f"{ref.namespace}/{ref.name}"
        # An external's object has a name of the run's own, and its agent the author's.
        arguments = self.objects.get(ref, {}).get("spec", {}).get("args", ["--name", ref.name])
        return str(arguments[arguments.index("--name") + 1])


@dataclass
class FakeProvider:
    """Opens the one cluster that a test looks into."""

    cluster: FakeCluster
    private: bool = True
    opened: int = 0
    checks: tuple[Check, ...] = ()

    def preflight(self) -> tuple[Check, ...]:
        """Return what the test says."""
        return self.checks

    @contextmanager
    def open(self) -> Iterator[FakeCluster]:
        """Yield the cluster."""
        self.opened += 1
        yield self.cluster

    def invitation(self) -> Mapping[str, Any]:
        """Say how to join: the cluster lives in one process only."""
        return {"cluster": "fake", "options": {}}
