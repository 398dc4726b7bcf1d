"""Runs on a real cluster that is hurt meanwhile: nothing is judged wrongly, nothing stays behind, each report tells.

Kills the cluster's own daemons, so it wants a lab whose daemons may be killed: $NETPOL_LAB is a program that knows
`kill NODE DAEMON`, `restart NODE DAEMON` and `exec NODE COMMAND...`.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cluster.kubernetes.client import Client
from harness.cluster.kubernetes.kubeconfig import open_client
from harness.cluster.kubernetes.provider import KubeconfigProvider
from harness.cluster.kubernetes.resources import CONFIG_MAPS, NAMESPACES, PODS
from harness.errors import ClusterError
from harness.manifests import MANAGED_BY, RUN_LABEL
from harness.model.result import Event, RunResult
from harness.runner.run import run
from harness.runner.settings import RunSettings
from harness.scenario.load import load

pytestmark = [pytest.mark.cluster, pytest.mark.lab, pytest.mark.slow]

SCENARIO = """
scenario: shop
about: Nobody reaches the database, then everybody, then nobody again.
topology:
  namespaces: {shop: {}}
  pods:
    shop/db: {labels: {tier: db}, listen: [8080, 8080/UDP]}
    shop/web: {labels: {tier: web}, listen: [8080]}
    shop/other: {listen: [8080]}
steps:
- name: closed
  apply: [policy.yaml]
  expect: {default: allow, rules: [{deny: "* -> shop/db"}]}
- name: open
  delete: [NetworkPolicy/shop/closed]
  expect: {default: allow}
- name: closed again
  apply: [policy.yaml]
  expect: {same: closed}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: closed}
spec: {podSelector: {matchLabels: {tier: db}}}
"""
CONCLUSIVE_AND_WRONG = {"LEAK", "OUTAGE"}


def lab(*words: str) -> None:
    """Do something to the lab."""
    subprocess.run([os.environ["NETPOL_LAB"], *words], check=True, capture_output=True, timeout=120)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A scenario whose policy comes, goes and comes again."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "shop.scenario.yaml").write_text(SCENARIO)
    return tmp_path / "shop.scenario.yaml"


@pytest.fixture
def client() -> Iterator[Client]:
    """A client of our own, beside the runs."""
    opened = open_client(os.environ["NETPOL_KUBECONFIG"])
    yield opened
    opened.close()


@pytest.fixture
def healed() -> Iterator[None]:
    """Whatever was killed runs again afterwards, and is waited for."""
    yield
    for node, daemon in (("1", "kube-apiserver"), ("1", "cilium-agent"), ("2", "cilium-agent"), ("2", "kubelet")):
        lab("restart", node, daemon)
    until(_is_well, 180)


def _is_well() -> bool:
    try:
        opened = open_client(os.environ["NETPOL_KUBECONFIG"])
        nodes = opened.get("/api/v1/nodes")["items"]
        opened.close()
    except ClusterError:
        return False
    conditions = [item for node in nodes for item in node["status"]["conditions"] if item["type"] == "Ready"]
    return len(conditions) > 1 and all(item["status"] == "True" for item in conditions)


def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition, and fail with it after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail("what was waited for never happened")
        time.sleep(0.2)


def left(client: Client, run_id: str) -> list[str]:
    """Return the namespaces of a run that are still there."""
    wanted = {**MANAGED_BY, RUN_LABEL: run_id}
    selector = ",".join(f"{key}={value}" for key, value in wanted.items())
    items = client.get(NAMESPACES.collection(""), {"labelSelector": selector})["items"]
    return [item["metadata"]["name"] for item in items]


def stays(client: Client, run_id: str) -> list[str]:
    """Return the namespaces of a run that nobody is deleting; the preflight's goes by itself."""
    return [name for name in left(client, run_id) if "-preflight-" not in name]


def hurt(path: Path, step: str, harm: Callable[[str], None], gone_s: float | None = None) -> tuple[RunResult, str]:
    """Play the scenario and do `harm`, told the run's namespace, as `step` starts."""
    settings = RunSettings(f"hurt-{secrets.token_hex(2)}", parallel=1, deadline_s=20.0)

    def listen(event: Event) -> None:
        if event.kind == "step-started" and event.step == step:
            harm(f"np-{settings.run}-1-shop")

    provider = KubeconfigProvider(run=settings.run, kubeconfig=os.environ["NETPOL_KUBECONFIG"], gone_s=gone_s)
    return run([load(path)], provider, settings, listen), settings.run


def verdicts(result: RunResult, *steps: int) -> Counter[str]:
    """Count the verdicts of some steps, all of them if none is named."""
    chosen = [step for scenario in result.scenarios for n, step in enumerate(scenario.steps) if not steps or n in steps]
    return Counter(str(item.judgement.verdict) for step in chosen for item in step.flows if item.judgement)


def assert_honest(result: RunResult, run_id: str, client: Client) -> None:
    """Nothing was judged wrongly, every flow was accounted for, and nothing stayed behind."""
    found = verdicts(result)

    assert found, result.error
    assert not CONCLUSIVE_AND_WRONG & found.keys(), found
    assert sum(found.values()) == sum(len(step.flows) for step in load_steps(result))
    assert left(client, run_id) == []


def load_steps(result: RunResult) -> list[Any]:
    """Return all steps of a run."""
    return [step for scenario in result.scenarios for step in scenario.steps]


def later(seconds: float, action: Callable[[], None]) -> None:
    """Do something in a while, beside what goes on."""
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


@pytest.mark.usefixtures("healed")
def test_an_api_server_that_restarts_in_the_middle_costs_time_and_no_verdict(path: Path, client: Client) -> None:
    """Calls are tried again for as long as a restart takes, and open streams through it are opened again."""

    def restart(_: str) -> None:
        lab("kill", "1", "kube-apiserver")
        later(4.0, lambda: lab("restart", "1", "kube-apiserver"))

    result, run_id = hurt(path, "open", restart)

    assert_honest(result, run_id, client)


@pytest.mark.usefixtures("healed")
def test_a_step_that_no_agent_carries_out_is_inconclusive(path: Path, client: Client) -> None:
    """With the CNI's agents dead the old policies stay in force: what should have opened is no outage."""

    def kill(_: str) -> None:
        for node in ("1", "2"):
            lab("kill", node, "cilium-agent")

    result, run_id = hurt(path, "open", kill, gone_s=15.0)
    lab("restart", "1", "cilium-agent")
    lab("restart", "2", "cilium-agent")
    until(lambda: left(client, run_id) == [], 120)

    assert_honest(result, run_id, client)
    assert verdicts(result, 0)["MATCH"] > 0
    assert set(verdicts(result, 1)) == {"INCONCLUSIVE", "IGNORED"}


def test_a_pod_that_is_deleted_in_the_middle_of_its_batch_is_inconclusive(path: Path, client: Client) -> None:
    """Somebody drains a node: the flows of that pod have no proof, those of the others have theirs."""

    def delete(namespace: str) -> None:
        client.call("DELETE", PODS.item(namespace, "other"), {"gracePeriodSeconds": "0"})

    result, run_id = hurt(path, "open", delete)

    assert_honest(result, run_id, client)
    assert verdicts(result, 1)["INCONCLUSIVE"] > 0


@pytest.mark.usefixtures("healed")
def test_a_kubelet_that_stops_costs_no_verdict(path: Path, client: Client) -> None:
    """Pods run on without their kubelet; what has to be asked of it is told as missing."""
    result, run_id = hurt(path, "open", lambda _: lab("kill", "2", "kubelet"))
    lab("restart", "2", "kubelet")
    until(lambda: left(client, run_id) == [], 180)

    assert_honest(result, run_id, client)


def test_channels_that_are_cut_are_opened_again(path: Path, client: Client) -> None:
    """A proxy that drops connections costs a round, and the step is judged."""

    def cut(_: str) -> None:
        for node in ("1", "2"):
            subprocess.run(
                [os.environ["NETPOL_LAB"], "exec", node, "pkill", "-9", "-f", "agent.py attach"], check=False
            )

    result, run_id = hurt(path, "open", cut)

    assert_honest(result, run_id, client)
    assert verdicts(result, 2)["MATCH"] > 0


PHASES = ["nothing yet", "canary", "pods", "baseline", "closed", "open"]


def start(path: Path, phase: str) -> tuple[subprocess.Popen[str], str]:
    """Start a run as a program of its own and return when it has reached a phase, with the run's id."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from harness.cli.interruption import stopping\n"
        "from harness.cluster.kubernetes.provider import KubeconfigProvider\n"
        "from harness.runner.run import run\n"
        "from harness.runner.settings import RunSettings\n"
        "from harness.scenario.load import load\n"
        "settings = RunSettings(sys.argv[2], parallel=1)\n"
        "provider = KubeconfigProvider(run=settings.run, kubeconfig=sys.argv[3])\n"
        "tell = lambda event: print(event.kind, event.step, event.text, flush=True)\n"
        "with stopping(settings.cancelled):\n"
        "    result = run([load(Path(sys.argv[1]))], provider, settings, tell)\n"
        "raise SystemExit(130 if result.interrupted else 0)\n"
    )
    run_id = f"sig-{secrets.token_hex(2)}"
    command = [sys.executable, "-c", program, str(path), run_id, os.environ["NETPOL_KUBECONFIG"]]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    wanted = {"baseline": "phase", "closed": "step-started closed", "open": "step-started open"}.get(phase)
    for line in process.stdout:
        if line.startswith(wanted or "run-started"):
            break
    else:
        pytest.fail(f"it ended before that: {process.communicate()[1]}")
    # Events tell of steps; what lies before them is met by time.
    time.sleep({"canary": 3.0, "pods": 6.0}.get(phase, 0.3))
    return process, run_id


@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c_leaves_nothing_at_any_phase(path: Path, client: Client, phase: str) -> None:
    """The first Ctrl-C is an orderly end, however early or late it comes."""
    process, run_id = start(path, phase)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=150)

    assert (process.returncode, left(client, run_id)) == (130, [])


@pytest.mark.parametrize("phase", PHASES)
def test_what_a_killed_run_leaves_is_cleaned(path: Path, client: Client, phase: str) -> None:
    """After SIGKILL `clean --run` finds all that is left, says it first, and removes it."""
    process, run_id = start(path, phase)
    process.kill()
    process.communicate()
    clean = [sys.executable, "-m", "harness", "clean", "--run", run_id, "--cluster", "kubeconfig"]
    clean += ["--kubeconfig", os.environ["NETPOL_KUBECONFIG"]]
    before = stays(client, run_id)
    told = subprocess.run([*clean, "--dry-run", "--force"], capture_output=True, text=True, check=False, timeout=60)
    untouched = stays(client, run_id)
    # It was heard of a moment ago, and might be alive.
    subprocess.run([*clean, "--yes"], capture_output=True, text=True, check=False, timeout=180)
    spared = stays(client, run_id)
    subprocess.run([*clean, "--yes", "--force"], capture_output=True, text=True, check=False, timeout=180)

    assert before != [] or phase == "nothing yet"
    assert (untouched, spared, left(client, run_id)) == (before, before, [])
    assert all(name in told.stdout for name in before)


def test_two_runs_at_once_do_not_meet(path: Path) -> None:
    """The same scenario twice, side by side on one cluster: each is judged as if it were alone."""
    command = [sys.executable, "-m", "harness", "run", str(path), "--json", "-", "--cluster", "kubeconfig"]
    command += ["--kubeconfig", os.environ["NETPOL_KUBECONFIG"]]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    summaries = [json.loads(process.communicate(timeout=240)[0])["summary"] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert summaries[0] == summaries[1]


def test_a_namespace_that_a_finalizer_holds_is_named_with_it(path: Path, client: Client) -> None:
    """The verdicts stand, the run says what holds the namespace, and once that is gone so is all the rest."""
    held = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "finalizers": ["example.org/never"]},
    }
    where: list[str] = []

    def hold(namespace: str) -> None:
        where.append(namespace)
        client.call("POST", CONFIG_MAPS.collection(namespace), None, held)

    result, run_id = hurt(path, "open", hold, gone_s=12.0)
    still_there = left(client, run_id)
    patch = {"metadata": {"finalizers": None}}
    client.call("PATCH", CONFIG_MAPS.item(where[0], "held"), None, patch, "application/merge-patch+json")
    until(lambda: left(client, run_id) == [], 60)

    assert still_there == where
    assert "example.org/never" in (result.error or "")
    assert verdicts(result)["MATCH"] > 0
