"""A validated document to a `Scenario`: every reference resolved, every step with the state after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.policy import NetworkPolicy
from harness.model.scenario import Manifest, ObjectRef, Scenario, Step
from harness.model.topology import METADATA_NAME, Pod, ProbeSettings, Relabel, Topology
from harness.scenario.context import Context
from harness.scenario.expectation import Expectations
from harness.scenario.findings import Findings, closest
from harness.scenario.manifest_files import ManifestFiles, ReadManifest
from harness.scenario.names import shown
from harness.scenario.policies import KIND
from harness.scenario.positions import Document, Path
from harness.scenario.schema import ProbeSpec, StepSpec
from harness.scenario.stored import names_policy_types, stored
from harness.scenario.topologies import check_labels, decode_topology
from harness.scenario.validation import validate

# One step of 500 pods and a port for each is a quarter of a million; beyond it nobody waits for the answer.
MAX_FLOWS_A_STEP = 500_000
MAX_FLOWS = 2_000_000


@dataclass
class _State:
    """What holds at one point of a scenario; `named` are the policies whose last manifest named policyTypes."""

    topology: Topology
    policies: dict[ObjectRef, NetworkPolicy] = field(default_factory=dict)
    named: set[ObjectRef] = field(default_factory=set)


def decode(document: Document, findings: Findings, read: ReadManifest) -> Scenario | None:
    """Return the scenario that `document` is, or None; problems are added to `findings`.

    A scenario that comes with problems is incomplete and not to be used. `read` returns a manifest file
    by the name that the author gives it, or raises `ManifestUnreadableError`.
    """
    validated = validate(document, findings)
    if validated is None:
        return None
    context = Context(validated, findings)
    return _Decoder(context, ManifestFiles(context, read)).scenario()


class _Decoder:
    """Walks through the steps, with the state after each."""

    def __init__(self, context: Context, manifests: ManifestFiles) -> None:
        self.context = context
        self.manifests = manifests
        self.expectations = Expectations(context)
        self.probe = _probe(context.file.probe)
        self.state = _State(Topology())
        self.flows: tuple[Topology, tuple[Flow, ...]] | None = None
        self.flow_count = 0
        self.groups: tuple[Mapping[Endpoint, Pod], Mapping[str, list[Endpoint]]] | None = None

    def scenario(self) -> Scenario:
        file = self.context.file
        start = decode_topology(self.context, file.topology, ("topology",), Topology())
        self.state.topology = start
        names: set[str] = set()
        steps: list[Step] = []
        for index, spec in enumerate(file.steps):
            path: Path = ("steps", index)
            if spec.name in names:
                self.context.report((*path, "name"), f"a step before is also called {shown(spec.name)}")
            steps.append(self._step(spec, path))
            names.add(spec.name)
        return Scenario(
            name=file.scenario,
            about=file.about,
            tags=tuple(file.tags),
            file=self.context.document.file,
            location=self.context.locate(()),
            topology=start,
            probe=self.probe,
            steps=tuple(steps),
        )

    def _step(self, spec: StepSpec, path: Path) -> Step:
        added = decode_topology(self.context, spec.add, (*path, "add"), self.state.topology)
        if added != Topology():
            self.state.topology = self.state.topology.added(added)
        removed = self._removed(spec, (*path, "remove"))
        restarted = tuple(self._pods(spec.restart, (*path, "restart")))
        relabelled = tuple(self._relabelled(spec, (*path, "relabel")))
        if relabelled:
            self.state.topology = self.state.topology.relabelled(relabelled)
        deleted = tuple(self._deleted(spec, (*path, "delete")))
        applied = tuple(self._applied(spec, (*path, "apply")))
        topology = self.state.topology
        flows = self._flows(topology, path)
        return Step(
            name=spec.name,
            location=self.context.locate(path),
            add=added,
            remove=removed,
            restart=restarted,
            relabel=relabelled,
            delete=deleted,
            apply=applied,
            wait_s=_seconds(spec.wait),
            topology=topology,
            policies=tuple(self.state.policies.values()),
            flows=flows,
            declared=self.expectations.declare(spec.name, spec.expect, (*path, "expect"), topology, flows),
        )

    def _removed(self, spec: StepSpec, path: Path) -> tuple[str, ...]:
        topology, names = self.state.topology, dict[str, None]()
        for index, name in enumerate(spec.remove):
            if name in topology.namespaces:
                names[name] = None
            elif "/" in name:
                names |= dict.fromkeys(self._members(name, (*path, index)))
            else:
                self.context.report_unknown((*path, index), "namespace", name, (*topology.namespaces, *topology.pods))
        if names:
            self.state.topology = topology.removed(names)
            for ref in [ref for ref in self.state.policies if ref.namespace in names]:
                del self.state.policies[ref]
        return tuple(names)

    def _pods(self, names: list[str], path: Path) -> Iterator[str]:
        found: dict[str, None] = {}
        for index, name in enumerate(names):
            found |= dict.fromkeys(self._members(name, (*path, index)))
        return iter(found)

    def _members(self, name: str, path: Path, *, key: bool = False) -> tuple[Endpoint, ...]:
        """Return the pod called `name`, or the pods of that group; report a name of neither."""
        pods = self.state.topology.pods
        if name in pods:
            return (Endpoint(name),)
        if self.groups is None or self.groups[0] is not pods:
            self.groups = (pods, _groups(pods.values()))
        members = self.groups[1].get(name)
        if members is None:
            self.context.report_unknown(path, "pod", name, pods, key=key)
            return ()
        return tuple(members)

    def _relabelled(self, spec: StepSpec, path: Path) -> Iterator[Relabel]:
        for target, labels in spec.relabel.items():
            here = (*path, target)
            check_labels(self.context, labels, here)
            topology = self.state.topology
            if "/" in target:
                for pod in self._members(target, here, key=True):
                    yield Relabel(pod, dict(labels))
            elif target not in topology.namespaces:
                choices = (*topology.namespaces, *topology.pods)
                self.context.report_unknown(here, "namespace", target, choices, key=True)
            elif labels.get(METADATA_NAME, target) != target:
                fault = "every cluster sets it to the namespace's own name; it cannot be changed"
                self.context.report((*here, METADATA_NAME), fault)
            else:
                yield Relabel(target, dict(labels))

    def _deleted(self, spec: StepSpec, path: Path) -> Iterator[ObjectRef]:
        policies = self.state.policies
        for index, text in enumerate(spec.delete):
            parts = text.split("/")
            if len(parts) != 3 or parts[0] != KIND:
                fault = f"expected {KIND}/namespace/name; not {shown(text)}"
                self.context.report((*path, index), fault, closest(text, map(str, policies)))
                continue
            ref = ObjectRef(*parts)
            if policies.pop(ref, None) is None:
                self.context.report_unknown((*path, index), "policy in force", text, map(str, policies))
            else:
                yield ref

    def _applied(self, spec: StepSpec, path: Path) -> Iterator[Manifest]:
        state = self.state
        seen: dict[ObjectRef, str] = {}
        for index, name in enumerate(spec.apply):
            for applied in self.manifests.policies(name, (*path, index)):
                ref = applied.manifest.ref
                if not self.manifests.check_place(applied, state.topology):
                    continue
                if ref in seen:
                    fault = f"{ref} is applied twice in one step; the first is at {seen[ref]}"
                    self.context.findings.add(applied.document.problem((*applied.path, "metadata", "name"), fault))
                    continue
                seen[ref] = str(applied.manifest.location)
                named = names_policy_types(applied.manifest.document)
                before = state.policies.get(ref)
                state.policies[ref] = stored(before, ref in state.named, applied.policy, named)
                state.named.discard(ref)
                if named:
                    state.named.add(ref)
                yield applied.manifest

    def _flows(self, topology: Topology, path: Path) -> tuple[Flow, ...]:
        if self.flows is None or self.flows[0] is not topology:
            most = _most_flows(topology, self.probe)
            self.flows = (topology, topology.flows(self.probe) if most <= MAX_FLOWS_A_STEP else ())
            if most > MAX_FLOWS_A_STEP:
                fault = f"up to {most} flows to try, of at most {MAX_FLOWS_A_STEP} a step"
                self.context.report(path, fault, "fewer pods, or fewer ports")
                self.context.topology_in_doubt = True
            elif not self.flows[1] and not self.context.topology_in_doubt:
                fault = "there is no flow to try: nobody listens, or nobody is there to connect"
                self.context.report(path, fault, "give a pod something to listen on, as in listen: [8080]")
        self.flow_count += len(self.flows[1])
        if self.flow_count > MAX_FLOWS:
            self.context.report(path, f"the steps so far have {self.flow_count} flows, of at most {MAX_FLOWS}")
            self.context.findings.fail()
        return self.flows[1]


def _groups(pods: Iterable[Pod]) -> Mapping[str, list[Endpoint]]:
    groups: dict[str, list[Endpoint]] = {}
    for pod in pods:
        groups.setdefault(f"{pod.namespace}/{pod.group}", []).append(pod.endpoint)
    return groups


def _probe(spec: ProbeSpec) -> ProbeSettings:
    return ProbeSettings(
        via=tuple(dict.fromkeys(Via(word) for word in spec.via)),
        protocols=tuple(dict.fromkeys(L4Protocol(word) for word in spec.protocols)),
        families=tuple(dict.fromkeys(Family(word) for word in spec.families)),
    )


def _most_flows(topology: Topology, probe: ProbeSettings) -> int:
    listened = sum(len(pod.listeners) for pod in topology.pods.values())
    listened += sum(len(external.listeners) for external in topology.externals.values())
    served = sum(len(service.ports) for service in topology.services.values())
    ends = (listened if Via.POD in probe.via else 0) + (served if Via.SERVICE in probe.via else 0)
    return (len(topology.pods) + len(topology.externals)) * ends * len(probe.families)


def _seconds(wait: float | str | None) -> float:
    if not isinstance(wait, str):
        return float(wait or 0)
    for unit, factor in (("ms", 0.001), ("s", 1.0), ("m", 60.0)):
        if wait.endswith(unit):
            return float(wait.removesuffix(unit)) * factor
    raise AssertionError(wait)
