"""Every way in which making a cluster fails ends in one sentence with a remedy, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cluster.kind import places
from harness.cluster.kind.programs import Programs
from harness.cluster.kind.tool import find_kind
from harness.errors import ClusterError, EnvironmentMissingError, InterruptedRunError, UsageError
from tests.kind.machine import Machine

NAME = "netpol-run-r1"


def _open(machine: Machine, **options: object) -> None:
    with machine.provider(**options).open():
        pass


@pytest.mark.parametrize("program", ["kind", "docker"])
def test_a_missing_program_says_what_to_install(
    machine: Machine, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is tried, the error names the program and how to get it."""
    (machine.programs / program).unlink()
    (machine.programs / "podman").unlink(missing_ok=True)
    # Only its own programs: a real docker of this machine must not stand in.
    monkeypatch.setenv("PATH", str(machine.programs))

    with pytest.raises(EnvironmentMissingError) as raised:
        _open(machine)

    assert (program in raised.value.what, "install" in str(raised.value.remedy)) == (True, True)
    assert machine.left() == []


@pytest.mark.parametrize(
    ("said", "what", "remedy"),
    [
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "does not answer", "systemctl start"),
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            "this user may not",
            "usermod",
        ),
    ],
)
def test_a_daemon_that_does_not_answer_is_told_from_one_that_refuses(
    machine: Machine, said: str, what: str, remedy: str
) -> None:
    """The remedies differ: start it, or be allowed to ask it."""
    machine.let("docker-version", "fail", said)

    with pytest.raises(EnvironmentMissingError) as raised:
        _open(machine)

    assert (what in raised.value.what, remedy in str(raised.value.remedy)) == (True, True)


def test_an_old_kind_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 0.24 kindnet enforced nothing."""
    monkeypatch.setenv("FAKE_KIND_VERSION", "v0.23.0")

    with pytest.raises(EnvironmentMissingError, match=r"kind 0\.23 is older than 0\.24"):
        _open(machine)


def test_an_engine_that_nobody_tried_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What kind would use, and what we ask, must be the same."""
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "nerdctl")

    with pytest.raises(UsageError, match="nerdctl was never tried"):
        _open(machine)


@pytest.mark.parametrize(
    ("call", "said", "what"),
    [
        ("made", "ERROR: failed to create cluster: write /var: no space left on device", "the disk is full"),
        ("made", 'ERROR: failed to pull image "kindest/node:x": exit status 1', "neither here nor can it be pulled"),
        ("made", "Bind for 127.0.0.1:43210 failed: port is already allocated", "a port that kind chose"),
        ("booted", "ERROR: failed to create cluster: could not find a log line that matches", "did not boot"),
        ("booted", "ERROR: failed to create cluster: failed to init node with kubeadm: exit 1", "Kubernetes did not"),
        ("booted", "ERROR: failed to create cluster: something new", "something new"),
        ("loaded", "ERROR: ctr: no space left on device", "the disk is full"),
    ],
)
def test_a_failed_phase_is_explained_and_cleaned_up(
    machine: Machine, tmp_path: Path, call: str, said: str, what: str
) -> None:
    """The sentence names the cause, the logs are in a folder that it names, and the cluster is gone."""
    machine.let(call, "fail", said)
    archive = tmp_path / "image.tar"
    archive.touch()

    with pytest.raises(ClusterError) as raised:
        _open(machine, image_archive=[str(archive)])

    logs = tmp_path / f"{NAME}-logs"
    assert (what in raised.value.what, f"logs are in {logs}" in str(raised.value.remedy)) == (True, True)
    assert (machine.left(), (logs / "kubelet.log").exists()) == ([], True)


def test_a_port_that_was_taken_once_is_tried_again(machine: Machine) -> None:
    """Kind chooses another one, so that a coincidence costs a second and no failure."""
    machine.let("made", "once", "Bind for 127.0.0.1:43210 failed: port is already allocated")
    _open(machine)

    assert sum(call.startswith("kind create") for call in machine.calls) == 2
    assert machine.left() == []


def test_a_cluster_that_failed_stays_when_told_to(machine: Machine) -> None:
    """With keep one can look at it; the error says how to be rid of it."""
    machine.let("booted", "fail", "ERROR: failed to init node with kubeadm")

    with pytest.raises(ClusterError) as raised:
        _open(machine, keep=True, name="look")

    assert machine.clusters == ["netpol-look"]
    assert "netpol-harness cluster down --name netpol-look" in str(raised.value.remedy)


def test_a_refused_manifest_is_said_in_the_servers_words(machine: Machine, tmp_path: Path) -> None:
    """What kubectl said of it is in the sentence."""
    manifest = tmp_path / "cni.yaml"
    manifest.write_text("kind: Nonsense\n")
    machine.let("applied", "fail", "error: unable to decode: no kind Nonsense")

    with pytest.raises(ClusterError, match="the manifest of calico was refused: error: unable to decode"):
        _open(machine, cni="calico", cni_manifest=str(manifest))

    assert machine.left() == []


@pytest.mark.parametrize("call", ["made", "booted", "loaded", "docker-exec", "kind-version"])
def test_a_stop_in_any_phase_ends_the_program_and_removes_all(machine: Machine, tmp_path: Path, call: str) -> None:
    """Told to stop, whatever runs is ended with all that it started, and the cluster is gone, logs too."""
    machine.let(call, "hang")
    cancelled = threading.Event()
    threading.Thread(target=lambda: (machine.await_file(f"{call}.pid"), cancelled.set()), daemon=True).start()
    archive = tmp_path / "image.tar"
    archive.touch()
    started = time.monotonic()

    with pytest.raises(InterruptedRunError):
        _open(machine, cancelled=cancelled, image_archive=[str(archive)])

    assert machine.left() == []
    assert not Path("/proc", machine.await_file(f"{call}.pid").strip()).exists()
    assert not (tmp_path / f"{NAME}-logs").exists()
    assert time.monotonic() - started < 15


def test_a_stop_while_waiting_for_the_cni_ends_the_wait(machine: Machine) -> None:
    """The longest wait of all looks for a stop every second."""
    machine.api.daemon_sets = []
    cancelled = threading.Event()

    def tell(text: str) -> None:
        if "kindnet ready" in text:
            cancelled.set()

    with pytest.raises(InterruptedRunError):
        _open(machine, cancelled=cancelled, tell=tell)

    assert machine.left() == []


def test_a_stop_removes_even_what_was_to_be_kept(machine: Machine) -> None:
    """Half a cluster is no use to anybody."""
    machine.let("booted", "hang")
    cancelled = threading.Event()
    threading.Thread(target=lambda: (machine.await_file("booted.pid"), cancelled.set()), daemon=True).start()

    with pytest.raises(InterruptedRunError):
        _open(machine, keep=True, cancelled=cancelled)

    assert machine.left() == []


def test_a_node_that_comes_late_is_removed_too(machine: Machine) -> None:
    """Kind may miss a container that the engine was still starting: what is left is removed by force."""
    machine.let("kind-delete", "deaf")
    _open(machine)

    assert "docker rm --force --volumes netpol-run-r1-control-plane netpol-run-r1-worker" in machine.calls
    assert [path for path in (machine.folder / "clusters").rglob("*") if path.is_file()] == []


def test_a_cluster_that_cannot_be_deleted_is_said(machine: Machine) -> None:
    """Silence would leave it running for good; the sentence has the command."""
    machine.let("kind-delete", "deaf")
    machine.let("docker-rm", "deaf")
    with machine.provider(keep=True, name="run-r1").open():
        pass
    kind = replace(find_kind(Programs()), patience_s=0.1)

    with pytest.raises(ClusterError, match="could not be deleted") as raised:
        kind.delete(NAME, places.kubeconfig(NAME))

    assert "docker rm --force --volumes netpol-run-r1-control-plane" in str(raised.value.remedy)


def test_a_cluster_in_use_is_left_alone(machine: Machine) -> None:
    """Two runs on one kept cluster would disturb each other."""
    with places.locked("netpol-x"), pytest.raises(ClusterError, match="another process is using or building it"):
        _open(machine, name="x")

    assert not any(call.startswith(("kind create", "kind delete")) for call in machine.calls)


def test_a_run_that_was_killed_leaves_a_lock_that_its_builder_holds(machine: Machine) -> None:
    """As long as an orphaned `kind create` builds, nobody takes its cluster for a leftover."""
    machine.let("booted", "hang")
    child = os.fork()
    if child == 0:
        try:
            _open(machine)
        finally:
            os._exit(0)
    builder = int(machine.await_file("booted.pid"))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    held_while_building = places.is_held(NAME)
    os.kill(builder, signal.SIGKILL)
    end = time.monotonic() + 10
    while places.is_held(NAME) and time.monotonic() < end:
        threading.Event().wait(0.01)

    assert (held_while_building, places.is_held(NAME)) == (True, False)
