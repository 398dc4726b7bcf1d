"""The verbs for `External` objects: hosts that come, are shared, are waited for, and go."""

from __future__ import annotations

import itertools
import json
import secrets
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from harness.cluster.netns import cables
from harness.cluster.netns.channel import SocketChannel
from harness.cluster.netns.sandbox import Sandbox
from harness.cluster.outside.claims import Claims, Host
from harness.errors import ClusterError
from harness.manifests import ref
from harness.model.flow import Family
from harness.model.scenario import ObjectRef

# A lane that has the address may have several scenarios to play, of half a minute each where nothing settles.
WAIT_S = 900.0
# Another run on the same router tells nobody when it lets go of an address.
_LOOK_S = 0.25
_POLL_S = 0.01
_TAKEN = "File exists"
_APART = "play fewer scenarios at once (--parallel 1), or give the externals of one of them other addresses"


class Outside:
    """Hosts around a router that leads to a cluster; may be used by many threads at once.

    `families` are those that the router forwards.
    """

    def __init__(self, sandbox: Sandbox, families: Collection[Family], name: str) -> None:
        """Take a sandbox that stands in the router; `name` is what errors call that one."""
        self._sandbox = sandbox
        self._families = frozenset(families)
        self._name = name
        # Other runs have interfaces in the same router. With its number a name has at most 15 characters.
        self._prefix = f"np{secrets.token_hex(3)}-"
        self._serial = itertools.count(1)
        self._interfaces: dict[Host, str] = {}
        self._claims = Claims()
        self._changed = threading.Condition()

    def apply(self, manifests: Sequence[Mapping[str, Any]], deadline_s: float = WAIT_S) -> None:
        """Bring up the hosts of all these externals, as soon as nobody else has an address of theirs.

        All at once or none: who waits holds nothing, so that no two can wait for each other. Raises `ClusterError`
        after the deadline, with who was in the way.
        """
        wanted = {ref(item): Host.of(item, self._families) for item in manifests}
        end = time.monotonic() + deadline_s
        with self._changed:
            while (obstacle := self._try(wanted)) is not None:
                left = end - time.monotonic()
                if left <= 0:
                    raise ClusterError(
                        f"waited {deadline_s:g} s, and {obstacle}", where=", ".join(map(str, wanted)), remedy=_APART
                    )
                self._changed.wait(min(left, _LOOK_S))

    def delete(self, refs: Sequence[ObjectRef]) -> None:
        """Delete externals, and the hosts that none is left of; absent ones are fine."""
        with self._changed:
            gone = {host: self._interfaces.pop(host) for host in self._claims.release(refs)}
            try:
                self._take_down(gone)
            finally:
                self._changed.notify_all()

    def wait_ready(self, refs: Sequence[ObjectRef], deadline_s: float) -> Mapping[ObjectRef, Mapping[Family, str]]:
        """Wait until agents can be connected to and cables carry; return the addresses.

        Raises `ClusterError` at once for an agent that ended, and after the deadline.
        """
        end = time.monotonic() + deadline_s
        hosts = {item: self._host(item) for item in refs}
        named = {self._interfaces[host]: str(item) for item, host in hosts.items()}
        self._sandbox.wait_ready(named, deadline_s)
        self._wait_for_cables(named, end)
        return {item: dict(host.addresses) for item, host in hosts.items()}

    def open_agent(self, item: ObjectRef) -> SocketChannel:
        """Open a channel to the agent of an external that is ready; all that share it may have theirs."""
        interface = self._interfaces[self._host(item)]
        try:
            return SocketChannel(self._sandbox.connect(interface), str(item))
        except ClusterError as fault:
            raise ClusterError(f"its agent cannot be reached: {fault.what}", where=str(item)) from fault

    def describe(self, item: ObjectRef) -> list[str]:
        """Return an external as lines for a person: its addresses, its process and what that printed."""
        host = self._claims.host(item)
        if host is None:
            return [f"{item}: does not exist"]
        interface = self._interfaces[host]
        lines = [f"{item}: at {', '.join(text for _, text in host.addresses)}, behind {interface} of {self._name}"]
        for told in self._sandbox.order("describe", keys=[interface]).values():
            lines.append(f"  process {told['pid']}: {told['condition']}")
            lines += [f"  | {line}" for line in told["output"].splitlines()[-20:]]
        return lines

    def _wait_for_cables(self, named: Mapping[str, str], end: float) -> None:
        """Wait for the router's ends to carry: a kernel that is busy drops all they are given for a second or more."""
        while dead := named.keys() - self._carrying():
            if time.monotonic() > end:
                names = ", ".join(sorted(named[name] for name in dead))
                raise ClusterError("its cable carries nothing yet", where=names)
            time.sleep(_POLL_S)

    def _carrying(self) -> set[str]:
        return {link["ifname"] for link in self._shown("link", "show") if link["operstate"] == "UP"}

    # -- making it so ------------------------------------------------------------

    def _host(self, item: ObjectRef) -> Host:
        with self._changed:
            host = self._claims.host(item)
        if host is None:
            raise ClusterError("there is no such external", where=str(item))
        return host

    def _try(self, wanted: Mapping[ObjectRef, Host]) -> str | None:
        """Bring up all of `wanted`, or none and return what is in the way."""
        found = self._claims.conflict(wanted)
        if found is not None:
            host, other = found
            return f"{other.agent} of another scenario, at an address of {host.agent}, is still up"
        new = self._claims.new(wanted)
        obstacle = self._bring_up(new) if new else None
        if obstacle is None:
            self._claims.claim(wanted)
        return obstacle

    def _bring_up(self, hosts: Sequence[Host]) -> str | None:
        self._refuse_own_addresses(hosts)
        obstacle = self._routed_elsewhere(hosts)
        if obstacle is not None:
            return obstacle
        interfaces = {host: f"{self._prefix}{next(self._serial)}" for host in hosts}
        pods = [
            {
                "key": interface,
                "name": host.agent,
                "arguments": list(host.arguments),
                "cable": cables.cable(interface, dict(host.addresses)),
                "inside": cables.inside(dict(host.addresses)),
            }
            for host, interface in interfaces.items()
        ]
        try:
            self._sandbox.order("spawn", pods=pods, settings=dict(cables.ANSWER_EVERYBODY))
        except ClusterError as fault:
            self._unplug(interfaces)
            if _TAKEN not in fault.what:
                raise
            # The kernel's own table is what keeps two runs from having one address.
            return f"somebody else was quicker to have a route in {self._name}: {fault.what}"
        self._interfaces.update(interfaces)
        return None

    def _refuse_own_addresses(self, hosts: Sequence[Host]) -> None:
        links = self._shown("address", "show")
        own = {item.get("local"): link["ifname"] for link in links for item in link.get("addr_info", ())}
        for host in hosts:
            for _, address in host.addresses:
                if address in own:
                    raise ClusterError(
                        f"{address} is an address of {self._name} itself, on {own[address]}",
                        where=f"External/{host.agent}",
                        remedy="give the external another address, or take that one from the router",
                    )

    def _routed_elsewhere(self, hosts: Sequence[Host]) -> str | None:
        routes = [*self._shown("-4", "route", "show"), *self._shown("-6", "route", "show")]
        # An exact destination is shown without its length.
        taken = {item["dst"]: item.get("dev", item.get("type")) for item in routes}
        for host in hosts:
            for _, address in host.addresses:
                if address in taken:
                    return f"{self._name} leads to {address}, of {host.agent}, over somebody else's {taken[address]}"
        return None

    def _shown(self, *words: str) -> list[dict[str, Any]]:
        # Some releases print nothing at all for an empty list.
        shown: list[dict[str, Any]] = json.loads(self._sandbox.run(["ip", "-json", *words], "") or "[]")
        return shown

    def _take_down(self, hosts: Mapping[Host, str]) -> None:
        if hosts:
            self._unplug(hosts)
            self._sandbox.order("kill", keys=list(hosts.values()))

    def _unplug(self, hosts: Mapping[Host, str]) -> None:
        # With the interface go its routes. A host that failed to start has none; the others' must go all the same.
        lines = [f"link delete {interface}" for interface in hosts.values()]
        self._sandbox.order("run", argv=["ip", "-force", "-batch", "-"], stdin="\n".join(lines) + "\n")
