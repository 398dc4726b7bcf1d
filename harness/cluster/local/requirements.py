"""What the local cluster needs of a machine, and how to get it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from harness.cluster.netns.sandbox import find_program, namespaces_refused, namespaces_remedy

_PACKAGES = {"ip": "iproute2", "nft": "nftables", "unshare": "util-linux"}


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is not there; `remedy` is a command, or a sentence."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


def requirements() -> list[Missing]:
    """Return what this machine lacks, with the command that helps; empty if clusters can be opened."""
    if sys.platform != "linux":
        return [
            Missing(f"the local cluster needs Linux, and this is {sys.platform}", "use --cluster kind or kubeconfig")
        ]
    missing = [
        Missing(f"{program} is not installed", f"install {package}: apt-get install {package}")
        for program, package in _PACKAGES.items()
        if find_program(program) is None
    ]
    refusal = None if missing else namespaces_refused()
    if refusal is not None:
        missing.append(Missing(f"network namespaces are refused: {refusal}", namespaces_remedy()))
    return missing
