"""Clusters of ours that exist: which, what for, and how to be rid of them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from harness.cluster.kind import places
from harness.cluster.kind.programs import Programs
from harness.cluster.kind.spec import RUN_PREFIX, full_name, is_ours
from harness.cluster.kind.tool import find_kind
from harness.errors import ClusterError


@dataclass(frozen=True, slots=True)
class Kept:
    """A kind cluster of ours; `is_leftover` says that its run is dead."""

    name: str
    state: str
    is_leftover: bool = False

    def __str__(self) -> str:
        return f"kind cluster {self.name}: {self.state}"


def clusters() -> tuple[Kept, ...]:
    """Return the clusters of ours. Raises `ClusterError` where kind cannot be asked."""
    return tuple(_described(name) for name in find_kind(Programs()).clusters() if is_ours(name))


def delete(name: str | None) -> tuple[str, bool]:
    """Delete a cluster of ours; return its full name, and whether there was one.

    Raises `ClusterError` while a process of ours uses or builds it, and where something of it stays.
    """
    full = full_name(name)
    programs = Programs()
    kind = find_kind(programs)
    with places.locked(full):
        was_there = bool(kind.engine.nodes(full))
        if was_there:
            kind.delete(full, places.kubeconfig(full))
        places.forget(full)
    return full, was_there


def find_leftovers(run: str | None = None) -> tuple[Kept, ...]:
    """Return the clusters of runs of ours that died, or of this one; none where there is no kind to ask."""
    if shutil.which("kind") is None:
        return ()
    try:
        found = tuple(item for item in clusters() if item.is_leftover)
    except ClusterError:
        # No engine that answers: there is nothing that could have been left, or nobody to ask about it.
        return ()
    return tuple(item for item in found if run is None or item.name == f"{RUN_PREFIX}{run}")


def remove_leftovers(found: tuple[Kept, ...]) -> None:
    """Delete clusters of dead runs."""
    for item in found:
        delete(item.name)


def _described(name: str) -> Kept:
    if places.is_held(name):
        return Kept(name, "in use")
    if not name.startswith(RUN_PREFIX):
        return Kept(name, "kept")
    # Without our lock file it may be somebody else's, who has a state folder of his own.
    if places.lock_file(name).exists():
        return Kept(name, "left by a run that died", is_leftover=True)
    return Kept(name, "of a run of somebody else")
