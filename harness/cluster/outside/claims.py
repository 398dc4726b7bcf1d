"""Which externals are one host, and which must wait for each other.

Pure bookkeeping. Their addresses are fixed, so that lanes side by side may want the same one: two externals that agree
in everything are one host, which is there as long as any of them is; two that only share an address never are at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from harness.errors import ClusterError
from harness.model.flow import Family
from harness.model.scenario import ObjectRef


@dataclass(frozen=True, slots=True)
class Host:
    """A machine outside: its addresses, at most one a family, and the arguments of its agent."""

    addresses: tuple[tuple[Family, str], ...]
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, manifest: Mapping[str, Any], families: Collection[Family]) -> Host:
        """Return the host that an `External` describes, with addresses of `families` alone."""
        spec = manifest["spec"]
        # As the kernel writes them, so that what it shows can be compared.
        written = {Family(family): str(ip_address(text)) for family, text in spec["addresses"].items()}
        usable = tuple((family, written[family]) for family in Family if family in families and family in written)
        return cls(usable, tuple(spec["args"]))

    @property
    def agent(self) -> str:
        """The name that its agent answers by."""
        return self.arguments[self.arguments.index("--name") + 1]

    def shares_address(self, other: Host) -> bool:
        """Tell whether both want the same address."""
        return not {text for _, text in self.addresses}.isdisjoint(text for _, text in other.addresses)


class Claims:
    """Which object stands for which host; not thread-safe."""

    def __init__(self) -> None:
        self._hosts: dict[ObjectRef, Host] = {}

    def host(self, ref: ObjectRef) -> Host | None:
        """Return the host of an object, None for an object that claims nothing."""
        return self._hosts.get(ref)

    def conflict(self, wanted: Mapping[ObjectRef, Host]) -> tuple[Host, Host] | None:
        """Return a host that cannot be there yet and the one that is in its way; None if all can be.

        Raises `ClusterError` for what no waiting helps: two of `wanted` at one address, or an object that changes.
        """
        hosts = list(dict.fromkeys(wanted.values()))
        for ref, host in wanted.items():
            if self._hosts.get(ref, host) != host:
                raise ClusterError("an external that is up cannot change; delete it first", where=str(ref))
            for other in hosts:
                if other != host and other.shares_address(host):
                    raise ClusterError(f"its address is that of {other.agent} too", where=str(ref))
        for host in hosts:
            for other in self._hosts.values():
                if other != host and other.shares_address(host):
                    return host, other
        return None

    def new(self, wanted: Mapping[ObjectRef, Host]) -> list[Host]:
        """Return the hosts of `wanted` that nobody has claimed yet, each once."""
        there = set(self._hosts.values())
        return [host for host in dict.fromkeys(wanted.values()) if host not in there]

    def claim(self, wanted: Mapping[ObjectRef, Host]) -> None:
        """Note that these objects stand for these hosts."""
        self._hosts.update(wanted)

    def release(self, refs: Iterable[ObjectRef]) -> list[Host]:
        """Drop the claims of these objects, and return the hosts that nobody claims any more."""
        released = [self._hosts.pop(ref) for ref in refs if ref in self._hosts]
        there = set(self._hosts.values())
        return [host for host in dict.fromkeys(released) if host not in there]
