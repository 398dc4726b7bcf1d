"""The pods that scenarios play on: what is up, at which address, and on which channel.

Translates between the names authors write and the run-unique ones that a cluster sees.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from harness import manifests
from harness.cluster.interface import Addresses, Cluster
from harness.errors import ClusterError, HarnessError
from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.result import Observation
from harness.model.scenario import Manifest, ObjectRef
from harness.model.topology import NodeChoice, Pod, Relabel, Topology
from harness.placement import place
from harness.probing.prober import Prober, Target
from harness.probing.session import AgentSession
from harness.runner.settings import RunSettings
from harness.scenario.rename import Renaming, renamed
from harness.scenario.variables import substitute

_HELLO_S = 5.0
_serial = itertools.count(1)


class Stage:
    """One topology brought up on one cluster; not thread-safe: a lane owns it.

    `topology` is what is up now, `profile` what is known of the cluster's CNI. `faults` holds, for endpoints without
    a working agent, why. `was_open`: each flow of these pods was seen open in a settled baseline.
    """

    def __init__(self, cluster: Cluster, settings: RunSettings, renaming: Renaming) -> None:
        self.cluster = cluster
        self.settings = settings
        self.renaming = renaming
        known = cluster.capabilities()
        self.timing = settings.timing(known.timing)
        self.profile = settings.profile.active(known.cni, known.cni_version)
        self._mark = f"np-{settings.run}-x{next(_serial)}"
        self.topology = Topology()
        self.faults: dict[Endpoint, str] = {}
        self.was_open = False
        self._addresses: dict[Endpoint, Addresses] = {}
        self._service_addresses: dict[Endpoint, Addresses] = {}
        self._nodes: dict[Endpoint, NodeChoice] = {}
        self._sessions: dict[Endpoint, AgentSession] = {}
        # One prober for as long as the stage stands: it remembers how far each agent's log has been read.
        self._prober = Prober(self._sessions, engine=settings.engine)

    # -- changes ---------------------------------------------------------------

    def nodes(self) -> tuple[str, ...]:
        """Return the nodes that this run's pods may be put on; empty where there is nothing to choose."""
        return self.cluster.capabilities().nodes[: self.settings.nodes]

    def add(self, addition: Topology, pinned: Mapping[Endpoint, NodeChoice] | None = None) -> None:
        """Bring up everything of `addition` and open its agents; pods that are not `pinned` are placed."""
        objects = [
            manifests.namespace(item, self.renaming.real(item.name), self.settings.marks)
            for item in addition.namespaces.values()
        ]
        objects += [manifests.external(item, self._external(item.name).name) for item in addition.externals.values()]
        self._nodes.update(pinned or place(addition.pods.values(), self.nodes(), self._nodes))
        objects += [self._pod_manifest(pod) for pod in addition.pods.values()]
        objects += [
            manifests.service(service, self.renaming.real(service.namespace)) for service in addition.services.values()
        ]
        self.topology = self.topology.added(addition)
        if objects:
            self.cluster.apply(objects)
        self._meet(addition)

    def remove(self, names: Sequence[str]) -> None:
        """Delete the pods or namespaces called `names`, in the author's words."""
        gone = self.topology.removed(names)
        for endpoint in self.topology.pods.keys() - gone.pods.keys():
            self._forget(endpoint)
            self._nodes.pop(endpoint, None)
        refs = [
            self._pod_ref(Endpoint(name)) if "/" in name else ObjectRef("Namespace", "", self.renaming.real(name))
            for name in names
        ]
        self.cluster.delete(refs)
        self.topology = gone

    def restart(self, names: Sequence[str]) -> None:
        """Replace the pods called `names` by new ones with the same names and labels."""
        pods = {Endpoint(name): self.topology.pods[Endpoint(name)] for name in names}
        for endpoint in pods:
            self._forget(endpoint)
        self.cluster.delete([self._pod_ref(endpoint) for endpoint in pods])
        self.cluster.apply([self._pod_manifest(pod) for pod in pods.values()])
        self._meet(Topology(pods=pods))

    def relabel(self, changes: Sequence[Relabel]) -> None:
        """Change labels of pods and namespaces in place. Raises `ClusterError` where that shows too late to judge."""
        if not self.cluster.capabilities().relabels_in_time:
            raise ClusterError(
                "a pod that is relabelled here gets its new policies up to half a minute later, unseen by the barrier",
                remedy="seen on Cilium, where the run must be allowed to list and watch ciliumendpoints to wait for it",
            )
        self.topology = self.topology.relabelled(changes)
        objects = []
        for change in changes:
            if "/" in change.target:
                objects.append(self._pod_manifest(self.topology.pods[Endpoint(change.target)]))
            else:
                namespace = self.topology.namespaces[change.target]
                objects.append(manifests.namespace(namespace, self.renaming.real(namespace.name), self.settings.marks))
        self.cluster.apply(objects)

    def apply(self, items: Iterable[Manifest]) -> None:
        """Apply an author's manifests as written, but for renaming and address variables."""
        objects = [self._translated(item.document) for item in items]
        if objects:
            self.cluster.apply(objects)

    def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Delete an author's objects; absent ones are fine."""
        if refs:
            self.cluster.delete([ref._replace(namespace=self.renaming.real(ref.namespace)) for ref in refs])

    # -- probing ---------------------------------------------------------------

    def prober(self) -> Prober:
        """Return the prober over the channels that are open, after reopening those that broke."""
        broken = [endpoint for endpoint, session in self._sessions.items() if session.ended is not None]
        for endpoint in broken:
            self._forget(endpoint, keep_address=True)
        self._open(broken)
        return self._prober

    def targets(self, flows: Iterable[Flow]) -> tuple[dict[Flow, Target], dict[Flow, str]]:
        """Return where each flow leads, and why for those that lead nowhere on this cluster."""
        capabilities = self.cluster.capabilities()
        reachable: dict[Flow, Target] = {}
        impossible: dict[Flow, str] = {}
        for flow in flows:
            address = self.address(flow.destination, flow.family, flow.via)
            if flow.family not in capabilities.families:
                impossible[flow] = f"this cluster has no {flow.family}"
            elif flow.protocol not in capabilities.protocols:
                impossible[flow] = f"this cluster has no {flow.protocol}"
            elif flow.source not in self._sessions:
                impossible[flow] = f"{flow.source} has no agent: {self.faults.get(flow.source, 'it is not up')}"
            elif address is None:
                impossible[flow] = f"{flow.destination} has no {flow.family} address"
            else:
                answering, controls = self._answering(flow)
                reachable[flow] = Target(address, flow.port, answering, controls)
        return reachable, impossible

    def controls(self, targets: Mapping[Flow, Target]) -> dict[Flow, Target]:
        """Return the flows by which the destinations of `targets` show that they are alive."""
        controls, _ = self.targets({control for target in targets.values() for control in target.alive_by})
        return controls

    def address(self, endpoint: Endpoint, family: Family, via: Via = Via.POD) -> str | None:
        """Return the address of a pod, an external or (by `via`) a Service, None where it has none."""
        known = self._service_addresses if via is Via.SERVICE else self._addresses
        return known.get(endpoint, {}).get(family)

    def instance(self, flow: Flow) -> tuple[str | None, ...]:
        """Return the addresses that `flow` is about now: evidence holds only for these."""
        ends: list[str | None] = [
            self.address(flow.source, flow.family),
            self.address(flow.destination, flow.family, flow.via),
        ]
        if flow.via is Via.SERVICE:
            backends = self.topology.backends(self.topology.services[flow.destination])
            ends += sorted(self.address(pod.endpoint, flow.family) or "" for pod in backends)
        return tuple(ends)

    def in_the_authors_words(self, seen: Observation) -> Observation:
        """Return an observation whose answering pod has the name that the scenario gives it."""
        if seen.answered_by is None or "/" not in seen.answered_by:
            return seen
        written = self.renaming.written_endpoint(seen.answered_by)
        return replace(seen, answered_by=written, detail=seen.detail.replace(seen.answered_by, written))

    def protocols(self) -> frozenset[L4Protocol]:
        """Return the protocols that every agent of this stage has sockets for, which its node's kernel decides."""
        said = [frozenset(session.hello(_HELLO_S).protocols) for session in self._sessions.values()]
        return frozenset(protocol for protocol in L4Protocol if said and all(protocol in each for each in said))

    def diagnose(self, endpoints: Iterable[Endpoint]) -> str:
        """Return the cluster's own account of some pods and externals; never raises."""
        return self.cluster.diagnose([self._pod_ref(item) for item in endpoints if item not in self.topology.services])

    def close(self) -> None:
        """Close the channels and delete all namespaces of this stage."""
        for endpoint in list(self._sessions):
            self._forget(endpoint)
        self.cluster.delete(
            [ObjectRef("Namespace", "", self.renaming.real(name)) for name in self.topology.namespaces]
            + [self._external(name) for name in self.topology.externals]
        )
        self.topology = Topology()

    # -- inside ----------------------------------------------------------------

    def _meet(self, addition: Topology) -> None:
        pods = {self._pod_ref(endpoint): endpoint for endpoint in addition.pods}
        externals = {self._external(name): name for name in addition.externals}
        services = {
            ObjectRef("Service", self.renaming.real(item.namespace), item.name): item.endpoint
            for item in addition.services.values()
        }
        ready = self.cluster.wait_ready([*pods, *externals, *services], self.timing.ready_s)
        for ref, addresses in ready.items():
            if ref in services:
                self._service_addresses[services[ref]] = addresses
            else:
                self._addresses[pods[ref] if ref in pods else externals[ref]] = addresses
        self._open([*pods.values(), *externals.values()])

    def _open(self, endpoints: Sequence[Endpoint]) -> None:
        if not endpoints:
            return

        def meet(endpoint: Endpoint) -> tuple[Endpoint, AgentSession | str]:
            try:
                session = AgentSession(self.cluster.open_agent(self._pod_ref(endpoint)), endpoint)
                session.hello(_HELLO_S)
            except HarnessError as error:
                return endpoint, str(error)
            return endpoint, session

        with ThreadPoolExecutor(min(16, len(endpoints))) as pool:
            for endpoint, met in pool.map(meet, endpoints):
                if isinstance(met, str):
                    self.faults[endpoint] = met
                else:
                    self._sessions[endpoint] = met
                    self.faults.pop(endpoint, None)

    def _pod_manifest(self, pod: Pod) -> dict[str, Any]:
        """Build a pod, the same each time: but for its labels the API server lets nothing of it be changed."""
        return manifests.pod(pod, self.renaming.real(pod.namespace), self._nodes.get(pod.endpoint))

    def _forget(self, endpoint: Endpoint, *, keep_address: bool = False) -> None:
        session = self._sessions.pop(endpoint, None)
        if session is not None:
            session.close()
        if not keep_address:
            self._addresses.pop(endpoint, None)

    def _pod_ref(self, endpoint: Endpoint) -> ObjectRef:
        namespace, slash, name = endpoint.partition("/")
        return ObjectRef("Pod", self.renaming.real(namespace), name) if slash else self._external(endpoint)

    def _external(self, name: str) -> ObjectRef:
        """Return the run-unique name of an external: another stage may have one of the same name at the same time."""
        return ObjectRef(manifests.EXTERNAL, "", f"{self._mark}-{name}")

    def _answering(self, flow: Flow) -> tuple[frozenset[str], tuple[Flow, ...]]:
        """Return the agents that may answer `flow`, and the flows by which they show to be alive."""
        if flow.via is Via.POD:
            control = flow._replace(source=flow.destination)
            return frozenset({self._agent_name(flow.destination)}), (control,)
        service = self.topology.services[flow.destination]
        port = next(item for item in service.ports if item.port == flow.port and item.protocol == flow.protocol)
        backends = self.topology.backends(service)
        controls = tuple(
            Flow(pod.endpoint, pod.endpoint, listener.port, flow.protocol, Via.POD, flow.family)
            for pod in backends
            for listener in pod.listeners
            if listener.protocol == flow.protocol
            and port.target_port in (listener.port, listener.name if listener.declared else None)
        )
        return frozenset(self._agent_name(pod.endpoint) for pod in backends), controls

    def _agent_name(self, endpoint: Endpoint) -> str:
        namespace, slash, name = endpoint.partition("/")
        return f"{self.renaming.real(namespace)}/{name}" if slash else endpoint

    def _translated(self, document: Mapping[str, Any]) -> dict[str, Any]:
        return renamed(substitute(document, self._required_address), self.renaming)

    def _required_address(self, endpoint: Endpoint, family: Family) -> str:
        address = self.address(endpoint, family)
        if address is None:
            raise HarnessError(
                f"a manifest asks for the {family} address of {endpoint}, which has none on this cluster",
                remedy="take another family, or a cluster that has it",
            )
        return address
