"""Records for tests: keyword-only, valid by default, so that a test writes only what it varies.

The default world is one namespace `shop` with a pod `shop/client`, which listens on
nothing, and a pod `shop/web` on 8080/TCP; the default flow goes from one to the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv6Network, ip_network
from types import EllipsisType

from harness.errors import SourceLocation
from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.labels import LabelSelector, Operator, Requirement
from harness.model.policy import Cidr, Direction, IPBlock, NetworkPolicy, Peer, PolicyPort, Rule
from harness.model.result import Observation, Outcome
from harness.model.topology import (
    METADATA_NAME,
    External,
    Listener,
    Namespace,
    NodePlacement,
    Pod,
    Service,
    ServicePort,
    Topology,
)

Selecting = LabelSelector | Mapping[str, str]
Listening = Listener | int


def location(*, file: str = "shop.scenario.yaml", line: int = 1, column: int = 1) -> SourceLocation:
    """Build a place in a file."""
    return SourceLocation(file, line, column)


def listener(
    *, port: int = 8080, protocol: L4Protocol = L4Protocol.TCP, name: str | None = None, declared: bool = True
) -> Listener:
    """Build a port that something answers on."""
    return Listener(port, protocol, name, declared)


def namespace(*, name: str = "shop", labels: Mapping[str, str] | None = None) -> Namespace:
    """Build a namespace; it carries `kubernetes.io/metadata.name` as every namespace does."""
    return Namespace(name, {**(labels or {}), METADATA_NAME: name})


def pod(
    *,
    namespace: str = "shop",
    name: str = "web",
    labels: Mapping[str, str] | None = None,
    listen: Iterable[Listening] = (8080,),
    node: NodePlacement | None = None,
    host_network: bool = False,
    ready: bool = True,
    group: str | None = None,
) -> Pod:
    """Build a pod; a bare number in `listen` is a declared, nameless TCP port."""
    return Pod(namespace, name, dict(labels or {}), _listeners(listen), node, host_network, ready, group)


def service(
    *,
    namespace: str = "shop",
    name: str = "web",
    selector: Mapping[str, str] | None = None,
    port: int = 80,
    target_port: int | str = 8080,
    protocol: L4Protocol = L4Protocol.TCP,
    ports: Iterable[ServicePort] | None = None,
) -> Service:
    """Build a Service of the pods labelled app=web, with one port unless `ports` says otherwise."""
    chosen = (ServicePort(port, target_port, protocol),) if ports is None else tuple(ports)
    return Service(namespace, name, {"app": "web"} if selector is None else dict(selector), chosen)


def external(
    *,
    name: str = "office",
    address: str | None = "203.0.113.10",
    address6: str | None = None,
    listen: Iterable[Listening] = (),
) -> External:
    """Build a host outside the cluster, at documentation addresses."""
    addresses = {family: given for family, given in zip(Family, (address, address6), strict=True) if given is not None}
    return External(name, addresses, _listeners(listen))


def topology(
    *,
    namespaces: Iterable[Namespace] = (),
    pods: Iterable[Pod] | None = None,
    services: Iterable[Service] = (),
    externals: Iterable[External] = (),
) -> Topology:
    """Build a topology; namespaces that pods and Services need and nobody gave are added, with no labels.

    `pods` None is the default world's two pods.
    """
    chosen = (pod(name="client", listen=()), pod()) if pods is None else tuple(pods)
    offered = tuple(services)
    known = {given.name: given for given in namespaces}
    for name in (*(each.namespace for each in chosen), *(each.namespace for each in offered)):
        known.setdefault(name, namespace(name=name))
    return Topology(
        namespaces=known,
        pods={given.endpoint: given for given in chosen},
        services={given.endpoint: given for given in offered},
        externals={given.endpoint: given for given in externals},
    )


def flow(
    *,
    source: str = "shop/client",
    destination: str = "shop/web",
    port: int = 8080,
    protocol: L4Protocol = L4Protocol.TCP,
    via: Via = Via.POD,
    family: Family = Family.IPV4,
) -> Flow:
    """Build a flow from shop/client to shop/web:8080/TCP by pod address."""
    return Flow(Endpoint(source), Endpoint(destination), port, protocol, via, family)


def requirement(*, key: str = "app", operator: Operator = Operator.IN, values: Iterable[str] = ()) -> Requirement:
    """Build one condition of `matchExpressions`."""
    return Requirement(key, operator, tuple(values))


def selector(*requirements: Requirement, match: Mapping[str, str] | None = None) -> LabelSelector:
    """Build a selector from `matchLabels` and further requirements; nothing at all selects everything."""
    labels = (Requirement(key, Operator.IN, (value,)) for key, value in (match or {}).items())
    return LabelSelector((*labels, *requirements))


def cidr(
    *,
    text: str | None = None,
    around: str | None = None,
    prefix: int | None = None,
    family: Family = Family.IPV4,
) -> Cidr:
    """Build a block of known addresses, or one `around` an endpoint: its own address alone unless `prefix` is given."""
    if around is not None:
        bits = prefix if prefix is not None else (32 if family is Family.IPV4 else 128)
        suffix = "6" if family is Family.IPV6 else ""
        whole = bits == (32 if family is Family.IPV4 else 128)
        shown = f"${{address{suffix}:{around}}}/{bits}" if whole else f"${{network{suffix}:{around}/{bits}}}"
        return Cidr(shown, family, None, Endpoint(around), bits)
    network = ip_network(text or "203.0.113.0/24")
    return Cidr(str(network), Family.IPV6 if isinstance(network, IPv6Network) else Family.IPV4, network)


def peer(
    *,
    pods: Selecting | None = None,
    namespaces: Selecting | None = None,
    block: Cidr | str | None = None,
    excepts: Iterable[Cidr | str] = (),
) -> Peer:
    """Build a peer; given nothing, it is every pod of the policy's own namespace."""
    if block is not None:
        return Peer(ip_block=IPBlock(_cidr(block), tuple(_cidr(each) for each in excepts)))
    if pods is None and namespaces is None:
        return Peer(pod_selector=LabelSelector())
    return Peer(
        pod_selector=None if pods is None else _selector(pods),
        namespace_selector=None if namespaces is None else _selector(namespaces),
    )


def port(
    *, port: int | str | None = 8080, protocol: L4Protocol = L4Protocol.TCP, end_port: int | None = None
) -> PolicyPort:
    """Build one entry of `ports`: a number, a name, or None for every port of the protocol."""
    return PolicyPort(protocol, port, end_port)


def rule(*, peers: Iterable[Peer] = (), ports: Iterable[PolicyPort | int | str] = ()) -> Rule:
    """Build a rule; given nothing, it matches everything. Bare ports are TCP."""
    return Rule(tuple(peers), tuple(each if isinstance(each, PolicyPort) else PolicyPort(port=each) for each in ports))


def policy(
    *,
    namespace: str = "shop",
    name: str = "policy",
    select: Selecting | None = None,
    types: Iterable[Direction] | None = None,
    ingress: Iterable[Rule] = (),
    egress: Iterable[Rule] = (),
    location: SourceLocation | None = None,
) -> NetworkPolicy:
    """Build a policy of every pod of its namespace that denies all ingress.

    `types` are defaulted as the API server does: Ingress, and Egress where there are egress rules.
    """
    inward, outward = tuple(ingress), tuple(egress)
    defaulted = (Direction.INGRESS, Direction.EGRESS) if outward else (Direction.INGRESS,)
    return NetworkPolicy(
        namespace=namespace,
        name=name,
        pod_selector=_selector(select or {}),
        policy_types=defaulted if types is None else tuple(types),
        ingress=inward,
        egress=outward,
        location=location,
    )


def observation(
    *,
    outcome: Outcome = Outcome.OPEN,
    detail: str = "",
    arrived: bool | EllipsisType | None = ...,
    alive: bool | None = True,
    also_open_from: str | None = None,
    answered_by: str | EllipsisType | None = ...,
    elapsed_s: float | None = 0.01,
    settled: bool = True,
) -> Observation:
    """Build an observation: open and answered by shop/web; any other outcome neither arrived nor was answered.

    An ellipsis stands for that default, since None means "could not be read".
    """
    is_open = outcome is Outcome.OPEN
    return Observation(
        outcome=outcome,
        detail=detail,
        arrived=is_open if isinstance(arrived, EllipsisType) else arrived,
        alive=alive,
        also_open_from=None if also_open_from is None else Endpoint(also_open_from),
        answered_by=("shop/web" if is_open else None) if isinstance(answered_by, EllipsisType) else answered_by,
        elapsed_s=elapsed_s,
        settled=settled,
    )


def _listeners(listen: Iterable[Listening]) -> tuple[Listener, ...]:
    return tuple(each if isinstance(each, Listener) else Listener(each) for each in listen)


def _selector(selecting: Selecting) -> LabelSelector:
    return selecting if isinstance(selecting, LabelSelector) else selector(match=selecting)


def _cidr(given: Cidr | str) -> Cidr:
    return cidr(text=given) if isinstance(given, str) else given
