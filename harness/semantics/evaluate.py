"""The predictor: (topology, policies, flow) to allow, deny or unspecified(reason).

Implements section 1 of the semantics dossier for networking.k8s.io/v1. Policies are taken as
the API server stores them; a flow is a new connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.matrix import Matrix
from harness.model.policy import Direction, NetworkPolicy
from harness.model.result import Prediction
from harness.model.topology import Topology
from harness.semantics.backends import backends
from harness.semantics.index import CODES, NOT_ISOLATED, Index, PortKey
from harness.semantics.isolation import isolating
from harness.semantics.ports import names_of
from harness.semantics.reasons import ALLOWED, Reason, any_backend, both, conclude, unspecified

__all__ = ["Predictor", "isolating", "predict"]

# The answer to every pair of codes, egress first.
_VERDICTS: Final = tuple(tuple(both(conclude(egress), conclude(ingress)) for ingress in CODES) for egress in CODES)


class _Rows(dict[int, bytes]):
    """What each subject makes of every other end on one port, worked out when first asked for."""

    def __init__(self, index: Index, key: PortKey) -> None:
        super().__init__()
        self._index = index
        self._key = key

    def __missing__(self, subject: int) -> bytes:
        row = self[subject] = self._index.row(subject, self._key)
        return row


# A destination's position, what it makes of each source, and what each subject makes of each destination.
_Target = tuple[int, bytes, _Rows]


class Predictor:
    """Predicts the flows of one topology under one set of policies.

    What flows have in common is worked out once, so that asking for a whole matrix costs
    little more than reading it. A flow whose ends the topology lacks is a `KeyError`.
    """

    def __init__(self, topology: Topology, policies: Sequence[NetworkPolicy]) -> None:
        self._topology = topology
        self._index = Index(topology, tuple(policies))
        egress = self._index.subjects[Direction.EGRESS]
        self._sources = {endpoint: (at, egress[at]) for endpoint, at in self._index.positions.items()}
        self._rows: dict[PortKey, _Rows] = {}
        self._targets: dict[tuple[Endpoint, int, L4Protocol, Family], _Target] = {}
        self._routes: dict[tuple[Endpoint, int, L4Protocol, Family], dict[Endpoint, _Target]] = {}

    def decide(self, flow: Flow) -> Prediction:
        """Return what the semantics say of `flow`, for a Service of all its ready backends together."""
        source, destination, port, protocol, via, family = flow
        if via is Via.SERVICE:
            return self._decide_by_service(flow)
        if source == destination:
            return ALLOWED
        target = self._targets.get((destination, port, protocol, family))
        if target is None:
            target = self._target(destination, port, protocol, family, via)
            self._targets[destination, port, protocol, family] = target
        return self._between(source, target)

    def _between(self, source: Endpoint, target: _Target) -> Prediction:
        from_, subject = self._sources[source]
        to, ingress, rows = target
        return _VERDICTS[rows[subject][to]][ingress[from_]]

    def _decide_by_service(self, flow: Flow) -> Prediction:
        source, destination, port, protocol, _, family = flow
        route = self._routes.get((destination, port, protocol, family))
        if route is None:
            route = self._route(destination, port, protocol, family)
            self._routes[destination, port, protocol, family] = route
        return any_backend(
            self._hairpin(source) if backend == source else self._between(source, target)
            for backend, target in route.items()
        )

    def _hairpin(self, pod: Endpoint) -> Prediction:
        """Predict a pod that reaches itself through a Service: in doubt as soon as any policy isolates it."""
        position = self._index.positions[pod]
        isolated = any(numbers[position] != NOT_ISOLATED for numbers in self._index.subjects.values())
        return unspecified(Reason.HAIRPIN) if isolated else ALLOWED

    def _target(self, destination: Endpoint, port: int, protocol: L4Protocol, family: Family, via: Via) -> _Target:
        to = self._index.positions[destination]
        end = self._topology.pods.get(destination) or self._topology.externals[destination]
        key = PortKey(port, protocol, names_of(end, port, protocol), family, via)
        rows = self._rows.setdefault(key, _Rows(self._index, key))
        return to, rows[self._index.subjects[Direction.INGRESS][to]], rows

    def _route(self, destination: Endpoint, port: int, protocol: L4Protocol, family: Family) -> dict[Endpoint, _Target]:
        """Return the pods that answer for a Service's port, each with the port behind it."""
        return {
            pod.endpoint: self._target(pod.endpoint, number, protocol, family, Via.SERVICE)
            for pod, number in backends(self._topology, self._topology.services[destination], port, protocol)
        }


def predict(topology: Topology, policies: Sequence[NetworkPolicy], flows: Iterable[Flow]) -> Matrix[Prediction]:
    """Return the predicted matrix of `flows`, in their order."""
    return Matrix.build(flows, Predictor(topology, policies).decide)
