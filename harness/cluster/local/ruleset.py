"""NetworkPolicies to nft text: what the embedded cluster enforces, as a pure function.

Enforced on the router, in its forward hook, and for pod to node in its input hook. A packet must pass the
egress chain of the pod it comes from and then the ingress chain of the pod it goes to. Each chain *returns*
on a match and drops at its end: an accept in the first would skip the second. Pods that no policy isolates for a
direction have no chain there. What a node sends to its own pods is not forwarded, hence always allowed.

Choices where the API leaves one: an ipBlock matches pods and the node like any address; established
connections outlive a new deny; a deny is silent; a pod reaches itself through a Service.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.cluster.local import addressing, ranges, services
from harness.cluster.local.ranges import Range, Ranges
from harness.cluster.local.selectors import PodIndex
from harness.cluster.local.state import PodState, Policy, State
from harness.model.flow import Family

Addresses = Mapping[Family, Ranges]
PortSpan = tuple[str, Range]
Ports = tuple[PortSpan, ...]

TABLE = "netpol"
_INGRESS, _EGRESS = "Ingress", "Egress"
_PEERS = {_INGRESS: "from", _EGRESS: "to"}
_FAR_END = {_INGRESS: "saddr", _EGRESS: "daddr"}
_WHOLE = {Family.IPV4: (0, 2**32 - 1), Family.IPV6: (0, 2**128 - 1)}
_DENIALS = {
    "drop": ("drop",),
    "reject": ("reject with icmpx port-unreachable",),
    "reset": ("meta l4proto tcp reject with tcp reset", "drop"),
}


def render(state: State) -> str:
    """Return one nft transaction that replaces the whole table with what `state` asks for.

    Deterministic: equal states give equal text.
    """
    return "\n".join(_Compiler(state).table()) + "\n"


class _Compiler:
    """One compilation; remembers sets, chains and rules that occur more than once."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.options = state.options
        self.index = PodIndex(state.pods, state.namespaces)
        self.sets: dict[tuple[Family, Ranges], str] = {}
        self.chains: dict[tuple[str, ...], str] = {}
        self.rules: dict[tuple[int, str, Any], tuple[str, ...]] = {}
        self.addresses: dict[frozenset[int], Addresses] = {}
        self.resolutions: dict[tuple[tuple[str, str], ...], Mapping[Ports, Addresses]] = {}

    def table(self) -> Iterator[str]:
        """Yield the transaction's lines."""
        maps = {direction: self._chains_by_interface(direction) for direction in (_EGRESS, _INGRESS)}
        service_chains, service_elements = services.chains(self.state)
        yield f"add table inet {TABLE}"
        yield f"delete table inet {TABLE}"
        yield f"table inet {TABLE} {{"
        for (family, content), name in self.sets.items():
            yield from _named("set", name, services.ADDRESS_TYPE[family], [ranges.text(content, family)], interval=True)
        for lines, name in self.chains.items():
            yield from _chain(name, lines)
        for direction, chains in maps.items():
            elements = [f'"{interface}" : jump {chain}' for interface, chain in chains.items()]
            yield from _named("map", direction.lower(), "ifname : verdict", elements)
        own = [f'"{pod.interface}" . "{pod.interface}"' for pod in self.state.pods if not pod.host_network]
        yield from _named("set", "itself", "ifname . ifname", own)
        yield from service_chains
        for family, elements in service_elements.items():
            kind = f"{services.ADDRESS_TYPE[family]} . inet_proto . inet_service : verdict"
            yield from _named("map", services.SERVICE_MAP[family], kind, elements)
        for name, lines in self._hooks():
            yield from _chain(name, lines)
        yield "}"

    def _hooks(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        established = ("ct state established,related accept",) if self.options.accepts_established else ()
        ipv6 = () if self.options.ipv6_policed else ("meta nfproto ipv6 accept",)
        # Whatever still goes to the Service range found no backend.
        refused = tuple(
            f"{services.KEYWORD[family]} daddr {cidr} reject with icmpx port-unreachable"
            for family, cidr in addressing.SERVICE_RANGE.items()
        )
        translated = tuple(
            f"{services.KEYWORD[family]} daddr . meta l4proto . th dport vmap @{services.SERVICE_MAP[family]}"
            for family in Family
        )
        egress, ingress = "iifname vmap @egress", "oifname vmap @ingress"
        # Back to the pod it came from, through a Service: it would answer itself, past the router.
        masked = tuple(
            f"iifname . oifname @itself snat {services.KEYWORD[family]} to {address}"
            for family, address in addressing.NODE_ADDRESS.items()
        )
        discovery = (
            "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept"
        )
        yield "prerouting", ("type nat hook prerouting priority dstnat; policy accept;", *translated)
        yield "own-translated", ("type nat hook output priority -100; policy accept;", *translated)
        yield "postrouting", ("type nat hook postrouting priority srcnat; policy accept;", *masked)
        yield "own", ("type filter hook output priority filter; policy accept;", *refused)
        filtering = "priority filter; policy accept;"
        yield "input", (f"type filter hook input {filtering}", *established, discovery, *ipv6, egress)
        itself = "iifname . oifname @itself accept"
        yield (
            "forward",
            (f"type filter hook forward {filtering}", *established, *refused, itself, *ipv6, egress, ingress),
        )

    def _chains_by_interface(self, direction: str) -> dict[str, str]:
        isolating: dict[int, list[int]] = {}
        for number, policy in enumerate(self.state.policies):
            spec = policy["spec"]
            if direction in spec["policyTypes"]:
                for position in self.index.in_namespace(policy["metadata"]["namespace"], spec.get("podSelector")):
                    isolating.setdefault(position, []).append(number)
        result: dict[str, str] = {}
        for position in sorted(isolating):
            pod, numbers = self.state.pods[position], isolating[position]
            if pod.interface in self.state.exempt:
                continue
            if self.options.last_policy_only:
                numbers = numbers[-1:]
            lines = (f"# {direction.lower()}", *self._denied_blocks(numbers, direction))
            for number in numbers:
                lines += self._policy_lines(number, direction, pod)
            # Twice the same rule is once the same rule; pods with the same rules share a chain.
            lines = tuple(dict.fromkeys((*lines, *_DENIALS[self.options.deny])))
            result[pod.interface] = self.chains.setdefault(lines, f"policy-{len(self.chains)}")
        return result

    def _policy_lines(self, number: int, direction: str, subject: PodState) -> tuple[str, ...]:
        rules = self.state.policies[number]["spec"].get(direction.lower()) or ()
        # Only names that are resolved on the subject make its lines differ from another subject's.
        resolved = tuple(self._on_subject(rule, direction, subject) for rule in rules)
        key = (number, direction, resolved)
        if key not in self.rules:
            policy = self.state.policies[number]
            self.rules[key] = tuple(
                line
                for rule, numbers in zip(rules, resolved, strict=True)
                for line in self._rule_lines(policy, rule, direction, numbers)
            )
        return self.rules[key]

    def _resolves_on_subject(self, direction: str) -> bool:
        # The destination's containers name its ports: the subject's own for ingress, the peer's for egress.
        return (direction == _INGRESS) is not self.options.names_on_source

    def _on_subject(self, rule: Mapping[str, Any], direction: str, subject: PodState) -> Ports:
        if not self._resolves_on_subject(direction):
            return ()
        return _resolved(_names(rule), subject)

    def _rule_lines(self, policy: Policy, rule: Mapping[str, Any], direction: str, on_subject: Ports) -> Iterator[str]:
        far = _FAR_END[direction]
        verdict = "accept" if self.options.first_accept_ends and direction == _EGRESS else "return"
        peers = self._peers(policy, rule.get(_PEERS[direction]) or ())
        ports = [""] if not rule.get("ports") else list(self._port_matches((*_numbered(rule), *on_subject)))
        if ports:
            matches = [""] if peers is None else self._matches(far, peers)
            yield from (f"{match}{port}{verdict}" for port in ports for match in matches)
        if rule.get("ports") and not self._resolves_on_subject(direction):
            # A name means another number on another pod, and nothing on what is no pod.
            for resolved, named in self._by_resolution(tuple(_names(rule))).items():
                content = named if peers is None else _shared(peers, named)
                matches = self._matches(far, content)
                yield from (f"{match}{port}{verdict}" for port in self._port_matches(resolved) for match in matches)

    def _peers(self, policy: Policy, peers: Iterable[Mapping[str, Any]]) -> Addresses | None:
        """Return the addresses that any of `peers` stands for; without peers None, which is anybody."""
        pods: frozenset[int] | None = None
        blocks: dict[Family, Ranges] = {}
        for peer in peers:
            pods = pods or frozenset()
            if peer.get("ipBlock") is not None:
                family, content = ranges.block(peer["ipBlock"])
                if not self.options.blocks_match_pods:
                    content = ranges.without(content, [ranges.network(addressing.POD_RANGE[family])[1]])
                blocks[family] = (*blocks.get(family, ()), *content)
            else:
                pods |= self.index.peer(policy["metadata"]["namespace"], peer)
        if pods is None:
            return None
        known = self._addresses(pods)
        return {**known, **{family: ranges.merged((*known.get(family, ()), *blocks[family])) for family in blocks}}

    def _matches(self, far: str, content: Addresses) -> list[str]:
        matches = []
        for family in Family:
            spans = content.get(family)
            if spans == (_WHOLE[family],):
                matches.append(f"meta nfproto {family.lower()} ")
            elif spans:
                name = self.sets.setdefault((family, spans), f"addresses-{len(self.sets)}")
                matches.append(f"{services.KEYWORD[family]} {far} @{name} ")
        return matches

    def _addresses(self, pods: frozenset[int]) -> Addresses:
        if pods not in self.addresses:
            by_family: dict[Family, list[Range]] = {}
            for position in pods:
                for family, address in self.state.pods[position].seen_at.items():
                    number = ranges.number(address)
                    by_family.setdefault(family, []).append((number, number))
            self.addresses[pods] = {family: ranges.merged(numbers) for family, numbers in by_family.items()}
        return self.addresses[pods]

    def _by_resolution(self, names: tuple[tuple[str, str], ...]) -> Mapping[Ports, Addresses]:
        """Return which numbers port names come to, and on which pods they do."""
        if names not in self.resolutions:
            groups: dict[Ports, set[int]] = {}
            for position in sorted(self.index.everyone()) if names else ():
                ports = _resolved(names, self.state.pods[position])
                if ports:
                    groups.setdefault(ports, set()).add(position)
            self.resolutions[names] = {ports: self._addresses(frozenset(group)) for ports, group in groups.items()}
        return self.resolutions[names]

    def _port_matches(self, ports: Iterable[PortSpan]) -> Iterator[str]:
        by_protocol: dict[str, list[Range]] = {}
        for protocol, span in ports:
            by_protocol.setdefault(protocol, []).append(span)
        for protocol, spans in by_protocol.items():
            content = ranges.merged(spans)
            if content == ((0, 65535),):
                yield f"meta l4proto {protocol} "
            elif self.options.before_dnat:
                yield f"meta l4proto {protocol} ct original proto-dst {ranges.ports_text(content)} "
            else:
                yield f"{protocol} dport {ranges.ports_text(content)} "

    def _denied_blocks(self, numbers: Iterable[int], direction: str) -> tuple[str, ...]:
        if not self.options.excepts_deny:
            return ()
        excepts = [
            ranges.network(text)
            for number in numbers
            for rule in self.state.policies[number]["spec"].get(direction.lower()) or ()
            for peer in rule.get(_PEERS[direction]) or ()
            for text in (peer.get("ipBlock") or {}).get("except") or ()
        ]
        holes = {family: ranges.merged(span for found, span in excepts if found is family) for family in Family}
        return tuple(f"{match}drop" for match in self._matches(_FAR_END[direction], holes))


def _resolved(names: Iterable[tuple[str, str]], pod: PodState) -> Ports:
    return tuple(
        (protocol, (number, number)) for name, protocol in names for number in sorted(pod.numbers(name, protocol))
    )


def _shared(one: Addresses, other: Addresses) -> Addresses:
    return {family: ranges.common(one[family], other[family]) for family in one.keys() & other.keys()}


def _names(rule: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(port["port"], _protocol(port)) for port in rule.get("ports") or () if isinstance(port.get("port"), str)]


def _numbered(rule: Mapping[str, Any]) -> Iterator[PortSpan]:
    for port in rule["ports"]:
        number = port.get("port")
        if number is None:
            yield _protocol(port), (0, 65535)
        elif isinstance(number, int):
            yield _protocol(port), (number, port.get("endPort") or number)


def _protocol(port: Mapping[str, Any]) -> str:
    return (port.get("protocol") or "TCP").lower()


def _named(what: str, name: str, kind: str, elements: list[str], *, interval: bool = False) -> Iterator[str]:
    yield f"  {what} {name} {{"
    yield f"    type {kind}"
    if interval:
        yield "    flags interval"
    if elements:
        yield "    elements = { " + ", ".join(elements) + " }"
    yield "  }"


def _chain(name: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"  chain {name} {{"
    yield from (f"    {line}" for line in lines)
    yield "  }"
