"""Who is there at one step, and which of them a pattern means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from harness.model.flow import Endpoint
from harness.model.topology import Topology
from harness.scenario.findings import closest, listed
from harness.scenario.names import shown
from harness.scenario.patterns import Pattern
from harness.scenario.rule_faults import NoFlowFault, RuleFault, UnknownNameFault


class Matched(NamedTuple):
    """The endpoints that patterns mean. A Service and a pod may bear one name, so they are kept apart."""

    hosts: frozenset[Endpoint]
    services: frozenset[Endpoint]


class Cast:
    """An index of one topology; `hosts` are pods and externals."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        groups: dict[str, list[Endpoint]] = defaultdict(list)
        for endpoint, pod in topology.pods.items():
            if pod.group is not None:
                groups[f"{pod.namespace}/{pod.group}"].append(endpoint)
        self._groups = dict(groups)
        self._backends = {
            endpoint: frozenset(pod.endpoint for pod in topology.backends(service))
            for endpoint, service in topology.services.items()
        }
        self._sources: dict[tuple[str, ...], Matched] = {}
        self._destinations: dict[tuple[str, ...], Matched] = {}

    def sources(self, patterns: tuple[Pattern, ...]) -> frozenset[Endpoint]:
        """Return the pods and externals that `patterns` mean. Raises `RuleFault` for one that means none."""
        return self._matched(patterns, self._sources, self._check_source).hosts

    def destinations(self, patterns: tuple[Pattern, ...]) -> Matched:
        """Return what `patterns` mean as destinations. Raises `RuleFault` for one that means nothing.

        A Service is meant by its own name, or where every pod behind it is meant.
        """
        return self._matched(patterns, self._destinations, self._check_destination)

    def host(self, name: str) -> frozenset[Endpoint]:
        """Return the pods of a pod's or a group's name, or the external; empty where there is none."""
        if name in self._groups:
            return frozenset(self._groups[name])
        return frozenset({Endpoint(name)} if name in self.topology.pods or name in self.topology.externals else ())

    def host_names(self) -> tuple[str, ...]:
        """Return every name of pods, groups and externals."""
        return tuple(dict.fromkeys([*self._groups, *self.topology.pods, *self.topology.externals]))

    def _matched(
        self,
        patterns: tuple[Pattern, ...],
        known: dict[tuple[str, ...], Matched],
        check: Callable[[Pattern, Matched], None],
    ) -> Matched:
        key = tuple(pattern.text for pattern in patterns)
        if key in known:
            return known[key]
        found = []
        for pattern in patterns:
            matched = self._of(pattern)
            check(pattern, matched)
            found.append(matched)
        hosts = frozenset().union(*(matched.hosts for matched in found))
        services = frozenset().union(*(matched.services for matched in found))
        behind = frozenset(service for service, pods in self._backends.items() if pods and pods <= hosts)
        return known.setdefault(key, Matched(hosts, services | behind))

    def _of(self, pattern: Pattern) -> Matched:
        topology = self.topology
        if pattern.labels is not None:
            return Matched(frozenset(self._labelled(pattern)), frozenset())
        if pattern.namespace is None:
            if pattern.text == "*":
                return Matched(frozenset(topology.pods), frozenset(topology.services))
            return Matched(frozenset(_globbed(pattern.text, topology.externals)), frozenset())
        pods: list[Endpoint] = []
        for name in _globbed(pattern.text, self._groups):
            pods += self._groups[name]
        pods += _globbed(pattern.text, topology.pods)
        return Matched(frozenset(pods), frozenset(_globbed(pattern.text, topology.services)))

    def _labelled(self, pattern: Pattern) -> Iterable[Endpoint]:
        wanted = (pattern.labels or {}).items()
        namespace = pattern.namespace or "*"
        for endpoint, pod in self.topology.pods.items():
            if _matches(namespace, pod.namespace) and all(pod.labels.get(key) == value for key, value in wanted):
                yield endpoint

    def _check_source(self, pattern: Pattern, matched: Matched) -> None:
        if matched.hosts:
            return
        if matched.services and "*" not in pattern.text:
            raise RuleFault(pattern.column, f"{shown(pattern.text)} is a Service; a source is a pod or an external")
        self._fail(pattern, (*self._groups, *self.topology.pods), "pod or group")

    def _check_destination(self, pattern: Pattern, matched: Matched) -> None:
        if not matched.hosts and not matched.services:
            choices = (*self._groups, *self.topology.pods, *self.topology.services)
            self._fail(pattern, choices, "pod, group or Service")

    def _fail(self, pattern: Pattern, choices: Iterable[str], kind: str) -> None:
        namespace = pattern.namespace
        if namespace is not None and "*" not in namespace and namespace not in self.topology.namespaces:
            kind, name, choices = "namespace", namespace, self.topology.namespaces
        elif pattern.labels is not None:
            raise NoFlowFault(pattern.column, f"no pod has the labels {pattern.text}", self._label_hint(pattern))
        elif pattern.text == "*":
            raise NoFlowFault(pattern.column, "there are no pods")
        elif namespace is None:
            kind, name, choices = "external", pattern.text, (*self.topology.externals, *choices)
        else:
            name = pattern.text
        known = tuple(dict.fromkeys(choices))
        fault = f"no {kind} {shown(name)}; there are: {listed(known)}"
        raise UnknownNameFault(pattern.column, fault, closest(name, known), name)

    def _label_hint(self, pattern: Pattern) -> str | None:
        keys = {key for pod in self.topology.pods.values() for key in pod.labels}
        for key, value in (pattern.labels or {}).items():
            if value is None:
                continue
            if key not in keys:
                return closest(key, sorted(keys)) or f"no pod has a label {shown(key)}"
            values = sorted({pod.labels[key] for pod in self.topology.pods.values() if key in pod.labels})
            if value not in values:
                return f"{key} is one of: {listed(shown(each) for each in values)}"
        return None


def _globbed(text: str, names: Collection[str]) -> list[Endpoint]:
    if "*" not in text:
        return [Endpoint(text)] if text in names else []
    namespace, slash, name = text.rpartition("/")
    found = []
    for candidate in names:
        where, _, what = candidate.rpartition("/")
        if _matches(name, what) and (not slash or _matches(namespace, where)):
            found.append(Endpoint(candidate))
    return found


def _matches(glob: str, text: str) -> bool:
    """Tell whether `text` is what `glob` means; without regular expressions, which stars can make slow."""
    first, *rest = glob.split("*")
    if not rest:
        return glob == text
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
