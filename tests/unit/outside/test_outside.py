"""What is asked of a sandbox for externals, and in which words; the sandbox only writes it down."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from harness.cluster.outside.outside import Outside
from harness.errors import ClusterError
from harness.manifests import external, ref
from harness.model.flow import Family
from harness.model.scenario import ObjectRef
from harness.model.topology import External, Listener

V4, V6 = Family.IPV4, Family.IPV6
TAKEN = "spawn: RuntimeError: ip: RTNETLINK answers: File exists"


class Recorder:
    """A sandbox that does nothing. `faults` are what the next spawns end with; `taken` is routed, for some looks."""

    def __init__(self, *faults: str, taken: str = "", looks: int = 1, own: str = "192.0.2.1") -> None:
        self.orders: list[tuple[str, dict[str, Any]]] = []
        self.faults = list(faults)
        self.taken = [taken] * looks
        self.own = own
        self.state = "UP"

    def order(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Write down an order."""
        self.orders.append((verb, arguments))
        if verb == "spawn" and self.faults:
            raise ClusterError(self.faults.pop(0))
        return {"status": 0, "stdout": "", "stderr": ""}

    def run(self, argv: list[str], stdin: str) -> str:
        """Answer what is asked of ip."""
        self.orders.append(("run", {"argv": argv, "stdin": stdin}))
        if "address" in argv:
            return json.dumps([{"ifname": "eth0", "addr_info": [{"local": self.own}]}])
        if "link" in argv:
            spawned = [pod["key"] for verb, given in self.orders if verb == "spawn" for pod in given["pods"]]
            return json.dumps([{"ifname": name, "operstate": self.state} for name in spawned])
        if "-4" in argv and self.taken:
            return json.dumps([{"dst": self.taken.pop(), "dev": "npfff-1"}])
        return ""

    def wait_ready(self, hosts: dict[str, str], _: float) -> None:
        """Everything is ready at once."""
        self.orders.append(("ready", {"hosts": hosts}))

    def spawned(self) -> list[str]:
        """Return the names of the agents that were started, each time."""
        return [pod["name"] for verb, given in self.orders if verb == "spawn" for pod in given["pods"]]


def _outside(sandbox: Recorder, *families: Family) -> Outside:
    return Outside(sandbox, families or (V4, V6), "network namespace out")  # type: ignore[arg-type]


def _external(name: str, *addresses: str, stage: str = "x1") -> dict[str, Any]:
    by_family = {V6 if ":" in text else V4: text for text in addresses}
    return external(External(name, by_family, (Listener(80),)), f"np-{stage}-{name}")


def test_a_host_gets_a_cable_and_a_route_for_each_address() -> None:
    """The router's lines name the addresses in full, and interfaces that fit into the kernel's 15 characters."""
    sandbox = Recorder()
    _outside(sandbox).apply([_external("office", "203.0.113.10", "2001:db8::10")])
    pod = next(given for verb, given in sandbox.orders if verb == "spawn")["pods"][0]

    assert pod["arguments"] == ["--name", "office", "--listen", "80/TCP"]
    assert [line for line in pod["cable"] if line.startswith("route")] == [
        f"route add 203.0.113.10 dev {pod['key']}",
        f"route add 2001:db8::10 dev {pod['key']}",
    ]
    assert len(pod["key"]) <= 15


def test_two_stages_share_a_host_and_the_last_takes_it_down() -> None:
    """One agent is started for both, and it is killed once neither needs it."""
    sandbox = Recorder()
    outside = _outside(sandbox)
    first, second = (_external("office", "203.0.113.10", stage=stage) for stage in ("x1", "x2"))
    outside.apply([first])
    outside.apply([second])
    outside.delete([ref(first)])
    before = [verb for verb, _ in sandbox.orders]
    outside.delete([ref(second)])
    after = [verb for verb, _ in sandbox.orders][len(before) :]

    assert (sandbox.spawned(), "kill" in before, "kill" in after) == (["office"], False, True)


def test_cables_go_before_the_host_does() -> None:
    """With the cable goes its route: the next one may have the address at once."""
    sandbox = Recorder()
    outside, office = _outside(sandbox), _external("office", "203.0.113.10")
    outside.apply([office])
    outside.delete([ref(office)])
    (_, unrouted), (verb, killed) = sandbox.orders[-2:]

    assert (verb, unrouted["stdin"]) == ("kill", f"link delete {killed['keys'][0]}\n")


def test_a_host_is_ready_only_when_its_cable_carries() -> None:
    """The kernel drops all that goes out before, and a probe would look denied."""
    sandbox = Recorder()
    outside, office = _outside(sandbox), _external("office", "203.0.113.10")
    outside.apply([office])
    sandbox.state = "LOWERLAYERDOWN"

    with pytest.raises(ClusterError, match="its cable carries nothing yet"):
        outside.wait_ready([ref(office)], 0.05)


def test_who_waits_for_an_address_gets_it_when_it_is_free() -> None:
    """Another host at the address of one that is up comes after it has gone, without anybody asking again."""
    sandbox = Recorder()
    outside, office, customer = _outside(sandbox), _external("office", "203.0.113.10"), _external("c", "203.0.113.10")
    outside.apply([office])
    waiting = threading.Thread(target=outside.apply, args=([customer],))
    waiting.start()
    before = sandbox.spawned()
    outside.delete([ref(office)])
    waiting.join(10)

    assert (before, sandbox.spawned(), waiting.is_alive()) == (["office"], ["office", "c"], False)


def test_who_waits_in_vain_is_told_for_whom() -> None:
    """After the deadline: both names, how long, and what to do; and what is up stays up."""
    outside, office = _outside(Recorder()), _external("office", "203.0.113.10")
    outside.apply([office])
    with pytest.raises(ClusterError) as refused:
        outside.apply([_external("customer", "203.0.113.10", stage="x2")], deadline_s=0.05)
    outside.delete([ref(_external("customer", "203.0.113.10", stage="x2"))])

    assert str(refused.value) == (
        "External/np-x2-customer: waited 0.05 s, and office of another scenario, at an address of customer, is still up"
        "\n    play fewer scenarios at once (--parallel 1), or give the externals of one of them other addresses"
    )
    assert outside.wait_ready([ref(office)], 1) == {ref(office): {V4: "203.0.113.10"}}


def test_an_address_that_another_run_has_is_waited_for() -> None:
    """Nothing is begun while the router shows another's route; then the host is up."""
    sandbox = Recorder(taken="203.0.113.10")
    _outside(sandbox).apply([_external("office", "203.0.113.10")])
    shown = [index for index, (_, given) in enumerate(sandbox.orders) if "-4" in given.get("argv", ())]
    verbs = [verb for verb, _ in sandbox.orders]

    assert (len(shown), sandbox.spawned()) == (2, ["office"])
    assert verbs.index("spawn") > shown[1]


def test_a_route_that_comes_at_the_same_moment_is_waited_for_too() -> None:
    """The kernel refuses the second; what was begun is undone, and tried again."""
    sandbox = Recorder(TAKEN)
    _outside(sandbox).apply([_external("office", "203.0.113.10")])
    undone = [given["stdin"] for verb, given in sandbox.orders if verb == "run"]

    assert sandbox.spawned() == ["office", "office"]
    assert any(text.startswith("link delete np") for text in undone)


def test_another_runs_route_is_shown_after_the_deadline() -> None:
    """With the interface that has it."""
    sandbox = Recorder(taken="203.0.113.10", looks=9)

    with pytest.raises(ClusterError, match=r"leads to 203\.0\.113\.10, of office, over somebody else's npfff-1"):
        _outside(sandbox).apply([_external("office", "203.0.113.10")], deadline_s=0.05)


def test_a_fault_that_is_no_conflict_is_told_at_once() -> None:
    """Nobody waits a quarter of an hour for a kernel that lacks veth."""
    with pytest.raises(ClusterError, match="Operation not supported"):
        _outside(Recorder("spawn: ip: Operation not supported")).apply([_external("office", "203.0.113.10")])


def test_an_address_of_the_router_itself_is_refused() -> None:
    """Packets to it would never leave the router, whatever the route says."""
    with pytest.raises(ClusterError, match=r"203\.0\.113\.10 is an address of network namespace out itself, on eth0"):
        _outside(Recorder(own="203.0.113.10")).apply([_external("office", "203.0.113.10")])


def test_only_the_clusters_families_are_set_up() -> None:
    """A cluster without IPv6 gives an external its IPv4 address alone."""
    outside, office = _outside(Recorder(), V4), _external("office", "203.0.113.10", "2001:db8::10")
    outside.apply([office])

    assert outside.wait_ready([ref(office)], 1) == {ref(office): {V4: "203.0.113.10"}}


def test_an_external_that_was_never_applied_is_not_waited_for() -> None:
    """The error names it; describing it says that it does not exist."""
    ghost, outside = ObjectRef("External", "", "ghost"), _outside(Recorder())

    assert outside.describe(ghost) == ["External/ghost: does not exist"]
    with pytest.raises(ClusterError, match="External/ghost: there is no such external"):
        outside.open_agent(ghost)
    with pytest.raises(ClusterError, match="External/ghost: there is no such external"):
        outside.wait_ready([ghost], 0.1)
