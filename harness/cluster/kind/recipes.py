"""What is installed, as data: node images by digest, CNIs by checksum, and which kind they were made for.

Pure. To move to newer versions, change this file alone; each pin says where its checksum was checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class IpFamily(StrEnum):
    """What pods and Services get, in kind's own words."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    DUAL = "dual"


# kindnet enforces NetworkPolicies since kind 0.24; an older kind would only ever fail the canary.
OLDEST_KIND = (0, 24)
# The newest kind that these node images are published for; with a newer one they are its best effort.
NEWEST_KIND = (0, 33)

# By Kubernetes minor version, from the release notes of kind 0.33.0. Checked: each digest stands in the pins of
# several unrelated public repositories, which name those notes; the notes themselves could not be read from here.
NODE_IMAGES: Mapping[str, str] = {
    "1.37": "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5",
    "1.36": "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed",
    "1.35": "kindest/node:v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0",
    "1.34": "kindest/node:v1.34.11@sha256:44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d",
}

# kind's own defaults, stated here because Calico's manifest has to name the same.
POD_SUBNETS: Mapping[IpFamily, str] = {
    IpFamily.IPV4: "10.244.0.0/16",
    IpFamily.IPV6: "fd00:10:244::/56",
    IpFamily.DUAL: "10.244.0.0/16,fd00:10:244::/56",
}


@dataclass(frozen=True, slots=True)
class Pin:
    """A vendor's file: `name` is what it is called in a mirror and in the cache."""

    name: str
    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement in a vendor's file, which must have `old` exactly once."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a CNI comes into a kind cluster.

    `pin` None: kind brings it along. `values` are Helm's, and make the pinned file a chart; without them it is a
    manifest, with `edits` for each family. `daemon_set` is its agent, which must run on every node.
    """

    daemon_set: str
    pin: Pin | None = None
    edits: Mapping[IpFamily, tuple[Edit, ...]] = field(default_factory=dict)
    values: Mapping[IpFamily, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_chart(self) -> bool:
        """Whether Helm has to turn the pinned file into a manifest."""
        return bool(self.values)


def _calico(family: IpFamily) -> tuple[Edit, ...]:
    """Return what Calico's documentation on dual-stack and IPv6-only clusters says to change in its manifest."""
    has_ipv4, has_ipv6 = family is not IpFamily.IPV6, family is not IpFamily.IPV4
    pools = [("IPV4", IpFamily.IPV4)] * has_ipv4 + [("IPV6", IpFamily.IPV6)] * has_ipv6
    cidrs = "".join(_env(f"CALICO_{name}POOL_CIDR", POD_SUBNETS[item]) for name, item in pools)
    edits = [
        Edit(
            '            # - name: CALICO_IPV4POOL_CIDR\n            #   value: "192.168.0.0/16"\n',
            cidrs,
        )
    ]
    if has_ipv6:
        asked = f'"assign_ipv4": "{str(has_ipv4).lower()}", "assign_ipv6": "true"'
        # Without an IPv4 address there is none to take BIRD's router id from.
        addresses = _env("IP", "autodetect") if has_ipv4 else _env("IP", "none") + _env("CALICO_ROUTER_ID", "hash")
        edits += [
            Edit('"type": "calico-ipam"\n', f'"type": "calico-ipam", {asked}\n'),
            Edit(_env("IP", "autodetect"), addresses + _env("IP6", "autodetect")),
            Edit(_env("FELIX_IPV6SUPPORT", "false"), _env("FELIX_IPV6SUPPORT", "true")),
        ]
    return tuple(edits)


def _env(name: str, value: str) -> str:
    return f'            - name: {name}\n              value: "{value}"\n'


def _cilium(family: IpFamily) -> tuple[str, ...]:
    return (
        # Pod ranges as kind gives them to the nodes; one operator is enough; images that were loaded are used.
        "ipam.mode=kubernetes",
        "operator.replicas=1",
        "image.pullPolicy=IfNotPresent",
        "operator.image.pullPolicy=IfNotPresent",
        # Neither flow logs nor L7 rules are tested: two images less.
        "hubble.enabled=false",
        "envoy.enabled=false",
        f"ipv4.enabled={str(family is not IpFamily.IPV6).lower()}",
        f"ipv6.enabled={str(family is not IpFamily.IPV4).lower()}",
    )


CNIS: Mapping[str, Recipe] = {
    "calico": Recipe(
        daemon_set="calico-node",
        # Checked: the vendor's release branch with its image tags set to v3.32.2 has exactly this checksum, and
        # several unrelated public repositories pin the same.
        pin=Pin(
            name="calico-v3.32.2.yaml",
            url="https://raw.githubusercontent.com/projectcalico/calico/v3.32.2/manifests/calico.yaml",
            sha256="a8c828a06a87c629a282ebbc424895b77f3a030251993e41ea400a743675bb02",
        ),
        edits={family: _calico(family) for family in IpFamily},
    ),
    "cilium": Recipe(
        daemon_set="cilium",
        # Cilium publishes a Helm chart and no manifest. Checked: several unrelated public repositories pin this
        # checksum for the vendor's chart server, whose files are those of this repository (compared for 1.20.0).
        pin=Pin(
            name="cilium-1.20.2.tgz",
            url="https://raw.githubusercontent.com/cilium/charts/master/cilium-1.20.2.tgz",
            sha256="b2afd87b7f75f875f92a14559f14f59b7babbb479d968e3fd625a20bf30ec20e",
        ),
        values={family: _cilium(family) for family in IpFamily},
    ),
    "kindnet": Recipe(daemon_set="kindnet"),
}
