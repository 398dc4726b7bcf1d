"""Recipes as data: every pin is whole, and every CNI can be made in every address family."""

from __future__ import annotations

import ipaddress
import re

import pytest

from harness.cluster.kind.recipes import CNIS, NEWEST_KIND, NODE_IMAGES, OLDEST_KIND, POD_SUBNETS, Edit, IpFamily
from harness.cluster.kind.vendor import edited
from harness.cluster.kubernetes.detection import name_cni
from harness.errors import ClusterError

# The places of Calico's manifest that its documentation says to change, and nothing else of it.
CALICO = """\
          "ipam": {
              "type": "calico-ipam"
          },
            - name: IP
              value: "autodetect"
            # - name: CALICO_IPV4POOL_CIDR
            #   value: "192.168.0.0/16"
            - name: FELIX_IPV6SUPPORT
              value: "false"
"""


@pytest.mark.parametrize(("minor", "image"), NODE_IMAGES.items())
def test_a_node_image_is_pinned_by_the_digest_of_its_minor(minor: str, image: str) -> None:
    """A tag alone may be built anew for another kind."""
    assert re.fullmatch(rf"kindest/node:v{re.escape(minor)}\.\d+@sha256:[0-9a-f]{{64}}", image)


def test_the_range_of_kind_is_one() -> None:
    """The oldest that enforces policies comes before the newest that the images are for."""
    assert OLDEST_KIND < NEWEST_KIND


@pytest.mark.parametrize("name", [name for name, recipe in CNIS.items() if recipe.pin])
def test_a_pinned_file_has_version_address_and_checksum(name: str) -> None:
    """The file's name has the version that its address has, so that a mirror can hold several."""
    pin = CNIS[name].pin
    assert pin is not None
    (version,) = re.findall(r"\d+\.\d+\.\d+", pin.name)

    assert (pin.url.startswith("https://"), version in pin.url) == (True, True)
    assert re.fullmatch(r"[0-9a-f]{64}", pin.sha256)


@pytest.mark.parametrize("name", CNIS)
def test_the_agent_of_a_cni_is_known_by_its_name(name: str) -> None:
    """What is waited for, and what the preflight calls the CNI, are the same."""
    agent = {
        "metadata": {"name": CNIS[name].daemon_set},
        "spec": {"template": {"spec": {"containers": [{"image": "example/agent:v1"}]}}},
    }

    assert name_cni([agent], []) == (name, "v1")


@pytest.mark.parametrize("name", [name for name, recipe in CNIS.items() if recipe.pin])
def test_every_family_has_its_changes(name: str) -> None:
    """No family falls back to a form that was made for another."""
    recipe = CNIS[name]
    changes = recipe.values if recipe.is_chart else recipe.edits

    assert set(changes) == set(IpFamily)
    assert len({changes[family] for family in IpFamily}) == len(IpFamily)


@pytest.mark.parametrize("family", IpFamily)
def test_pod_subnets_are_of_their_family(family: IpFamily) -> None:
    """IPv4 before IPv6, as kind wants them."""
    versions = [ipaddress.ip_network(item).version for item in POD_SUBNETS[family].split(",")]

    assert versions == {IpFamily.IPV4: [4], IpFamily.IPV6: [6], IpFamily.DUAL: [4, 6]}[family]


@pytest.mark.parametrize(
    ("family", "lines"),
    [
        (IpFamily.IPV4, {'value: "10.244.0.0/16"', '"type": "calico-ipam"', 'value: "false"', 'value: "autodetect"'}),
        (
            IpFamily.IPV6,
            {
                'value: "fd00:10:244::/56"',
                '"type": "calico-ipam", "assign_ipv4": "false", "assign_ipv6": "true"',
                'value: "none"',
                'value: "hash"',
                "- name: IP6",
            },
        ),
        (
            IpFamily.DUAL,
            {
                'value: "10.244.0.0/16"',
                'value: "fd00:10:244::/56"',
                '"type": "calico-ipam", "assign_ipv4": "true", "assign_ipv6": "true"',
                'value: "true"',
                "- name: IP6",
            },
        ),
    ],
)
def test_calico_is_told_its_families(family: IpFamily, lines: set[str]) -> None:
    """Its manifest as published knows IPv4 alone, and pools of its own."""
    text = edited(CALICO, CNIS["calico"].edits[family])

    assert lines - {line.strip() for line in text.splitlines()} == set()
    assert "192.168.0.0/16" not in text


@pytest.mark.parametrize("text", ["", "a a"])
def test_an_edit_without_its_one_place_is_an_error(text: str) -> None:
    """A manifest that changed shape must not be installed half edited."""
    with pytest.raises(ClusterError, match="should have one"):
        edited(text, (Edit("a", "b"),))
