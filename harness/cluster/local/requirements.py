"""What the local cluster needs of a machine, and how to get it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from harness.cluster.local.sandbox import find_program

_PACKAGES = {"ip": "iproute2", "nft": "nftables", "unshare": "util-linux"}


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is not there; `remedy` is a command, or a sentence."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


def requirements() -> list[Missing]:
    """Return what this machine lacks; empty if a cluster may be opened.

    Programs only: whether namespaces are allowed shows when a sandbox is started.
    """
    if sys.platform != "linux":
        return [Missing(f"the local cluster needs Linux, and this is {sys.platform}", "use --cluster kind or kubeconfig")]
    return [
        Missing(f"{program} is not installed", f"install {package}: apt-get install {package}")
        for program, package in _PACKAGES.items()
        if find_program(program) is None
    ]
