"""Which runs may be compared, and which are of equal conditions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.model.flow import Family
from harness.model.result import ClusterFacts
from harness.reporting.history.lanes import Across, label, lane, minor, same_conditions
from tests.unit.history.nights import KIND, night, upgraded

LOCAL = ClusterFacts("local", emulated=True, families=(Family.IPV4, Family.IPV6))
BROKEN = replace(LOCAL, notes=("one node", "misbehaves on purpose: ignores-except"))


def comparable(one: ClusterFacts | None, other: ClusterFacts | None, across: Across = Across.PATCHES) -> bool:
    """Tell whether two runs are of one lane."""
    return lane(night(0, "M", facts=one).header, across) == lane(night(1, "M", facts=other).header, across)


@pytest.mark.parametrize(
    ("other", "narrow", "versions"),
    [
        (KIND, True, True),
        (upgraded(cni_version="v3.30.9"), True, True),
        (upgraded(kubernetes="v1.34.7"), True, True),
        (upgraded(cni_version="v3.31.0"), False, True),
        (upgraded(kubernetes="v1.35.0"), False, True),
        (upgraded(cni="cilium"), False, False),
        (upgraded(kind="kubeconfig"), False, False),
        (replace(KIND, families=(Family.IPV4, Family.IPV6)), False, False),
        (None, False, False),
    ],
)
def test_runs_are_comparable_by_what_their_clusters_are(
    other: ClusterFacts | None, *, narrow: bool, versions: bool
) -> None:
    """Patch releases are compared, minor versions where asked for, other CNIs, kinds and families only across all."""
    found = [comparable(KIND, other, across) for across in Across]

    assert found == [narrow, versions, True]


def test_an_emulator_with_a_fault_is_another_cluster() -> None:
    """What was told to misbehave is never the past of what was not; other notes do not matter."""
    assert not comparable(LOCAL, BROKEN)
    assert comparable(LOCAL, replace(LOCAL, notes=("one node",)))


def test_runs_without_a_cluster_are_comparable_with_each_other_only() -> None:
    """A run that never had a cluster says nothing of any."""
    assert (comparable(None, None), comparable(None, LOCAL)) == (True, False)


@pytest.mark.parametrize(
    ("other", "commit", "same"),
    [
        (KIND, "c" * 40, True),
        (KIND, "d" * 40, False),
        (upgraded(cni_version="v3.30.2"), "c" * 40, False),
        (upgraded(kubernetes="v1.34.2"), "c" * 40, False),
    ],
)
def test_conditions_are_the_same_for_one_commit_and_equal_facts(
    other: ClusterFacts, commit: str, *, same: bool
) -> None:
    """Even a patch release may change a verdict without anything flickering."""
    one, another = night(0, "M").header, night(1, "M", facts=other, commit=commit).header

    assert (same_conditions(one) == same_conditions(another)) is same


@pytest.mark.parametrize("facts", [KIND, None])
def test_conditions_that_are_not_known_are_never_the_same(facts: ClusterFacts | None) -> None:
    """Without a commit, or a cluster, no change of a verdict is called a flake."""
    commit = None if facts else "c" * 40

    assert same_conditions(night(0, "M", facts=facts, commit=commit).header) is None


@pytest.mark.parametrize(
    ("version", "expected"),
    [("v1.34.2", "1.34"), ("1.34", "1.34"), ("v1.36.1+k3s1", "1.36"), ("2", "2"), ("main", "main"), (None, None)],
)
def test_a_minor_version_is_the_first_two_numbers(version: str | None, expected: str | None) -> None:
    """What does not look like a version is compared as a whole."""
    assert minor(version) == expected


def test_a_lane_says_what_its_runs_have_in_common() -> None:
    """Only what every run of it has is in its name."""
    header = night(0, "M").header

    assert [label(header, across) for across in Across] == [
        "kind, CNI calico 3.30, Kubernetes 1.34, IPv4",
        "kind, CNI calico, IPv4",
        "all clusters",
    ]
