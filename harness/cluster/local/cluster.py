"""The six verbs of the embedded cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.cluster.local import addressing
from harness.cluster.local.enforcement import Enforcer
from harness.cluster.local.faults import Fault
from harness.cluster.local.reading import pod_state, service_state
from harness.cluster.local.state import State
from harness.cluster.local.store import Store
from harness.cluster.local.validation import check
from harness.cluster.netns import cables
from harness.cluster.netns.channel import SocketChannel
from harness.cluster.netns.sandbox import Sandbox
from harness.errors import ClusterError
from harness.model.cluster import Capabilities
from harness.model.flow import Family
from harness.model.scenario import ObjectRef

_RUNNING = ("Pod", "External")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a pod, an external or a Service is. `interface` names one incarnation; Services have none."""

    interface: str
    addresses: Mapping[Family, str]
    has_cable: bool


class LocalCluster:
    """A cluster whose pods are processes in network namespaces; thread-safe.

    Policies are in force when `apply` returns, and before any pod of the same call starts,
    unless a fault says otherwise.
    """

    def __init__(self, sandbox: Sandbox, capabilities: Capabilities, fault: Fault | None = None) -> None:
        self._sandbox = sandbox
        self._capabilities = capabilities
        self._families = tuple(family for family in Family if family in capabilities.families)
        self._store = Store()
        self._places: dict[ObjectRef, _Place] = {}
        self._counts = {"Pod": 0, "External": 0, "Service": 0}
        self._lock = threading.RLock()
        self._enforcer = Enforcer(self._install, fault)
        # Connections are tracked from the first packet on, whether there is a policy or not.
        self._enforcer.update(self._state())

    def close(self) -> None:
        """Stop what is still to come; the sandbox is its opener's to close."""
        self._enforcer.close()

    def capabilities(self) -> Capabilities:
        """Say what an emulator can and cannot do."""
        return self._capabilities

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> None:
        """Create the objects or make existing ones equal to them; policies are taken as by server-side apply.

        Nothing changes if any of them is malformed.
        """
        for manifest in manifests:
            check(manifest)
        with self._lock:
            new: list[ObjectRef] = []
            try:
                for manifest in manifests:
                    ref, is_new = self._store.apply(manifest)
                    if is_new and ref.kind in self._counts:
                        self._place(ref)
                        new.append(ref)
            finally:
                # What came before a refused object stays, as with any API server.
                self._enforcer.update(self._state())
                self._spawn([ref for ref in new if ref.kind in _RUNNING])

    def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Delete the objects and, with a namespace, all that is in it."""
        with self._lock:
            gone = self._store.delete(refs)
            places = [self._places.pop(ref) for ref in gone if ref in self._places]
            self._kill([place for place in places if place.interface])
            if gone:
                self._enforcer.update(self._state())

    def wait_ready(self, refs: Sequence[ObjectRef], deadline_s: float) -> Mapping[ObjectRef, Mapping[Family, str]]:
        """Wait until agents can be connected to; return the addresses. Raises at once for a pod that ended."""
        with self._lock:
            for ref in refs:
                if ref not in self._places:
                    raise ClusterError(f"{ref} was never applied, or is deleted", where="local cluster")
            places = {ref: self._places[ref] for ref in refs}
        self._sandbox.wait_ready(
            {place.interface: str(ref) for ref, place in places.items() if place.interface}, deadline_s
        )
        return {ref: dict(place.addresses) for ref, place in places.items()}

    def open_agent(self, ref: ObjectRef) -> SocketChannel:
        """Open a channel to the agent of a ready pod or external; several may be open at once."""
        with self._lock:
            place = self._places.get(ref)
        if place is None or not place.interface:
            raise ClusterError("there is no such pod", where=str(ref))
        try:
            return SocketChannel(self._sandbox.connect(place.interface), str(ref))
        except ClusterError as fault:
            raise ClusterError(f"its agent cannot be reached: {fault.what}", where=str(ref)) from fault

    def diagnose(self, refs: Sequence[ObjectRef]) -> str:
        """Describe objects, their processes and what they printed; never raises."""
        try:
            with self._lock:
                lines = [self._enforcer.describe()]
                for ref in refs:
                    lines += self._described(ref)
            return "\n".join(lines)
        except Exception as fault:  # noqa: BLE001 - a diagnosis that fails says so
            return f"no diagnosis: {fault}"

    def ruleset(self) -> str:
        """Return the router's rules as nft lists them."""
        return self._sandbox.run(["nft", "list", "ruleset"], "")

    def pod_pids(self, ref: ObjectRef) -> list[int]:
        """Return the process of a pod or external as the host numbers it, first and only: for tests that kill."""
        with self._lock:
            key = self._places[ref].interface
        return [item["pid"] for item in self._sandbox.order("describe", keys=[key]).values()]

    # -- making it so ------------------------------------------------------------

    def _install(self, transaction: str) -> None:
        self._sandbox.run(["nft", "-f", "-"], transaction)

    def _place(self, ref: ObjectRef) -> None:
        self._counts[ref.kind] += 1
        number = self._counts[ref.kind]
        stored = self._store.get(ref) or {}
        spec = stored["spec"]
        if ref.kind == "Service":
            headless = spec.get("clusterIP") == "None"
            addresses = {} if headless else addressing.service_addresses(number, self._service_families(spec))
            self._places[ref] = _Place("", addresses, has_cable=False)
        elif ref.kind == "External":
            addresses = {Family(family): address for family, address in spec["addresses"].items()}
            usable = {family: address for family, address in addresses.items() if family in self._families}
            self._refuse_taken(ref, usable)
            self._places[ref] = _Place(f"x{number}", usable, has_cable=True)
        elif spec.get("hostNetwork"):
            node = {family: addressing.NODE_ADDRESS[family] for family in self._families}
            self._places[ref] = _Place(f"p{number}", node, has_cable=False)
        else:
            addresses = addressing.pod_addresses(number, self._families)
            self._places[ref] = _Place(f"p{number}", addresses, has_cable=True)

    def _service_families(self, spec: Mapping[str, Any]) -> tuple[Family, ...]:
        if spec.get("ipFamilyPolicy") in ("PreferDualStack", "RequireDualStack"):
            return self._families
        wanted = [Family(family) for family in spec.get("ipFamilies") or self._families[:1]]
        return tuple(family for family in wanted if family in self._families)

    def _refuse_taken(self, ref: ObjectRef, addresses: Mapping[Family, str]) -> None:
        for other, place in self._places.items():
            if other.kind == "External" and set(place.addresses.values()) & set(addresses.values()):
                self._store.delete([ref])
                raise ClusterError(f"its address belongs to {other} already", where=str(ref))

    def _state(self) -> State:
        stored = self._store.of_kind
        return State(
            namespaces={ref.name: item["metadata"]["labels"] for ref, item in stored("Namespace")},
            pods=tuple(
                pod_state(item, place.interface, place.addresses)
                for ref, item in stored("Pod")
                if (place := self._places.get(ref)) is not None
            ),
            services=tuple(
                service_state(item, place.addresses)
                for ref, item in stored("Service")
                if (place := self._places.get(ref)) is not None
            ),
            policies=tuple(item for _, item in stored("NetworkPolicy")),
        )

    def _spawn(self, refs: Iterable[ObjectRef]) -> None:
        pods = []
        for ref in refs:
            place = self._places[ref]
            spec = (self._store.get(ref) or {})["spec"]
            arguments = spec["args"] if ref.kind == "External" else spec["containers"][0]["args"]
            pods.append(
                {
                    "key": place.interface,
                    "name": arguments[arguments.index("--name") + 1],
                    "arguments": arguments,
                    "cable": cables.cable(place.interface, place.addresses) if place.has_cable else [],
                    "inside": cables.inside(place.addresses),
                }
            )
        if pods:
            self._sandbox.order("spawn", pods=pods, settings=dict(cables.ANSWER_EVERYBODY))

    def _kill(self, places: Sequence[_Place]) -> None:
        lines = [
            line for place in places if place.has_cable for line in cables.unroute(place.interface, place.addresses)
        ]
        if lines:
            # A pod that failed to start has no route; the others' must go all the same.
            self._sandbox.order("run", argv=["ip", "-force", "-batch", "-"], stdin="\n".join(lines) + "\n")
        if places:
            self._sandbox.order("kill", keys=[place.interface for place in places])

    def _described(self, ref: ObjectRef) -> list[str]:
        stored, place = self._store.get(ref), self._places.get(ref)
        if stored is None:
            return [f"{ref}: does not exist"]
        lines = [f"{ref}: labels {stored['metadata'].get('labels') or {}}"]
        if place is not None:
            lines.append(f"  at {', '.join(place.addresses.values()) or 'no address'} {place.interface}".rstrip())
            if place.interface:
                for item in self._sandbox.order("describe", keys=[place.interface]).values():
                    lines.append(f"  process {item['pid']}: {item['condition']}")
                    lines += [f"  | {line}" for line in item["output"].splitlines()[-20:]]
        if ref.namespace:
            names = [item.name for item, _ in self._store.of_kind("NetworkPolicy") if item.namespace == ref.namespace]
            lines.append(f"  policies of {ref.namespace}: {', '.join(names) or 'none'}")
        return lines
