"""Options that make a cluster: what they mean, and what is refused before anything is started."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from harness.cluster.kind.images import contents_of, is_listed, loadable
from harness.cluster.kind.ledger import differences
from harness.cluster.kind.recipes import CNIS, NODE_IMAGES, POD_SUBNETS, IpFamily
from harness.cluster.kind.spec import configuration, full_name, image_for, is_ours, specify
from harness.errors import UsageError


def test_the_default_is_what_kind_brings_along() -> None:
    """Without options: two nodes, kindnet, IPv4, and kind's own node image."""
    spec = specify()

    assert (spec.cni, spec.nodes, spec.family, spec.node_image) == ("kindnet", 2, IpFamily.IPV4, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cni": "cilum"}, "--cni: 'cilum' is unknown; known: calico, cilium, kindnet\n    did you mean 'cilium'?"),
        ({"ip_family": "ipv5"}, "--ip-family: 'ipv5' is unknown; known: ipv4, ipv6, dual"),
        ({"nodes": 0}, "--nodes: 0 nodes"),
        ({"nodes": 21}, "--nodes: 21 nodes"),
        ({"cni_manifest": "x.yaml"}, "--cni-manifest: kindnet comes with kind"),
        ({"cni": "calico", "cni_manifest": "/nowhere.yaml"}, "--cni-manifest: /nowhere.yaml cannot be read: No such"),
        ({"image_archive": ["/nowhere.tar"]}, "--image-archive: /nowhere.tar cannot be read: No such"),
        ({"kubernetes": "1.36", "node_image": "x"}, "--kubernetes and --node-image: both say which"),
        ({"kubernetes": "1.20"}, "--kubernetes: no node image is pinned for Kubernetes 1.20; pinned: v1.37"),
        ({"kubernetes": "1.36.3"}, "--kubernetes: no node image is pinned for Kubernetes 1.36.3"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_option(options: dict[str, Any], message: str) -> None:
    """The sentence begins with the option, and says what is known instead."""
    with pytest.raises(UsageError) as raised:
        specify(**options)

    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("version", ["1.36", "v1.36", "1.36.4", "v1.36.4"])
def test_a_version_finds_its_pinned_image(version: str) -> None:
    """A minor version is enough; a patch version must be the pinned one."""
    assert image_for(version) == NODE_IMAGES["1.36"]


@pytest.mark.parametrize(
    ("given", "full"),
    [(None, "netpol"), ("x", "netpol-x"), ("netpol-x", "netpol-x"), ("netpolish", "netpol-netpolish")],
)
def test_a_name_always_bears_our_prefix(given: str | None, full: str) -> None:
    """So that nothing that the harness did not make can be named at all."""
    assert (full_name(given), is_ours(full_name(given))) == (full, True)


@pytest.mark.parametrize("name", ["A", "a_b", "a b", "-", "x" * 60, "../x"])
def test_a_name_that_no_node_could_have_is_refused(name: str) -> None:
    """It becomes a host name, a file name and a label."""
    with pytest.raises(UsageError, match="cannot name a cluster"):
        full_name(name)


@pytest.mark.parametrize("family", IpFamily)
@pytest.mark.parametrize("cni", CNIS)
def test_the_configuration_says_all_that_kind_must_know(cni: str, family: IpFamily) -> None:
    """Only kindnet is kind's to install; subnets are stated, since the CNI has to name the same."""
    config = json.loads(configuration(specify(cni=cni, nodes=3, ip_family=family)))

    assert config["networking"] == {
        "ipFamily": family,
        "podSubnet": POD_SUBNETS[family],
        **({} if cni == "kindnet" else {"disableDefaultCNI": True}),
    }
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]


def test_differences_name_what_is_and_what_was_asked() -> None:
    """A choice left to kind is called so; what is not asked about does not matter."""
    found = {"cni": "calico", "nodes": "2", "nodeImage": "", "more": "x"}

    assert differences(found, {"cni": "calico", "nodes": "2", "nodeImage": ""}) == ""
    assert differences(found, {"cni": "cilium", "nodeImage": "i"}) == (
        "cni calico instead of cilium, nodeImage of kind instead of i"
    )


@pytest.mark.parametrize(
    ("image", "is_there"),
    [
        ("probe:1", True),
        ("lab/probe:1", True),
        ("probe:2", False),
        ("robe:1", False),
        ("untagged", True),
        ("registry.example:5000/untagged", True),
    ],
)
def test_a_node_knows_images_by_their_full_names(image: str, *, is_there: bool) -> None:
    """The short name that a person types stands for the full one, and no tag for latest."""
    names = ["registry.example/lab/probe:1", "registry.example:5000/untagged:latest"]

    assert is_listed(image, names) is is_there


def test_only_an_image_by_digest_needs_another_name() -> None:
    """An archive keeps a tag and loses a digest."""
    digest = "0123456789abcdef" * 4

    assert loadable("example/probe:1") == "example/probe:1"
    assert loadable(f"registry.example:5000/python:3.13@sha256:{digest}") == "netpol-harness/python:0123456789ab"


def test_files_are_taken_by_their_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded later must not depend on where one stands then."""
    monkeypatch.chdir(tmp_path)
    Path("a.tar").touch()

    assert specify(image_archive=["a.tar"]).archives == (tmp_path / "a.tar",)


CONFIGURATION = "1187f533d2712daff917e2ca23155794593fd7f070ef603758d7eea92d7b6943"


def _archive(path: Path, manifest: object, mode: str = "w") -> Path:
    data = json.dumps(manifest).encode()
    with tarfile.open(path, mode) as written:  # type: ignore[call-overload]
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(data)
        written.addfile(entry, io.BytesIO(data))
    return path


@pytest.mark.parametrize("config", [f"{CONFIGURATION}.json", f"blobs/sha256/{CONFIGURATION}"])
def test_an_archive_tells_its_images(tmp_path: Path, config: str) -> None:
    """As older and newer engines write them."""
    archive = _archive(tmp_path / "a.tar", [{"Config": config, "RepoTags": ["registry.example/acme/probe:1"]}])

    assert contents_of(archive) == {"registry.example/acme/probe:1": f"sha256:{CONFIGURATION}"}


@pytest.mark.parametrize(
    "manifest", [{}, [{}], [{"Config": "x", "RepoTags": ["a:1"]}], [{"Config": CONFIGURATION, "RepoTags": None}], "x"]
)
def test_an_archive_that_does_not_tell_is_loaded_in_any_case(tmp_path: Path, manifest: object) -> None:
    """Nothing known of it means that no node can be said to have it."""
    assert contents_of(_archive(tmp_path / "a.tar", manifest)) == {}


def test_a_compressed_archive_and_none_at_all_tell_nothing(tmp_path: Path) -> None:
    """To read the former would take as long as loading it."""
    packed = _archive(tmp_path / "a.tar.gz", [{"Config": CONFIGURATION, "RepoTags": ["a:1"]}], "w:gz")

    assert (contents_of(packed), contents_of(tmp_path / "none.tar")) == ({}, {})
