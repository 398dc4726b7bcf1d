"""Manifest files as `apply` names them: NetworkPolicies, each with its place in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from harness.errors import ScenarioError
from harness.model.flow import Endpoint, Family
from harness.model.policy import Cidr, Direction, NetworkPolicy
from harness.model.scenario import Manifest, ObjectRef
from harness.model.topology import Topology
from harness.scenario.context import Context
from harness.scenario.document import Dialect, Document, parse
from harness.scenario.encoding import text_of
from harness.scenario.findings import Findings, closest, listed
from harness.scenario.names import shown
from harness.scenario.policies import API_VERSION, KIND, decode_policy
from harness.scenario.positions import Path
from harness.scenario.shapes import described

_LIST = "List"
_SUPPORTED = f"supported are {KIND} ({API_VERSION}) and {_LIST} (v1)"
# Faults of `policies` that are about a key and not about its value.
_KEY_FAULTS = ("unknown field", "no valid label key", "no valid annotation key")
_PEERS = {Direction.INGRESS: ("ingress", "from"), Direction.EGRESS: ("egress", "to")}


class ManifestUnreadableError(Exception):
    """A manifest file that may not or cannot be read; `remedy` as in `Problem`."""

    def __init__(self, fault: str, remedy: str | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.remedy = remedy


class ManifestFile(NamedTuple):
    """The bytes of a manifest file, and its name for messages."""

    name: str
    raw: bytes


ReadManifest = Callable[[str], ManifestFile]


class Applied(NamedTuple):
    """A policy of a manifest file; `path` is its place in the YAML document that holds it."""

    manifest: Manifest
    policy: NetworkPolicy
    document: Document
    path: Path


class ManifestFiles:
    """Reads each manifest file once, however many steps apply it."""

    def __init__(self, context: Context, read: ReadManifest) -> None:
        self._context = context
        self._findings: Findings = context.findings
        self._read = read
        self._known: dict[str, tuple[Applied, ...] | ManifestUnreadableError] = {}

    def policies(self, name: str, path: Path) -> tuple[Applied, ...]:
        """Return the policies of the file that the scenario names at `path`, without the faulty ones."""
        if name not in self._known:
            try:
                self._known[name] = tuple(self._decoded(self._read(name)))
            except ManifestUnreadableError as error:
                self._known[name] = error
        known = self._known[name]
        if isinstance(known, ManifestUnreadableError):
            self._context.report(path, known.fault, known.remedy)
            return ()
        return known

    def check_place(self, applied: Applied, topology: Topology) -> bool:
        """Tell whether the policy's namespace exists; report it, and each variable that names nobody."""
        document, path = applied.document, applied.path
        for place, cidr in _cidrs(applied.policy, path):
            if cidr.endpoint is not None:
                self._check_variable(document, place, cidr.endpoint, cidr.family, topology)
        namespace = applied.policy.namespace
        if namespace in topology.namespaces:
            return True
        known = tuple(topology.namespaces)
        there = f"the scenario's namespaces are: {listed(known)}"
        if applied.manifest.document["metadata"].get("namespace"):
            place = (*path, "metadata", "namespace")
            if namespace not in self._context.excused:
                fault = f"no namespace {shown(namespace)} at this point; {there}"
                self._findings.add(document.problem(place, fault, closest(namespace, known)))
        else:
            fault = f"without a namespace, kubectl puts it into 'default', which is not there; {there}"
            self._findings.add(document.problem((*path, "metadata"), fault, "write metadata.namespace"))
        return False

    def _check_variable(
        self, document: Document, path: Path, endpoint: Endpoint, family: Family, topology: Topology
    ) -> None:
        if endpoint in topology.pods or endpoint in self._context.excused:
            return
        external = topology.externals.get(endpoint)
        if external is None:
            known = (*topology.pods, *topology.externals)
            fault = f"no pod or external {shown(endpoint)} at this point; there are: {listed(known)}"
            self._findings.add(document.problem(path, fault, closest(endpoint, known)))
        elif family not in external.addresses:
            self._findings.add(document.problem(path, f"the external {shown(endpoint)} has no {family} address"))

    def _decoded(self, file: ManifestFile) -> Iterator[Applied]:
        try:
            documents = parse(text_of(file.raw, file.name), file.name, Dialect.MANIFEST, self._findings)
        except ScenarioError as error:
            for problem in error.problems:
                self._findings.add(problem)
            return
        count = 0
        for document in documents:
            # kubectl passes over empty documents too.
            if document.data is not None:
                count += 1
                yield from self._objects(document, document.data, ())
        if not count:
            empty = Document.empty(file.name)
            self._findings.add(empty.problem((), "the file holds no manifest"))

    def _objects(self, document: Document, data: Any, path: Path) -> Iterator[Applied]:
        if not isinstance(data, dict):
            fault = f"expected a Kubernetes object; not {described(data)}"
            self._findings.add(document.problem(path, fault, _SUPPORTED))
        elif data.get("kind") == _LIST:
            yield from self._items(document, data, path)
        elif isinstance(kind := data.get("kind"), str) and kind != KIND:
            remedy = closest(kind, (KIND, _LIST))
            self._findings.add(
                document.problem((*path, "kind"), f"{shown(kind)} is not supported; {_SUPPORTED}", remedy)
            )
        else:
            yield from self._policy(document, data, path)

    def _items(self, document: Document, data: dict[str, Any], path: Path) -> Iterator[Applied]:
        known = ("apiVersion", "kind", "metadata", "items")
        for key in data:
            if key not in known:
                remedy = closest(key, known) or f"known here: {', '.join(known)}"
                self._findings.add(document.problem((*path, key), f"unknown field {shown(key)}", remedy, key=True))
        if data.get("apiVersion") != "v1":
            self._findings.add(document.problem((*path, "apiVersion"), "a List has apiVersion: v1"))
        items = data.get("items")
        if not isinstance(items, list):
            self._findings.add(document.problem((*path, "items"), f"expected a list; not {described(items)}"))
            return
        for index, item in enumerate(items):
            yield from self._objects(document, item, (*path, "items", index))

    def _policy(self, document: Document, data: dict[str, Any], path: Path) -> Iterator[Applied]:
        def report(place: Path, fault: str, remedy: str | None) -> None:
            is_key = fault.startswith(_KEY_FAULTS)
            self._findings.add(document.problem((*path, *place), fault, remedy, key=is_key))

        metadata = data.get("metadata")
        namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
        location = document.locate(path)
        policy = decode_policy(
            data, namespace if namespace and isinstance(namespace, str) else "default", report, location
        )
        if policy is not None:
            ref = ObjectRef(KIND, policy.namespace, policy.name)
            yield Applied(Manifest(ref, data, location, policy), policy, document, path)


def _cidrs(policy: NetworkPolicy, path: Path) -> Iterator[tuple[Path, Cidr]]:
    for direction, (rules, peers) in _PEERS.items():
        for index, rule in enumerate(policy.rules(direction)):
            for place, peer in enumerate(rule.peers):
                if peer.ip_block is not None:
                    here = (*path, "spec", rules, index, peers, place, "ipBlock")
                    yield (*here, "cidr"), peer.ip_block.cidr
                    for number, block in enumerate(peer.ip_block.excepts):
                        yield (*here, "except", number), block
