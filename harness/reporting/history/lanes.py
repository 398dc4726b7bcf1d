"""Which runs may be compared with each other.

Pure. Runs are *comparable* when they were of the same kind of cluster: the same kind, CNI, IP families, and the same
minor versions of CNI and Kubernetes, so that a patch release that breaks something shows as a regression, and two
Kubernetes versions that are tried side by side every night do not show as a quarrel. A fault that an emulator
was told to have counts too. `Across` widens all that where somebody asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from enum import StrEnum

from harness.model.result import ClusterFacts
from harness.reporting.history.records import RunHeader

_MINOR = re.compile(r"v?(\d+\.\d+)(?:[.+-]|$)")
NO_CLUSTER = "no cluster was opened"
FAULT_NOTE = "misbehaves on purpose"  # begins the note of an emulator that was given a fault


class Across(StrEnum):
    """What two runs may differ in and still be compared."""

    PATCHES = "patches"
    VERSIONS = "versions"
    CLUSTERS = "clusters"


def lane(header: RunHeader, across: Across = Across.PATCHES) -> Hashable:
    """Return a value that is equal for comparable runs.

    Runs that never opened a cluster are comparable with each other only, unless everything is.
    """
    facts = header.cluster
    if across is Across.CLUSTERS:
        return ()
    if facts is None:
        return (NO_CLUSTER,)
    versions = (minor(facts.cni_version), minor(facts.kubernetes)) if across is Across.PATCHES else ()
    return (facts.kind, facts.emulated, facts.cni, facts.families, _faults(facts), versions)


def same_conditions(header: RunHeader) -> Hashable | None:
    """Return a value that is equal for runs of one commit on clusters of equal facts, None where either is unknown.

    Under these a verdict has no business to change: where one does, that is a flake.
    """
    facts = header.cluster
    if header.commit is None or facts is None:
        return None
    versions = (facts.cni_version, facts.kubernetes)
    return (header.commit, facts.kind, facts.emulated, facts.cni, facts.families, _faults(facts), versions)


def label(header: RunHeader, across: Across = Across.PATCHES) -> str:
    """Say what the runs of a lane have in common: `kind, CNI calico 3.30, Kubernetes 1.34, IPv4`."""
    facts = header.cluster
    if across is Across.CLUSTERS:
        return "all clusters"
    if facts is None:
        return NO_CLUSTER
    is_narrow = across is Across.PATCHES
    parts = [facts.kind]
    if facts.cni:
        parts.append(f"CNI {facts.cni} {(minor(facts.cni_version) or '') if is_narrow else ''}".rstrip())
    if facts.kubernetes and is_narrow:
        parts.append(f"Kubernetes {minor(facts.kubernetes)}")
    if facts.families:
        parts.append("+".join(facts.families))
    return ", ".join([*parts, *_faults(facts)])


def versions(header: RunHeader) -> str:
    """Say the exact versions: `calico v3.30.1, Kubernetes v1.34.2`; empty where there are none."""
    facts = header.cluster
    if facts is None:
        return ""
    cni = " ".join(part for part in (facts.cni, facts.cni_version) if part)
    return ", ".join(part for part in (cni, f"Kubernetes {facts.kubernetes}" if facts.kubernetes else "") if part)


def minor(version: str | None) -> str | None:
    """Return `1.34` of `v1.34.2`; what does not look like a version stays whole."""
    match = _MINOR.match(version or "")
    return match[1] if match else version


def _faults(facts: ClusterFacts) -> tuple[str, ...]:
    # An emulator is the same everywhere, but for what it was told to get wrong.
    return tuple(note for note in facts.notes if note.startswith(FAULT_NOTE)) if facts.emulated else ()
