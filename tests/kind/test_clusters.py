"""What a cluster is made of, when it is used again, and how one is rid of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.cluster.kind import keeping, places
from harness.cluster.registry import open_provider
from harness.errors import ClusterError
from tests.kind.machine import Machine, daemon_set


def test_a_run_gets_a_cluster_and_leaves_none(machine: Machine) -> None:
    """From nothing to a cluster, in the order that works, and back to nothing."""
    with machine.provider().open() as cluster:
        known = cluster.capabilities()
        during = machine.clusters

    asked = [" ".join(call.split()[:3]) for call in machine.calls if call.startswith("kind")]
    assert (known.kind, known.private, known.cni, known.nodes) == (
        "kind",
        True,
        "kindnet",
        ("n-control-plane", "n-worker"),
    )
    assert asked == [
        "kind version --quiet",
        "kind get clusters",
        "kind create cluster",
        "kind delete cluster",
    ]
    assert (during, machine.left()) == (["netpol-run-r1"], [])


def test_the_cluster_is_made_as_asked(machine: Machine) -> None:
    """Image, nodes and address family reach kind; without kind's own CNI it is never told to wait."""
    manifest = machine.folder / "cni.yaml"
    manifest.write_text("kind: Made-up\n")
    machine.api.daemon_sets = [daemon_set("calico-node", ready=2)]
    options = {"cni": "calico", "cni_manifest": str(manifest), "ip_family": "dual", "kubernetes": "1.36", "nodes": 2}
    with machine.provider(**options).open() as cluster:
        notes = cluster.capabilities().notes

    (create,) = [call for call in machine.calls if call.startswith("kind create")]
    config = json.loads((machine.folder / "config").read_text())
    assert "--image kindest/node:v1.36.4@sha256:" in create
    assert "--wait" not in create
    assert config["networking"] == {
        "ipFamily": "dual",
        "podSubnet": "10.244.0.0/16,fd00:10:244::/56",
        "disableDefaultCNI": True,
    }
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker"]
    assert (machine.folder / "applied").read_text() == "kind: Made-up\n"
    assert any("a file of the user's own" in note for note in notes)


def test_an_image_of_the_engine_is_loaded_for_one_platform(machine: Machine) -> None:
    """An archive of all platforms would trip over layers that were never pulled."""
    (machine.folder / "node-images").write_text("")
    with machine.provider().open():
        pass

    (save,) = [call for call in machine.calls if call.startswith("docker save")]
    assert save.endswith("--platform linux/amd64 example/probe:1")
    assert "docker pull --platform linux/amd64 example/probe:1" in machine.calls
    assert [call.split()[2] for call in machine.calls if call.startswith("kind load")] == ["image-archive"]


@pytest.mark.parametrize(
    "said", ["unknown flag: --platform", '"--platform" requires API version 1.48, but the Docker daemon API is 1.41']
)
def test_an_engine_that_knows_no_platform_saves_what_it_has(machine: Machine, said: str) -> None:
    """Docker before 28, and podman, hold one platform of an image."""
    (machine.folder / "node-images").write_text("")
    machine.let("saved", "once", said)
    with machine.provider().open():
        pass

    saves = [call for call in machine.calls if call.startswith("docker save")]
    assert ["--platform" in call for call in saves] == [True, False]


def test_an_image_by_digest_gets_a_name_to_arrive_under(machine: Machine) -> None:
    """An archive carries no digest: pods look for the name that was loaded."""
    provider = machine.provider()
    provider.image = f"python:3.13-slim@sha256:{'8d' * 32}"
    with provider.open():
        loaded = provider.image

    assert loaded == "netpol-harness/python:8d8d8d8d8d8d"


def test_a_kept_cluster_is_used_again(machine: Machine) -> None:
    """The second opening creates nothing, and what was found stays even without keep."""
    with machine.provider(name="kept", keep=True).open():
        pass
    with machine.provider(name="kept").open():
        pass

    assert sum(call.startswith("kind create") for call in machine.calls) == 1
    assert machine.clusters == ["netpol-kept"]


def test_a_kept_cluster_that_differs_is_not_used(machine: Machine) -> None:
    """What it was made of is written in it; the error says what differs, and it stays."""
    with machine.provider(name="kept", keep=True).open():
        pass

    with pytest.raises(ClusterError, match="it exists already, with nodes 2 instead of 3") as raised:
        machine.provider(name="kept", nodes=3).open().__enter__()

    assert "cluster down --name netpol-kept" in str(raised.value.remedy)
    assert machine.clusters == ["netpol-kept"]


def test_an_unfinished_cluster_is_made_anew(machine: Machine) -> None:
    """What a killed process left is of no use, and its API server may not even have started."""
    (machine.folder / "clusters" / "netpol-kept").mkdir()
    places.unfinished("netpol-kept").touch()
    machine.let("kind-get kubeconfig", "fail", "no control plane")
    with machine.provider(name="kept", keep=True).open():
        pass

    asked = [" ".join(call.split()[1:3]) for call in machine.calls if call.startswith(("kind create", "kind delete"))]
    assert asked == ["delete cluster", "create cluster"]


def test_a_cluster_that_says_nothing_of_itself_is_left_alone(machine: Machine) -> None:
    """Another user may be building it, with a lock that is not seen from here."""
    (machine.folder / "clusters" / "netpol-kept").mkdir()

    with pytest.raises(ClusterError, match="nothing in it says that it was finished"):
        machine.provider(name="kept", keep=True).open().__enter__()

    assert machine.clusters == ["netpol-kept"]


def test_the_kubeconfig_is_for_its_owner_alone(machine: Machine) -> None:
    """It holds an administrator's key, and the user's own kubeconfig is not touched."""
    provider = machine.provider(name="kept", keep=True)
    with provider.open():
        pass
    with machine.provider(name="kept").open():
        pass

    assert provider.kubeconfig.stat().st_mode & 0o077 == 0
    assert provider.kubeconfig.parent == places.state()


def test_other_processes_of_a_run_join_by_kubeconfig(machine: Machine) -> None:
    """The lock is this process's alone, and so is deleting the cluster: guests only play on it."""
    provider = machine.provider()
    with provider.open():
        invitation = provider.invitation()
        guest = open_provider(invitation["cluster"], **invitation["options"])
        with guest.open() as joined:
            known = joined.capabilities()

    assert (known.cni, machine.left()) == ("kindnet", [])


def test_only_a_dead_run_of_our_own_is_a_leftover(machine: Machine) -> None:
    """A kept cluster, one in use and one of another user are none."""
    for name in ("netpol-kept", "netpol-run-dead", "netpol-run-live", "netpol-run-foreign", "somebody-elses"):
        (machine.folder / "clusters" / name).mkdir()
        (machine.folder / "clusters" / name / f"{name}-control-plane").touch()
    for name in ("netpol-run-dead", "netpol-run-live"):
        places.lock_file(name).touch()
    with places.locked("netpol-run-live"):
        found = keeping.find_leftovers()
        keeping.remove_leftovers(found)

        other = keeping.find_leftovers("another")

    assert ([item.name for item in found], other) == (["netpol-run-dead"], ())
    assert machine.clusters == ["netpol-kept", "netpol-run-foreign", "netpol-run-live", "somebody-elses"]


def test_down_deletes_and_list_shows(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    """A cluster goes by the name that a person gave it; one that is gone is deleted already."""
    (machine.folder / "clusters" / "netpol-x").mkdir()
    (machine.folder / "clusters" / "netpol-x" / "netpol-x-control-plane").touch()
    statuses = [
        main(["cluster", "list"]),
        main(["cluster", "down", "--name", "x"]),
        main(["cluster", "down", "--name", "x"]),
    ]

    assert statuses == [0, 0, 0]
    assert capsys.readouterr().out.splitlines() == [
        f"{'netpol-x':32} kept",
        "kind cluster netpol-x is deleted",
        "kind cluster netpol-x does not exist",
    ]
    assert machine.left() == []


def test_a_cluster_of_others_cannot_be_named(machine: Machine) -> None:
    """The name that is deleted always bears our prefix."""
    (machine.folder / "clusters" / "production").mkdir()
    main(["cluster", "down", "--name", "production"])

    assert machine.clusters == ["production"]


def test_each_phase_is_told_with_its_time(machine: Machine) -> None:
    """A person who waits sees at what, and where the time goes."""
    told: list[str] = []
    with machine.provider(tell=told.append).open():
        pass

    names = [text.partition(": ")[2] for text in told if text.endswith("... ")]
    assert names == [f"{name} ... " for name in ("create", "load images", "nodes ready", "kindnet ready", "delete")]
    assert all(text.endswith(" s\n") for text in told[1::2])


def test_no_cluster_is_found_where_there_is_no_kind(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cleaning up must not fail on a machine that never had one."""
    monkeypatch.setenv("PATH", str(machine.folder))

    assert keeping.find_leftovers() == ()


def test_the_state_folder_is_named_when_it_cannot_be_made(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which folder, and which variable moves it."""
    blocked = machine.folder / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))

    with pytest.raises(ClusterError, match="cannot be made") as raised:
        machine.provider().open().__enter__()

    assert "XDG_STATE_HOME" in str(raised.value.remedy)
    assert Path(str(raised.value.where)).parent == blocked
