"""One proved cluster for scenarios that come one by one: pods are shared where they can be, and go in the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import ClusterError, NotEnforcedError
from harness.model.result import Verdict
from harness.model.scenario import Scenario
from harness.runner.ground import Ground, proved
from harness.runner.settings import RunSettings
from harness.scenario.load import load
from tests.fake import FakeCluster

SCENARIO = """
scenario: shop
about: Only port 80 of the shop is open.
topology:
  namespaces: {shop: {}}
  pods:
    shop/db: {labels: {tier: db}, listen: [80, 81]}
    shop/web: {labels: {tier: web}}
steps:
- name: closed
  apply: [policy.yaml]
  expect: {default: allow, rules: [{deny: "* -> shop/db:81"}]}
"""
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: only-80}
spec:
  podSelector: {matchLabels: {tier: db}}
  ingress: [{ports: [{port: 80, protocol: TCP}]}]
"""
RESTART = "- {name: moved, restart: [shop/db], expect: {same: closed}}\n"


def scenario(folder: Path, text: str = SCENARIO) -> Scenario:
    """Load a scenario with its policy beside it."""
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "shop.scenario.yaml").write_text(text)
    return load(folder / "shop.scenario.yaml")


@contextmanager
def ground(cluster: FakeCluster, settings: RunSettings) -> Iterator[Ground]:
    """Open a ground on `cluster`, and close it."""
    with proved(cluster, settings, 0) as sentinel:
        opened = Ground(cluster, sentinel, settings, lambda _: None)
        try:
            yield opened
        finally:
            opened.close()


def created(cluster: FakeCluster, name: str) -> int:
    """Count how often pods called `name` were brought up."""
    return sum(item["kind"] == "Pod" and item["metadata"]["name"] == name for item in cluster.applied)


def test_scenarios_on_one_topology_share_their_pods_one_after_the_other(tmp_path: Path) -> None:
    """Bringing pods up is what costs most: the next scenario finds them up."""
    cluster = FakeCluster()
    with ground(cluster, RunSettings("t1")) as opened:
        results = [opened.perform(scenario(tmp_path)) for _ in range(3)]

    assert created(cluster, "db") == 1
    assert {item.judgement.verdict for result in results for item in result.steps[0].flows if item.judgement} == {
        Verdict.MATCH,
        Verdict.IGNORED,
    }


def test_pods_that_a_scenario_changed_are_not_handed_on(tmp_path: Path) -> None:
    """A pod that moved is no longer the one that the next scenario's topology describes."""
    cluster = FakeCluster()
    with ground(cluster, RunSettings("t1")) as opened:
        opened.perform(scenario(tmp_path, SCENARIO + RESTART))
        opened.perform(scenario(tmp_path))

    assert created(cluster, "web") == 2


def test_the_oldest_pods_go_when_there_is_no_room_for_new_ones(tmp_path: Path) -> None:
    """The budget of pods holds for what is kept up as well."""
    cluster = FakeCluster()
    with ground(cluster, RunSettings("t1", pod_budget=3)) as opened:
        first = scenario(tmp_path)
        opened.perform(first)
        opened.perform(scenario(tmp_path, SCENARIO.replace("81]", "81, 82]")))
        opened.perform(first)

    assert created(cluster, "db") == 3


def test_pods_that_nobody_will_ask_for_go_at_once(tmp_path: Path) -> None:
    """`forget` frees the room before the ground is left."""
    cluster = FakeCluster()
    with ground(cluster, RunSettings("t1")) as opened:
        played = scenario(tmp_path)
        opened.perform(played)
        opened.forget(played.topology)
        left = [ref for ref in cluster.objects if ref.name == "db"]

    assert left == []


def test_two_parts_of_one_run_never_share_a_namespace(tmp_path: Path) -> None:
    """Workers of one run play side by side on one cluster."""
    cluster = FakeCluster()
    for part in ("gw0", "gw1"):
        with ground(cluster, RunSettings("t1", part=part)) as opened:
            opened.perform(scenario(tmp_path))
    names = [item["metadata"]["name"] for item in cluster.applied if item["kind"] == "Namespace"]

    assert names == ["np-t1-gw0-w0-sentinel", "np-t1-gw0-1-shop", "np-t1-gw1-w0-sentinel", "np-t1-gw1-1-shop"]


def test_a_cluster_that_does_not_enforce_is_no_ground_and_keeps_nothing() -> None:
    """The canary is tried once, and its pods go."""
    cluster = FakeCluster(lambda *_: "open")
    with pytest.raises(NotEnforcedError), ground(cluster, RunSettings("t1")):
        raise AssertionError

    assert cluster.objects == {}


def test_pods_that_do_not_come_up_make_their_scenario_inconclusive_and_the_next_one_is_played(tmp_path: Path) -> None:
    """A fault of the cluster is a result of one scenario, with its text."""

    class Shy(FakeCluster):
        refusals = 1

        def apply(self, manifests: object) -> None:
            if self.refusals and any(item["metadata"]["name"] == "db" for item in manifests):  # type: ignore[attr-defined]
                self.refusals -= 1
                raise ClusterError("no room for another pod")
            super().apply(manifests)  # type: ignore[arg-type]

    cluster = Shy()
    with ground(cluster, RunSettings("t1")) as opened:
        failed, played = opened.perform(scenario(tmp_path)), opened.perform(scenario(tmp_path))

    assert (failed.error, played.error) == ("no room for another pod", None)
    assert cluster.objects == {}


def test_no_two_stages_with_externals_stand_at_once(tmp_path: Path) -> None:
    """An external's address is fixed: the next scenario may want the same one under another name."""
    cluster = FakeCluster()
    standing = []
    with ground(cluster, RunSettings("t1")) as opened:
        for name in ("office", "cafe"):
            text = SCENARIO.replace("steps:", f"  externals: {{{name}: {{address: 203.0.113.10}}}}\nsteps:")
            opened.perform(scenario(tmp_path, text))
            standing.append([ref.name for ref in cluster.objects if ref.kind == "External"])

    assert [len(names) for names in standing] == [1, 1]
