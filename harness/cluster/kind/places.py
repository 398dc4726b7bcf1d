"""Where kind clusters of ours have their few files: a kubeconfig and a lock each, apart from the user's own."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import ClusterError


def _home(variable: str, default: str) -> Path:
    """Return a folder of the XDG Base Directory Specification."""
    given = os.environ.get(variable, "")
    return Path(given) if given.startswith("/") else Path.home() / default


def state() -> Path:
    """Return the folder of kubeconfigs and locks, which nobody else may read; made on demand."""
    folder = _home("XDG_STATE_HOME", ".local/state") / "netpol-harness"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as fault:
        raise ClusterError(
            f"cannot be made: {fault.strerror}", where=str(folder), remedy="set XDG_STATE_HOME to a folder of yours"
        ) from fault
    return folder


def cache() -> Path:
    """Return the folder of vendors' files that were downloaded and checked; made on demand."""
    folder = _home("XDG_CACHE_HOME", ".cache") / "netpol-harness"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def kubeconfig(name: str) -> Path:
    """Return where the kubeconfig of a cluster of ours lies."""
    return state() / f"{name}.kubeconfig"


def unfinished(name: str) -> Path:
    """Return the mark of a cluster that is being built: where it outlives its builder, that was killed."""
    return state() / f"{name}.unfinished"


def lock_file(name: str) -> Path:
    """Return where the lock of a cluster of ours lies; it exists as long as the cluster does."""
    return state() / f"{name}.lock"


@contextmanager
def locked(name: str) -> Iterator[int]:
    """Hold a cluster against every other process of ours; yield the descriptor that holds it.

    The kernel lets go when the last process that inherited it ends, however that ends. Raises `ClusterError` at
    once where somebody else holds it.
    """
    descriptor = _lock(lock_file(name))
    if descriptor is None:
        raise ClusterError(
            "another process is using or building it",
            where=f"kind cluster {name}",
            remedy="wait for that one to end, or choose another --name",
        )
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(name: str) -> bool:
    """Tell whether a process of ours uses or builds the cluster now."""
    if not lock_file(name).exists():
        return False
    descriptor = _lock(lock_file(name))
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def forget(name: str) -> None:
    """Remove the files of a cluster that is gone; called by who holds its lock."""
    for file in (kubeconfig(name), Path(f"{kubeconfig(name)}.lock"), unfinished(name), lock_file(name)):
        file.unlink(missing_ok=True)


def _lock(file: Path) -> int | None:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        # Removed by its last holder between our opening and locking it: then it guards nothing.
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == file.stat().st_ino:
                return descriptor
        os.close(descriptor)
