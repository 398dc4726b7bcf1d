"""Random small worlds from a vocabulary so narrow that policies and pods keep meeting.

Whatever has few shapes is drawn in one go from a list of them, simplest first: an example takes a
millisecond, and shrinks to something that can be read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from hypothesis import strategies as st

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.labels import Operator
from harness.model.policy import Direction, NetworkPolicy, PolicyPort, Rule
from harness.model.topology import NodePlacement, Pod, ProbeSettings, ServicePort, Topology
from tests import builders as build

TCP, UDP = L4Protocol.TCP, L4Protocol.UDP
NAMESPACES = ("shop", "guest")
NAMES = ("shop/p0", "shop/p1", "guest/p0", "shop/p2")
EVERYTHING = ProbeSettings(via=tuple(Via), families=tuple(Family))


@dataclass(frozen=True)
class World:
    """A topology and the policies in it."""

    topology: Topology
    policies: tuple[NetworkPolicy, ...]

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Every flow, by every way and family."""
        return self.topology.flows(EVERYTHING)


LABELS: tuple[dict[str, str], ...] = ({"app": "web"}, {"app": "web", "tier": ""}, {"app": "db", "tier": "1"}, {})
LISTENERS = (
    (build.listener(port=80, name="http"),),
    (build.listener(port=80),),
    (build.listener(port=81, name="http"), build.listener(port=80, protocol=UDP, name="dns")),
    (build.listener(port=80, name="http"), build.listener(port=81, name="dns")),
    (build.listener(port=80, name="http", declared=False), build.listener(port=80, protocol=UDP, name="http")),
)
SELECTORS = (
    build.selector(),
    build.selector(match={"app": "web"}),
    build.selector(match={"app": "web", "tier": ""}),
    build.selector(build.requirement(key="app", operator=Operator.NOT_IN, values=("web", "x"))),
    build.selector(build.requirement(key="app", values=("web", "db"))),
    build.selector(build.requirement(key="tier", operator=Operator.EXISTS)),
    build.selector(build.requirement(key="tier", operator=Operator.DOES_NOT_EXIST)),
    build.selector(build.requirement(operator=Operator.NOT_IN, values=("web",)), match={"app": "web"}),
)
NAMESPACE_SELECTORS = (
    build.selector(),
    build.selector(match={"team": "red"}),
    build.selector(build.requirement(key="team", operator=Operator.NOT_IN, values=("red",))),
    build.selector(match={"kubernetes.io/metadata.name": "guest"}),
)
CIDRS = {
    Family.IPV4: (
        *(build.cidr(text=text) for text in ("0.0.0.0/0", "10.0.0.0/8", "203.0.113.0/24", "203.0.113.10/32")),
        *(build.cidr(around=name, prefix=bits) for bits in (32, 24, 16) for name in (*NAMES[:2], "office", "bad")),
    ),
    Family.IPV6: (
        *(build.cidr(text=text) for text in ("::/0", "fd00::/8", "2001:db8::/64")),
        *(
            build.cidr(around=name, prefix=bits, family=Family.IPV6)
            for bits in (128, 64, 16)
            for name in (*NAMES[:2], "office", "bad")
        ),
    ),
}
SELECTING = (
    *(build.peer(pods=pods) for pods in SELECTORS),
    *(build.peer(namespaces=namespaces) for namespaces in NAMESPACE_SELECTORS),
    *(
        build.peer(pods=pods, namespaces=namespaces)
        for pods, namespaces in product(SELECTORS[1:4], NAMESPACE_SELECTORS)
    ),
)
BLOCKS = (
    *(build.peer(block=cidr) for family in Family for cidr in CIDRS[family]),
    *(
        build.peer(block=cidr, excepts=[carved])
        for family in Family
        for cidr in CIDRS[family][:1]
        for carved in CIDRS[family][1:]
    ),
)
PORTS: tuple[tuple[PolicyPort, ...], ...] = (
    (),
    (build.port(port=80),),
    (build.port(port="http"),),
    (build.port(port=80, end_port=81),),
    (build.port(port=None, protocol=UDP),),
    (build.port(port=81), build.port(port="http")),
    (build.port(port="dns", protocol=UDP), build.port(port="dns")),
)
TYPES = ((Direction.EGRESS,), (Direction.INGRESS,), (Direction.INGRESS, Direction.EGRESS))
SHAPES = tuple(
    build.pod(labels=labels, listen=listeners, host_network=host, ready=ready)
    for host, ready in ((False, True), (False, True), (False, True), (False, False), (True, True))
    for labels, listeners in product(LABELS, LISTENERS)
)

PEERS = st.one_of(st.sampled_from(SELECTING), st.sampled_from(BLOCKS))
PEER_LISTS = st.lists(PEERS, min_size=1, max_size=2).map(tuple)
RULES = st.builds(Rule, PEER_LISTS | PEER_LISTS | st.just(()), st.sampled_from(PORTS))
RULE_LISTS = st.lists(RULES, max_size=3).map(tuple)
POLICIES = st.builds(
    NetworkPolicy,
    namespace=st.sampled_from(NAMESPACES),
    name=st.just("policy"),
    pod_selector=st.sampled_from(SELECTORS),
    policy_types=st.sampled_from(TYPES),
    ingress=RULE_LISTS,
    egress=RULE_LISTS,
)
SERVICES = st.sampled_from(
    tuple(
        build.service(
            namespace=namespace,
            name="svc",
            selector=selector,
            ports=[ServicePort(8000, target, TCP), ServicePort(8000, 80, UDP)],
        )
        for target in ("http", 80)
        for namespace in NAMESPACES
        for selector in ({"app": "web"}, {"tier": "1"})
    )
)
EXTERNALS = (
    build.external(address6="2001:db8::10", listen=[80, build.listener(port=81, name="http")]),
    build.external(name="bad", address="198.51.100.7"),
)


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Draw two to four pods in two namespaces, and a Service and externals now and then."""
    names = NAMES[: draw(st.integers(2, len(NAMES)))]
    nodes = st.builds(NodePlacement, st.booleans(), st.sampled_from([Endpoint(name) for name in names]))
    pods: list[Pod] = []
    for name in names:
        namespace, _, own = name.partition("/")
        pods.append(replace(draw(st.sampled_from(SHAPES)), namespace=namespace, name=own))
    if any(pod.host_network for pod in pods):
        pods = [replace(pod, node=draw(st.none() | nodes)) for pod in pods]
    teams = draw(st.sampled_from((({}, {}), ({"team": "red"}, {}), ({"team": "red"}, {"team": "blue"}))))
    return build.topology(
        namespaces=[build.namespace(name=name, labels=team) for name, team in zip(NAMESPACES, teams, strict=True)],
        pods=pods,
        services=draw(st.lists(SERVICES, min_size=1, max_size=1)),
        externals=EXTERNALS[: draw(st.integers(0, 2))],
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a topology and one to three policies."""
    return World(draw(topologies()), tuple(draw(st.lists(POLICIES, min_size=1, max_size=3))))
