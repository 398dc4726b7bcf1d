"""A scenario after decoding: every reference resolved, every expectation a total matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from harness.errors import SourceLocation
from harness.model.flow import Flow
from harness.model.matrix import Matrix
from harness.model.policy import NetworkPolicy
from harness.model.topology import ProbeSettings, Relabel, Topology


class Expected(StrEnum):
    """What an author declares of a flow.

    `deny` accepts any way of denying; `drop` wants silence, `reject` an answer
    that says no; `ignore` is never judged and needs a reason.
    """

    ALLOW = "allow"
    DENY = "deny"
    DROP = "drop"
    REJECT = "reject"
    IGNORE = "ignore"

    @property
    def is_deny(self) -> bool:
        """Whether the flow must not be open."""
        return self in (Expected.DENY, Expected.DROP, Expected.REJECT)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declared cell, with the place of the rule that declared it.

    `because` is the author's reason: required for `ignore`; elsewhere it owns up
    to a difference from the published semantics. `predicted` marks a cell of
    `expect: predicted`, which no author declared.
    """

    expected: Expected
    location: SourceLocation
    because: str | None = None
    predicted: bool = False


class ObjectRef(NamedTuple):
    """A Kubernetes object by kind, namespace ("" for cluster-scoped ones) and name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(part for part in self if part)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a manifest file, `document` being exactly what the author wrote.

    `policy` is the typed view of this document alone, for NetworkPolicies.
    """

    ref: ObjectRef
    document: Mapping[str, Any]
    location: SourceLocation
    policy: NetworkPolicy | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A set of changes, and the matrix expected once they are in force.

    The changes happen in the order of the fields. `topology`, `policies` and `flows` are
    the state afterwards, `policies` as the API server would have stored them. `declared` is
    None for `expect: predicted`.
    """

    name: str
    location: SourceLocation
    add: Topology
    remove: tuple[str, ...]
    restart: tuple[str, ...]
    relabel: tuple[Relabel, ...]
    delete: tuple[ObjectRef, ...]
    apply: tuple[Manifest, ...]
    wait_s: float
    topology: Topology
    policies: tuple[NetworkPolicy, ...]
    flows: tuple[Flow, ...]
    declared: Matrix[Declaration] | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario file; `topology` is the state before the first step."""

    name: str
    about: str
    tags: tuple[str, ...]
    file: str
    location: SourceLocation
    topology: Topology
    probe: ProbeSettings
    steps: tuple[Step, ...]
