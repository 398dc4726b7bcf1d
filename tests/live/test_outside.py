"""Hosts outside a cluster, on real network namespaces: a router, and a node behind it that stands for the cluster.

externals --- router 198.51.100.1 --- node 198.51.100.2        (and 2001:db8:a::1, 2001:db8:a::2)
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from harness.cluster.netns import leftovers
from harness.cluster.outside.opening import open_outside
from harness.cluster.outside.outside import Outside
from harness.cluster.outside.preflight import preflight
from harness.cluster.outside.reach import unanswered
from harness.errors import ClusterError, EnvironmentMissingError
from harness.manifests import external, ref
from harness.model.flow import Family
from harness.model.preflight import CheckStatus
from harness.model.topology import External, Listener
from harness.probing.session import AgentSession
from harness.probing.wire import ProbeReply, ProbeRequest
from tests.live.lab import AGENT, Lab

pytestmark = pytest.mark.netns

ROOT = Path(__file__).resolve().parents[2]
V4, V6 = Family.IPV4, Family.IPV6
NODE = {V4: "198.51.100.2", V6: "2001:db8:a::2"}
OFFICE = External("office", {V4: "203.0.113.10", V6: "2001:db8::10"}, (Listener(80),))
# A harness of its own: opens an outside with a host, says so, and waits to be killed.
OWNER = """
import sys, time
from pathlib import Path
from harness.cluster.outside.opening import open_outside
from harness.manifests import external, ref
from harness.model.flow import Family
from harness.model.preflight import CheckStatus
from harness.model.topology import External
with open_outside(sys.argv[1], sys.argv[2], Path(sys.argv[3]), list(Family)) as outside:
    office = external(External("office", {Family.IPV4: "203.0.113.10"}))
    outside.apply([office])
    outside.wait_ready([ref(office)], 20)
    print(outside._sandbox.pid, flush=True)
    time.sleep(60)
"""


class Ground:
    """A router with a node behind it, and what opens outsides around that router."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        for name in ("router", "node"):
            lab.add(name)
        lab.join("node", "router", "198.51.100", "2001:db8:a")
        lab.quicken("router", forward=True)
        self.netns = f"{lab.prefix}router"
        self.node = lab.serve("node", "x/node", "--listen", "8080/TCP", "--listen", "10250/TCP")

    def opened(self, run: str = "o1") -> AbstractContextManager[Outside]:
        return open_outside(self.netns, run, AGENT, list(Family))

    def state(self) -> list[str]:
        """Return the router's interfaces and routes."""
        told = [self.lab.output("router", "ip", *words).splitlines() for words in (["-o", "link"], ["route"])]
        told.append(self.lab.output("router", "ip", "-6", "route").splitlines())
        # Every interface that is up has a link-local route of its own.
        return [line.partition("mtu")[0].strip() for lines in told for line in lines if not line.startswith("fe80")]

    def at_rest(self) -> list[str]:
        """Return the state once the cables of earlier outsides have gone, which take their time."""
        assert until(lambda: not any(": np" in line for line in self.state()))
        return self.state()

    def becomes(self, state: list[str]) -> bool:
        """Tell whether the router is in this state within ten seconds: the kernel takes its time with cables."""
        return until(lambda: self.state() == state)


def until(condition: Callable[[], bool], patience_s: float = 10.0) -> bool:
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def heard(session: AgentSession, address: str, port: int) -> str:
    """Return who answered one probe, or how it went instead."""
    request = ProbeRequest("one", "TCP", address, port, f"nonce{time.monotonic_ns()}", 1.0)
    reply: ProbeReply = session.probe([request], 10).result()["one"]
    return reply.answered_by or reply.errno or reply.result


@pytest.fixture(scope="module")
def ground(lab: Lab) -> Ground:
    """A router and a node."""
    return Ground(lab)


@pytest.fixture
def owner(ground: Ground) -> Iterator[Callable[[str], tuple[subprocess.Popen[str], int]]]:
    """Return what starts a harness of its own, and gives it and its supervisor's pid."""
    started: list[subprocess.Popen[str]] = []

    def start(run: str) -> tuple[subprocess.Popen[str], int]:
        command = [sys.executable, "-c", OWNER, ground.netns, run, str(AGENT)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ)
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_an_external_is_reached_and_reaches_the_cluster_in_both_families(ground: Ground) -> None:
    """By its own addresses both ways, as a host on the other side of the world would be."""
    with ground.opened() as outside:
        office = external(OFFICE, "np-1-office")
        outside.apply([office])
        addresses = outside.wait_ready([ref(office)], 20)[ref(office)]
        session = AgentSession(outside.open_agent(ref(office)), OFFICE.endpoint)
        inward = [heard(session, address, 8080) for address in NODE.values()]
        outward = [heard(ground.node, address, 80) for address in addresses.values()]
        session.close()
        arrivals = [entry[3].partition(" ")[0] for entry in _arrivals(ground)]

    assert (inward, outward) == (["x/node", "x/node"], ["office", "office"])
    assert addresses == OFFICE.addresses
    assert set(OFFICE.addresses.values()) <= set(arrivals)


def _arrivals(ground: Ground) -> list[list[Any]]:
    channel = ground.lab.attach("node", "x/node")
    channel.receive()
    channel.send('{"id": 1, "op": "arrivals"}')
    found: list[list[Any]] = json.loads(channel.receive())["arrivals"]
    channel.close()
    channel.process.stdout.close()
    return found


def test_two_lanes_speak_to_one_host_over_channels_of_their_own(ground: Ground) -> None:
    """What one lane ends stays open for the other, and the host is gone with the last of them."""
    with ground.opened() as outside:
        first, second = external(OFFICE, "one"), external(OFFICE, "two")
        outside.apply([first])
        outside.apply([second])
        outside.wait_ready([ref(first), ref(second)], 20)
        sessions = [AgentSession(outside.open_agent(ref(item)), OFFICE.endpoint) for item in (first, second)]
        both = [heard(session, NODE[V4], 8080) for session in sessions]
        sessions[0].close()
        outside.delete([ref(first)])
        still = heard(sessions[1], NODE[V4], 8080)
        outside.delete([ref(second)])
        gone = heard(ground.node, OFFICE.addresses[V4], 80)
        sessions[1].close()

    assert (both, still) == (["x/node", "x/node"], "x/node")
    assert gone != "office"


def test_a_conflicting_external_comes_up_when_the_other_has_gone(ground: Ground) -> None:
    """The address changes hands: who waited for it answers there, under its own name."""
    with ground.opened() as outside:
        office, customer = external(OFFICE), external(External("customer", OFFICE.addresses, (Listener(80),)))
        outside.apply([office])
        outside.wait_ready([ref(office)], 20)
        waiting = threading.Thread(target=outside.apply, args=([customer],))
        waiting.start()
        before = heard(ground.node, OFFICE.addresses[V4], 80)
        outside.delete([ref(office)])
        waiting.join(20)
        outside.wait_ready([ref(customer)], 20)
        after = heard(ground.node, OFFICE.addresses[V4], 80)

    assert (before, after) == ("office", "customer")


def test_two_runs_on_one_router_never_have_one_address(ground: Ground) -> None:
    """The second is told whose route is in its way, and has the address once the first run is over."""
    office = external(OFFICE)
    with ground.opened("o2") as second:
        with ground.opened("o1") as first:
            first.apply([office])
            with pytest.raises(ClusterError, match=r"leads to 203\.0\.113\.10, of office, over somebody else's np"):
                second.apply([office], deadline_s=0.1)
            first.wait_ready([ref(office)], 20)
            undisturbed = heard(ground.node, OFFICE.addresses[V4], 80)
        second.apply([office])
        second.wait_ready([ref(office)], 20)
        taken_over = heard(ground.node, OFFICE.addresses[V4], 80)

    assert (undisturbed, taken_over) == ("office", "office")


def test_the_router_is_left_as_it_was(ground: Ground) -> None:
    """After a deletion, and after an end without one: no interface and no route more than before."""
    before = ground.at_rest()
    with ground.opened() as outside:
        office, cafe = external(OFFICE), external(External("cafe", {V4: "203.0.113.20"}))
        outside.apply([office, cafe])
        during = ground.state()
        outside.delete([ref(office)])
        halfway = [line for line in ground.state() if "203.0.113.10" in line or "2001:db8::10" in line]

    assert len(during) == len(before) + 2 + 3  # two cables, three routes
    assert halfway == []
    assert ground.becomes(before)


def test_a_killed_harness_leaves_no_host_behind(
    ground: Ground, owner: Callable[[str], tuple[subprocess.Popen[str], int]]
) -> None:
    """SIGKILL runs no clean-up, and needs none: hosts, cables and routes go with the sandbox."""
    before = ground.at_rest()
    process, _ = owner("outside-killed")
    during = ground.state()
    process.kill()
    process.wait()

    assert during != before
    assert ground.becomes(before)
    assert leftovers.find("outside-killed") == []


def test_a_stopped_sandbox_of_a_dead_harness_is_found_and_removed(
    ground: Ground, owner: Callable[[str], tuple[subprocess.Popen[str], int]]
) -> None:
    """A supervisor that is stopped cannot see its harness die; `clean` finds it, and its hosts' routes go with it."""
    before = ground.at_rest()
    process, supervisor = owner("outside-stopped")
    os.kill(supervisor, signal.SIGSTOP)
    process.kill()
    process.wait()
    found = leftovers.find("outside-stopped")
    leftovers.remove(found)

    assert [(item.pid, item.owner_pid) for item in found] == [(supervisor, process.pid)]
    assert ground.becomes(before)


def test_an_agent_that_ends_is_said(ground: Ground) -> None:
    """Waiting ends at once, with the status; the description has the address and the interface."""
    with ground.opened() as outside:
        office = external(OFFICE)
        office["spec"]["args"] += ["--nonsense", "1"]
        outside.apply([office])
        with pytest.raises(ClusterError, match="External/office: its agent ended with status 2"):
            outside.wait_ready([ref(office)], 20)
        told = "\n".join(outside.describe(ref(office)))

    assert "External/office: at 203.0.113.10, 2001:db8::10, behind np" in told
    assert "unknown argument '--nonsense'" in told


def test_a_node_that_is_found_is_told_from_one_that_is_not(ground: Ground) -> None:
    """The question goes through the router and comes back by the route that the nodes have."""
    with ground.opened() as outside:
        silent = unanswered(outside, [*NODE.values(), "198.51.100.77"])

    assert list(silent) == ["198.51.100.77"]


def test_the_preflight_names_the_nodes_that_are_not_found(ground: Ground) -> None:
    """A warning with each of them; that all are found is said too, and an absent router is fatal."""

    def checked(netns: str | None, *silent: str) -> tuple[CheckStatus, str]:
        nodes = {"n1": [NODE[V4]], **{name: ["198.51.100.77"] for name in silent}}
        (check,) = preflight(netns, "o1", AGENT, [V4], nodes)
        return check.status, check.text

    assert checked(ground.netns) == (
        CheckStatus.OK,
        f"network namespace {ground.netns} forwards, and every node answers a host there",
    )
    status, text = checked(ground.netns, "n2")
    assert status is CheckStatus.WARNING
    # Whether the router has asked for its neighbour before decides what comes after the colon.
    assert text.startswith(
        f"network namespace {ground.netns} forwards, but a host behind it hears nothing of n2 at 198.51.100.77: "
    )
    assert checked("nowhere") == (
        CheckStatus.FAILED,
        "--outside nowhere: there is no such network namespace on this machine",
    )
    assert checked(None)[0] is CheckStatus.NOTE


def test_a_router_that_does_not_forward_is_refused(ground: Ground) -> None:
    """With the family and the command that helps."""
    ground.lab.inside("router", "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/all/forwarding")
    try:
        with (
            pytest.raises(EnvironmentMissingError, match=r"(?s)does not forward IPv6.*ipv6\.conf\.all\.forwarding=1"),
            ground.opened(),
        ):
            pass
    finally:
        ground.lab.quicken("router", forward=True)


def test_a_router_that_is_not_there_is_refused(ground: Ground) -> None:
    """With the names that there are; a path is another way to name one."""
    with (
        pytest.raises(EnvironmentMissingError, match=f"(?s)no such network namespace.*{ground.netns}.*/proc/self/ns"),
        open_outside("nowhere", "o1", AGENT, [V4]),
    ):
        pass
    with open_outside(f"/run/netns/{ground.netns}", "o1", AGENT, [V4]) as outside:
        assert unanswered(outside, [NODE[V4]]) == {}


def test_an_ordinary_user_is_told_to_be_root(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One sentence, with the remedy; no traceback of a system call."""
    folder = Path("/var/tmp") / f"netpol-harness-outside-{os.getpid()}"
    program = OWNER.replace("with open_outside", "import os; assert os.geteuid()\nwith open_outside")
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env"]
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv; install util-linux")
    try:
        for part in ("harness", "probes"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        command = [*become, _python_of_all(), "-c", program, ground.netns, "o1", str(folder / "probes" / "agent.py")]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

    assert "cannot be joined" in done.stderr
    assert done.stderr.rstrip().endswith("run as root: sudo, with the same options")


def _python_of_all() -> str:
    """Return a Python that another user may run, and that is new enough."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        checked = [
            "setpriv",
            "--reuid=65534",
            "env",
            candidate,
            "-c",
            "import sys; sys.exit(sys.version_info < (3, 11))",
        ]
        if subprocess.run(checked, capture_output=True, check=False, timeout=20, cwd="/").returncode == 0:
            return candidate
    pytest.skip("needs a Python 3.11 that other users may run")
