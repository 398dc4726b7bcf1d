"""Vendors' files: believed by their checksum alone, wherever they come from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from harness.cluster.kind import places
from harness.cluster.kind.programs import Programs
from harness.cluster.kind.recipes import CNIS, Pin
from harness.cluster.kind.spec import specify
from harness.cluster.kind.vendor import cni_manifest, fetched
from harness.errors import ClusterError, EnvironmentMissingError
from tests.kind.machine import Machine

CONTENT = b"kind: Made-up\n"
PIN = Pin("cni-v1.2.3.yaml", "https://cni.example/v1.2.3/cni.yaml", hashlib.sha256(CONTENT).hexdigest())
HELM = '#!/bin/sh\necho "$*" >"$FAKE/helm"\ncat "$3" >"$FAKE/chart"\necho "kind: Rendered"\n'
CHART = b"\x1f\x8bchart"


def test_a_mirror_serves_by_the_files_name(machine: Machine) -> None:
    """A folder will do; afterwards the cache has it, so that the mirror is not needed again."""
    mirror = machine.folder / "mirror"
    mirror.mkdir()
    (mirror / PIN.name).write_bytes(CONTENT)
    first = fetched(PIN, str(mirror))
    (mirror / PIN.name).unlink()

    assert (first, fetched(PIN, str(mirror))) == (CONTENT, CONTENT)


def test_another_content_is_refused_and_not_kept(machine: Machine) -> None:
    """The error has both checksums, and says that nothing was installed."""
    (machine.folder / PIN.name).write_bytes(b"tampered")

    with pytest.raises(ClusterError, match=r"is not cni-v1\.2\.3\.yaml as it was pinned: its sha256 is") as raised:
        fetched(PIN, str(machine.folder))

    assert PIN.sha256 in str(raised.value.remedy)
    assert list(places.cache().iterdir()) == []


def test_a_spoilt_cache_is_not_believed(machine: Machine) -> None:
    """What is kept is checked each time, and replaced."""
    (places.cache() / PIN.name).write_bytes(b"half")
    (machine.folder / PIN.name).write_bytes(CONTENT)

    assert fetched(PIN, str(machine.folder)) == CONTENT
    assert (places.cache() / PIN.name).read_bytes() == CONTENT


@pytest.mark.parametrize("mirror", ["/nowhere", "ftp://mirror.example/x"])
def test_a_file_that_cannot_be_had_says_how_to_bring_it(machine: Machine, mirror: str) -> None:
    """The remedy names the vendor's address and both options that take a copy."""
    with pytest.raises(ClusterError, match="cannot be fetched") as raised:
        fetched(PIN, mirror)

    assert all(word in str(raised.value.remedy) for word in (PIN.url, "--cni-manifest", "--mirror"))


def test_a_file_of_the_users_own_is_taken_as_it_is(machine: Machine) -> None:
    """Nothing can be checked, which every report of that run says."""
    file = machine.folder / "own.yaml"
    file.write_bytes(CONTENT)
    found = cni_manifest(specify(cni="calico", cni_manifest=str(file)), Programs())

    assert found is not None
    assert found.text == CONTENT
    assert "a file of the user's own, which nothing was checked against: own.yaml sha256:" in found.note


def test_kind_brings_kindnet_along(machine: Machine) -> None:
    """There is nothing to fetch."""
    assert cni_manifest(specify(cni="kindnet"), Programs()) is None


def test_a_chart_is_rendered_for_the_family(machine: Machine) -> None:
    """Helm turns it into a manifest, with the values of the recipe."""
    machine.install("helm", HELM)
    file = machine.folder / "chart.tgz"
    file.write_bytes(CHART)
    found = cni_manifest(specify(cni="cilium", cni_manifest=str(file), ip_family="dual"), Programs())
    asked = (machine.folder / "helm").read_text()

    assert found is not None
    assert found.text == b"kind: Rendered\n"
    assert (machine.folder / "chart").read_bytes() == CHART
    assert asked.startswith("template cilium ")
    assert "--namespace kube-system --set ipam.mode=kubernetes" in asked
    assert "--set ipv4.enabled=true --set ipv6.enabled=true" in asked


def test_a_chart_without_helm_says_what_to_do(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install Helm, or render it where there is one."""
    monkeypatch.setenv("PATH", str(machine.programs))
    file = machine.folder / "chart.tgz"
    file.write_bytes(CHART)

    with pytest.raises(EnvironmentMissingError, match="there is no helm on PATH") as raised:
        cni_manifest(specify(cni="cilium", cni_manifest=str(file)), Programs())

    assert "--cni-manifest FILE" in str(raised.value.remedy)


@pytest.mark.parametrize("name", ["calico", "cilium"])
def test_without_a_network_the_pinned_file_can_be_brought(machine: Machine, name: str) -> None:
    """An air-gapped machine is told of it before anything is made."""
    spec = specify(cni=name, mirror=str(Path("/nowhere")))
    pin = CNIS[name].pin
    assert pin is not None

    with pytest.raises(ClusterError, match="cannot be fetched: No such file or directory") as raised:
        cni_manifest(spec, Programs())

    assert raised.value.where == f"/nowhere/{pin.name}"
