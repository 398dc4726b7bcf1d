"""What is left of a local cluster: nothing, whatever became of its harness."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.cluster.local.provider import LocalProvider
from harness.cluster.netns import leftovers
from harness.errors import ChannelClosedError, ClusterError
from harness.model.flow import Family
from harness.model.scenario import ObjectRef
from tests.contract.asking import ask, bring_up, namespace, pod, pod_ref

pytestmark = pytest.mark.netns

ROOT = Path(__file__).resolve().parents[2]
SERVER = pod_ref("x", "server")
# A harness of its own: opens a cluster with a pod, says so, and waits to be killed.
OWNER = """
import sys, time
from harness.cluster.local.provider import LocalProvider
from tests.contract.asking import bring_up, namespace, pod
with LocalProvider(run=sys.argv[1]).open() as cluster:
    bring_up(cluster, [namespace("x"), pod("x", "server", 8080)])
    print(cluster._sandbox.pid, flush=True)
    time.sleep(60)
"""


def _until(condition: Callable[[], bool], patience_s: float = 10.0) -> bool:
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _marked(run: str) -> list[int]:
    return [pid for pid, marker in leftovers._marked() if marker.run == run]


@pytest.fixture
def owner() -> Iterator[Callable[[str], tuple[subprocess.Popen[str], int]]]:
    """Return what starts a harness of its own, and gives it and its supervisor's pid."""
    started: list[subprocess.Popen[str]] = []

    def start(run: str) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, run], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ
        )
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_nothing_is_left_after_an_orderly_end() -> None:
    """Once the provider's context is left, no process of the sandbox exists."""
    with LocalProvider(run="orderly").open() as cluster:
        bring_up(cluster, [namespace("x"), pod("x", "server", 8080)])
        during = _marked("orderly")

    assert len(during) == 3  # unshare, the supervisor, the pod
    assert _marked("orderly") == []


def test_nothing_is_visible_from_outside() -> None:
    """The host's own network namespace gets no interface, no named netns and no table."""
    commands = (["ip", "-o", "link"], ["ip", "netns"])

    def outside() -> list[list[str]]:
        texts = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in commands]
        return [[line.split(":")[1] if ":" in line else line for line in text.splitlines()] for text in texts]

    before = outside()
    with LocalProvider().open() as cluster:
        bring_up(cluster, [namespace("x"), pod("x", "server", 8080)])
        during = outside()

    assert during == before


def test_a_killed_harness_leaves_nothing(owner: Callable[[str], tuple[subprocess.Popen[str], int]]) -> None:
    """SIGKILL runs no clean-up, and needs none: the kernel takes the sandbox down."""
    process, supervisor = owner("killed")
    during = _exists(supervisor)
    process.kill()
    process.wait()

    assert during
    assert _until(lambda: _marked("killed") == [])
    assert leftovers.find("killed") == []


def test_a_stopped_sandbox_of_a_dead_harness_is_found_and_removed(
    owner: Callable[[str], tuple[subprocess.Popen[str], int]],
) -> None:
    """A supervisor that is stopped cannot see its harness die; `clean` sees it and ends it, and no other."""
    process, supervisor = owner("stopped")
    _, other = owner("bystander")
    os.kill(supervisor, signal.SIGSTOP)
    before = leftovers.find("stopped")
    process.kill()
    process.wait()
    found = leftovers.find()
    mine = [item for item in found if item.run == "stopped"]
    leftovers.remove(mine)

    assert before == []
    assert [(item.pid, item.owner_pid) for item in mine] == [(supervisor, process.pid)]
    assert [item for item in found if item.run == "bystander"] == []
    assert _marked("stopped") == []
    assert _exists(other)


def test_a_sandbox_of_a_living_harness_is_never_removed() -> None:
    """Even handed over by mistake, a sandbox whose owner lives is left alone."""
    with LocalProvider(run="living").open() as cluster:
        marker = cluster._sandbox.marker
        leftovers.remove([leftovers.Leftover(cluster._sandbox.pid, "living", os.getpid(), 0.0, marker)])
        alive = _exists(cluster._sandbox.pid)

    assert alive


def test_an_agent_that_is_killed_ends_its_channel() -> None:
    """The channel says that it ended, and a new one cannot be opened; the rest of the cluster goes on."""
    with LocalProvider().open() as cluster:
        addresses = bring_up(cluster, [namespace("x"), pod("x", "server", 8080), pod("x", "client")])
        channel = cluster.open_agent(SERVER)
        channel.receive()
        os.kill(cluster.pod_pids(SERVER)[0], signal.SIGKILL)
        with pytest.raises(ChannelClosedError):
            channel.receive()
        gone = _until(lambda: "ended with status -9" in cluster.diagnose([SERVER]))
        with pytest.raises(ClusterError, match="x/server"):
            cluster.open_agent(SERVER)
        with pytest.raises(ClusterError, match="ended with status -9"):
            cluster.wait_ready([SERVER], 1.0)
        refused = ask(cluster, pod_ref("x", "client"), addresses[SERVER][Family.IPV4], 8080)

    assert gone
    assert refused == "ECONNREFUSED"


def test_a_pod_that_cannot_start_says_why() -> None:
    """What the agent printed before it ended is part of the error."""
    broken = pod("x", "server", 8080)
    broken["spec"]["containers"][0]["args"] += ["--listen", "not-a-port"]
    with LocalProvider().open() as cluster:
        cluster.apply([namespace("x"), broken])
        with pytest.raises(ClusterError, match="not-a-port"):
            cluster.wait_ready([SERVER], 5.0)


def test_a_sandbox_that_dies_is_an_error_and_no_hang() -> None:
    """Once the supervisor is gone every verb raises, and closing still works."""
    with LocalProvider().open() as cluster:
        bring_up(cluster, [namespace("x"), pod("x", "server", 8080)])
        os.kill(cluster._sandbox.pid, signal.SIGKILL)
        with pytest.raises(ClusterError, match="has ended"):
            cluster.delete([ObjectRef("Namespace", "", "x")])
        text = cluster.diagnose([SERVER])

    assert "no diagnosis" in text or "does not exist" in text


def test_a_stopped_supervisor_does_not_stop_the_end() -> None:
    """Closing a cluster whose supervisor is stopped ends it all the same."""
    with LocalProvider(run="frozen").open() as cluster:
        cluster._sandbox.patience_s = 0.2
        os.kill(cluster._sandbox.pid, signal.SIGSTOP)

    assert _until(lambda: _marked("frozen") == [])
