"""Open an outside: what must be there, each with its remedy, and the sandbox that joins the router."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.cluster.netns.cables import FORWARDING
from harness.cluster.netns.sandbox import Sandbox, find_program
from harness.cluster.outside.outside import Outside
from harness.errors import EnvironmentMissingError
from harness.model.flow import Family

_NAMED = Path("/run/netns")
_PACKAGES = {"ip": "iproute2", "nsenter": "util-linux", "unshare": "util-linux"}


@contextmanager
def open_outside(netns: str, run: str, agent: Path, families: Collection[Family]) -> Iterator[Outside]:
    """Yield the hosts around the network namespace called `netns`; a path names one as well (/proc/PID/ns/net).

    Nothing of them is left on the way out, nor when this process is killed. Raises `EnvironmentMissingError` with
    what is missing, in one sentence; also where the router does not forward one of `families`.
    """
    where = f"--outside {netns}"
    path = _NAMED / netns
    _check_machine(where)
    _check_exists(path, where)
    try:
        sandbox = Sandbox(run, agent, where=where, router=path)
    except EnvironmentMissingError as refused:
        raise EnvironmentMissingError(
            f"this network namespace cannot be joined: {refused.what}",
            where=where,
            remedy=None if os.geteuid() == 0 else "run as root: sudo, with the same options",
        ) from refused
    try:
        yield Outside(sandbox, _forwarded(sandbox, families, netns, where), f"network namespace {netns}")
    finally:
        sandbox.close()


def _check_machine(where: str) -> None:
    if sys.platform != "linux":
        raise EnvironmentMissingError(
            f"externals need Linux's network namespaces, and this is {sys.platform}",
            where=where,
            remedy="run on a Linux machine that the cluster's nodes can route to, or without --outside",
        )
    for program, package in _PACKAGES.items():
        if find_program(program) is None:
            raise EnvironmentMissingError(
                f"{program} is not installed",
                where=where,
                remedy=f"install {package}: apt-get install {package}",
            )


def _check_exists(path: Path, where: str) -> None:
    try:
        there = path.exists()
    except OSError:
        there = True  # not ours to look at: joining it will say so
    if not there:
        known = sorted(item.name for item in _NAMED.iterdir()) if _NAMED.is_dir() else []
        raise EnvironmentMissingError(
            "there is no such network namespace on this machine",
            where=where,
            remedy=f"those that have names: {', '.join(known) or 'none'}; /proc/self/ns/net is this machine's own",
        )


def _forwarded(sandbox: Sandbox, families: Collection[Family], netns: str, where: str) -> frozenset[Family]:
    """Return the families of the cluster that this kernel has. Raises where the router does not forward one of them."""
    found = set()
    for family in sorted(families):
        done = sandbox.order("run", argv=["cat", f"/proc/sys/{FORWARDING[family]}"], stdin="")
        if done["status"] != 0:
            continue  # a kernel without this family has no such setting
        if done["stdout"].strip() == "0":
            raise EnvironmentMissingError(
                f"it does not forward {family}, so that hosts behind it would reach nobody",
                where=where,
                remedy=f"nsenter --net={_NAMED / netns} sysctl -w {FORWARDING[family].replace('/', '.')}=1 (as root)",
            )
        found.add(family)
    return frozenset(found)
