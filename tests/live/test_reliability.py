"""Runs that are interrupted, killed or hurt: nothing stays behind, and nothing is judged wrongly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.cluster.local.cluster import LocalCluster
from harness.cluster.local.provider import LocalProvider
from harness.cluster.netns import leftovers
from harness.cluster.netns.marker import MARK
from harness.model.result import Event, RunResult, Verdict
from harness.model.scenario import ObjectRef
from harness.runner.run import run
from harness.runner.settings import RunSettings
from harness.scenario.load import load

pytestmark = [pytest.mark.netns, pytest.mark.slow]

SCENARIO = """
scenario: shop
about: Nobody reaches the database.
topology:
  namespaces: {shop: {}}
  pods:
    shop/db: {labels: {tier: db}, listen: [80, 80/UDP]}
    shop/web: {labels: {tier: web}, listen: [80]}
    shop/other: {}
steps:
- name: closed
  apply: [policy.yaml]
  expect: {default: allow, rules: [{deny: "* -> shop/db"}]}
- name: still closed
  wait: WAIT
  expect: {same: closed}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: closed}
spec: {podSelector: {matchLabels: {tier: db}}}
"""


def write(folder: Path, wait: str = "0s") -> Path:
    """Write the scenario, whose second step waits `wait`."""
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "shop.scenario.yaml").write_text(SCENARIO.replace("WAIT", wait))
    return folder / "shop.scenario.yaml"


def start(path: Path) -> subprocess.Popen[str]:
    """Start a run as a program of its own and wait until it is in its long second step."""
    command = [sys.executable, "-m", "harness", "run", str(path), "--json", "-"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: any(owner == process.pid for _, owner in sandboxes()), 20)
    # The sandbox is there; give the run the time to get from there to its wait.
    time.sleep(1.5)
    return process


def sandboxes() -> list[tuple[int, int]]:
    """Return every process that carries a sandbox's mark, with the pid of its harness."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        marks = [word.decode() for word in words if word.startswith(f"{MARK}:".encode())]
        found += [(int(entry.name), int(mark.split(":")[2])) for mark in marks]
    return found


def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition, and fail with it after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail("what was waited for never happened")
        time.sleep(0.02)


def gone(owner: int) -> bool:
    """Tell whether no sandbox process of a harness is left."""
    return all(found != owner for _, found in sandboxes())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM: exit 130, every flow accounted for, no process of ours left."""
    process = start(write(tmp_path, "60s"))
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    summary = json.loads(output)["summary"]

    assert process.returncode == 130
    assert gone(process.pid)
    assert (summary["flows"], summary["LEAK"], summary["OUTAGE"]) == (18, 0, 0)


def test_a_killed_harness_takes_its_sandboxes_with_it(tmp_path: Path) -> None:
    """After SIGKILL nobody cleans up, so nothing may need to."""
    process = start(write(tmp_path, "60s"))
    process.kill()
    process.communicate()
    until(lambda: gone(process.pid), 10)

    assert [item for item in leftovers.find() if item.owner_pid == process.pid] == []


def test_clean_removes_what_a_killed_run_left_and_nothing_else(tmp_path: Path) -> None:
    """A sandbox that was stopped when its harness died is found and removed; a living run is untouched."""
    (tmp_path / "alive").mkdir()
    alive, dead = start(write(tmp_path / "alive", "60s")), start(write(tmp_path, "60s"))
    stopped = [pid for pid, owner in sandboxes() if owner == dead.pid]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    dead.kill()
    dead.communicate()
    clean = [sys.executable, "-m", "harness", "clean"]
    try:
        told = subprocess.run([*clean, "--dry-run"], capture_output=True, text=True, check=True).stdout
        still_there = not gone(dead.pid)
        subprocess.run(clean, capture_output=True, check=True)
        until(lambda: gone(dead.pid), 10)
        untouched = not gone(alive.pid)
    finally:
        alive.send_signal(signal.SIGINT)
        alive.communicate(timeout=20)

    assert str(dead.pid) in told
    assert (still_there, untouched, alive.returncode) == (True, True, 130)


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    """The same scenario twice, side by side: each is judged as if it were alone."""
    path = write(tmp_path)
    command = [sys.executable, "-m", "harness", "run", str(path), "--json", "-"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    summaries = [json.loads(process.communicate(timeout=60)[0])["summary"] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert summaries[0] == summaries[1]


class Watched(LocalProvider):
    """Opens local clusters and remembers the last one."""

    cluster: LocalCluster

    @contextmanager
    def open(self) -> Iterator[LocalCluster]:
        """Yield a cluster that a test can hurt."""
        with super().open() as cluster:
            self.cluster = cluster
            yield cluster


def hurt(path: Path, harm: Callable[[LocalCluster, str], None], step: str = "closed") -> RunResult:
    """Play the scenario and do `harm` to the cluster as `step` starts."""
    provider = Watched(run="hurt")

    def listen(event: Event) -> None:
        if event.kind == "step-started" and event.step == step:
            harm(provider.cluster, "np-hurt-1-shop")

    return run([load(path)], provider, RunSettings("hurt", parallel=1), listen)


def verdicts(result: RunResult, step: int, end: str) -> Counter[str]:
    """Count the verdicts on flows that begin or end at a pod."""
    return Counter(
        str(item.judgement.verdict)
        for item in result.scenarios[0].steps[step].flows
        if item.judgement and end in (item.flow.source, item.flow.destination) and not item.flow.is_to_itself
    )


def test_a_listener_that_dies_is_inconclusive_and_the_run_goes_on(tmp_path: Path) -> None:
    """A dead listener is silent too: without it answering itself no deny is believed."""

    def kill(cluster: LocalCluster, namespace: str) -> None:
        for pid in cluster.pod_pids(ObjectRef("Pod", namespace, "db")):
            os.kill(pid, signal.SIGKILL)

    result = hurt(write(tmp_path), kill)

    assert set(verdicts(result, 0, "shop/db")) == {"INCONCLUSIVE"}
    assert verdicts(result, 0, "shop/web")["MATCH"] >= 1
    assert len(result.scenarios[0].steps) == 2


def test_an_agent_that_hangs_is_inconclusive_and_the_run_goes_on(tmp_path: Path) -> None:
    """A stopped process still shakes hands in its kernel; nothing is concluded from that."""

    def stop(cluster: LocalCluster, namespace: str) -> None:
        for pid in cluster.pod_pids(ObjectRef("Pod", namespace, "web")):
            os.kill(pid, signal.SIGSTOP)

    result = hurt(write(tmp_path), stop)

    assert set(verdicts(result, 0, "shop/web")) == {"INCONCLUSIVE"}
    assert result.error is None


def test_an_agent_killed_in_the_middle_of_its_batch_is_inconclusive(tmp_path: Path) -> None:
    """The probes under way become faults with a reason, and no verdict is made of them."""

    def kill_soon(cluster: LocalCluster, namespace: str) -> None:
        def kill() -> None:
            for pid in cluster.pod_pids(ObjectRef("Pod", namespace, "other")):
                os.kill(pid, signal.SIGKILL)

        threading.Timer(0.15, kill).start()

    result = hurt(write(tmp_path), kill_soon)
    judged = Counter(
        (str(item.judgement.verdict), item.observed.outcome if item.observed else None)
        for item in result.scenarios[0].steps[0].flows
        if item.judgement and item.flow.source == "shop/other"
    )

    assert {verdict for verdict, _ in judged} == {str(Verdict.INCONCLUSIVE)}


def test_a_hostile_scenario_gets_its_error_within_a_second(tmp_path: Path) -> None:
    """An alias bomb, 50 MB, deep nesting, a path outside the folder: exit 2, one message, no traceback."""
    (tmp_path / "bomb.scenario.yaml").write_text(
        "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9))
    )
    (tmp_path / "deep.scenario.yaml").write_text("a: " + "[" * 5000 + "]" * 5000)
    (tmp_path / "large.scenario.yaml").write_bytes(b"# " + b"x" * 50_000_000)
    (tmp_path / "outside.scenario.yaml").write_text(SCENARIO.replace("policy.yaml", "../../../etc/hostname"))
    (tmp_path / "shell.scenario.yaml").write_text(SCENARIO.replace("shop/other", "'shop/$(reboot); rm -rf'"))
    for name in ("bomb", "deep", "large", "outside", "shell"):
        started = time.monotonic()
        command = [sys.executable, "-m", "harness", "run", str(tmp_path / f"{name}.scenario.yaml")]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        elapsed_s = time.monotonic() - started

        assert (told.returncode, "Traceback" in told.stderr) == (2, False), name
        assert f"{name}.scenario.yaml:" in told.stderr
        assert elapsed_s < 3, name  # start-up on a busy machine included; the benchmark has the bound
