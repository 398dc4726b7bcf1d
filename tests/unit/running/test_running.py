"""Whole runs on a cluster in memory: what is observed, what is judged, what is left behind."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.cli.running import exit_code
from harness.errors import ClusterError, ExitCode
from harness.model.cluster import Capabilities
from harness.model.preflight import Check, CheckStatus
from harness.model.result import Event, FlowResult, RunResult, Verdict
from harness.model.scenario import Scenario
from harness.runner.run import run
from harness.runner.settings import RunSettings
from harness.scenario.load import load
from tests.fake import FakeCluster, FakeProvider, obedient

SCENARIO = """
scenario: shop
about: Only port 80 of the shop is open.
topology:
  namespaces: {shop: {}}
  pods:
    shop/db: {labels: {tier: db}, listen: [80, 81]}
    shop/web: {labels: {tier: web}}
steps:
- name: open
  expect: {default: allow}
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
RESTART = """- name: moved
  restart: [shop/db]
  expect: {same: closed}
"""


def scenario(tmp_path: Path, text: str = SCENARIO) -> Scenario:
    """Load a scenario with its policy beside it."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "shop.scenario.yaml").write_text(text)
    return load(tmp_path / "shop.scenario.yaml")


def play(cluster: FakeCluster, *scenarios: Scenario, settings: RunSettings | None = None) -> RunResult:
    """Run scenarios on `cluster`, listening to nothing."""
    return run(scenarios, FakeProvider(cluster), settings or RunSettings("t1", parallel=1), lambda _: None)


def _flows(result: RunResult) -> list[FlowResult]:
    return [item for scenario in result.scenarios for step in scenario.steps for item in step.flows]


def verdicts(result: RunResult, step: int) -> Counter[Verdict | None]:
    """Count the verdicts of one step of the only scenario, a pod to itself left out."""
    flows = result.scenarios[0].steps[step].flows
    return Counter(item.judgement.verdict if item.judgement else None for item in flows if not item.flow.is_to_itself)


def test_an_obedient_cluster_matches_in_every_step(tmp_path: Path) -> None:
    """Declared, predicted and observed agree, and each deny has its baseline."""
    result = play(FakeCluster(), scenario(tmp_path))

    assert (verdicts(result, 0), verdicts(result, 1)) == ({Verdict.MATCH: 2}, {Verdict.MATCH: 2})
    assert all(item.baseline == "open" for item in result.scenarios[0].steps[1].flows if not item.flow.is_to_itself)


def test_a_sentinel_whose_agent_is_lost_is_no_barrier(tmp_path: Path) -> None:
    """Nobody saw the cluster take the step in: no leak is made of a policy that is not in force yet."""

    class Late(FakeCluster):
        """Loses the sentinel's clients with the first policy of an author, and never enforces that."""

        def apply(self, manifests: Sequence[Mapping[str, Any]]) -> None:
            super().apply(manifests)
            if any(item["metadata"]["name"] == "only-80" for item in manifests):
                for name, agent in self.agents.items():
                    agent.killed = agent.killed or name.endswith("/client-0")

    def unheeded(cluster: FakeCluster, source: str, destination: str, port: int, protocol: str) -> str:
        return "open" if "shop" in destination else obedient(cluster, source, destination, port, protocol)

    again = SCENARIO + "- name: again\n  apply: [policy.yaml]\n  expect: {same: closed}\n"
    result = play(Late(unheeded), scenario(tmp_path, again))

    assert [set(verdicts(result, step)) for step in (1, 2)] == [{Verdict.INCONCLUSIVE}] * 2
    assert [step.barrier_s for step in result.scenarios[0].steps[1:]] == [None, None]


def test_lanes_of_one_cluster_share_its_sentinel_and_prove_it_once(tmp_path: Path) -> None:
    """Each lane turns a policy of its own over, on the same two pods; all of it is gone afterwards."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    shop = scenario(tmp_path / "one")
    other = scenario(tmp_path / "two", SCENARIO.replace("scenario: shop", "scenario: other").replace("/web", "/cook"))
    cluster = FakeCluster()
    provider = FakeProvider(cluster, private=False)
    result = run([shop, other], provider, RunSettings("t1", parallel=2), lambda _: None)
    policies = {item["metadata"]["name"] for item in cluster.applied if item["kind"] == "NetworkPolicy"}
    pods = [item["metadata"]["name"] for item in cluster.applied if item["kind"] == "Pod"]

    assert {str(item.judgement.verdict) for item in _flows(result) if item.judgement} == {"MATCH", "IGNORED"}
    assert policies == {"only-80", "netpol-harness-sentinel-0", "netpol-harness-sentinel-1"}
    assert (provider.opened, pods.count("server-0"), cluster.objects) == (1, 1, {})


def test_no_name_of_the_run_is_in_a_report(tmp_path: Path) -> None:
    """Who answered is told in the author's words, also where a pod asked itself: else no two runs compare."""
    result = play(FakeCluster(), scenario(tmp_path))

    answered = {item.observed.answered_by for item in result.scenarios[0].steps[0].flows if item.observed}
    assert answered == {"shop/db"}


def test_nothing_is_left_in_the_cluster_after_a_run(tmp_path: Path) -> None:
    """Cleanup happens whatever the outcome."""
    cluster = FakeCluster()
    play(cluster, scenario(tmp_path))

    assert cluster.objects == {}


def test_policies_reach_the_cluster_as_written_but_for_the_renaming(tmp_path: Path) -> None:
    """Manifests are applied verbatim; only the scenario's namespaces get run-unique names."""
    cluster = FakeCluster()
    written = scenario(tmp_path).steps[1].apply[0].document
    play(cluster, scenario(tmp_path))
    (applied,) = [item for item in cluster.applied if item["metadata"]["name"] == "only-80"]

    assert applied["spec"] == written["spec"]
    assert applied["metadata"]["namespace"] == "np-t1-1-shop"


def test_a_cluster_that_does_not_enforce_stops_the_run_and_reports_no_leak(tmp_path: Path) -> None:
    """No enforcement is one sentence, never a list of a thousand leaks."""
    result = play(FakeCluster(lambda *_: "open"), scenario(tmp_path))

    assert result.scenarios == ()
    assert "does not enforce NetworkPolicies" in (result.error or "")


def test_a_preflight_that_fails_stops_the_run_and_tells_all_of_it(tmp_path: Path) -> None:
    """No pod is made, every failure is told with its remedy, and the run is inconclusive."""
    cluster = FakeCluster()
    checks = (
        Check("permissions", CheckStatus.FAILED, "may not create pods", "ask for it"),
        Check("CNI", CheckStatus.WARNING, "none", "install one"),
        Check("room", CheckStatus.FAILED, "for no pod"),
    )
    provider = FakeProvider(cluster, checks=checks)
    result = run([scenario(tmp_path)], provider, RunSettings("t1", parallel=1), lambda _: None)

    assert result.error == "permissions: may not create pods\n    ask for it\nroom: for no pod"
    assert (provider.opened, cluster.applied, result.scenarios) == (0, [], ())
    assert exit_code(result) is ExitCode.INCONCLUSIVE


def test_a_warning_of_the_preflight_goes_into_the_report(tmp_path: Path) -> None:
    """What disturbs is told while the run is under way, and stands in its facts for whoever reads it later."""
    told: list[Event] = []
    checks = (
        Check("cluster-wide policies", CheckStatus.WARNING, "GlobalNetworkPolicy/x holds for the pods too", "remove"),
        Check("SCTP", CheckStatus.NOTE, "not known"),
    )
    provider = FakeProvider(FakeCluster(), checks=checks)
    result = run([scenario(tmp_path)], provider, RunSettings("t1", parallel=1), told.append)
    expected = "cluster-wide policies: GlobalNetworkPolicy/x holds for the pods too (remove)"

    assert result.cluster is not None
    assert result.cluster.notes[-1] == expected
    assert [event.text for event in told if event.kind == "note"] == [expected]


def test_a_policy_that_a_cluster_ignores_shows_as_a_leak(tmp_path: Path) -> None:
    """Declared deny, observed open: the pair is named, with the rule that should have denied."""

    def deaf(cluster: FakeCluster, source: str, destination: str, port: int, protocol: str) -> str:
        return "open" if "shop" in destination else obedient(cluster, source, destination, port, protocol)

    result = play(FakeCluster(deaf), scenario(tmp_path))
    (leak,) = [
        item for item in result.scenarios[0].steps[1].flows if item.judgement and item.judgement.verdict is Verdict.LEAK
    ]

    assert str(leak.flow) == "shop/web -> shop/db:81/TCP"
    assert leak.explanation is not None
    assert leak.command is not None


@pytest.mark.parametrize(("asked_in_vain", "expected"), [(3, Verdict.MATCH), (10**9, Verdict.INCONCLUSIVE)])
def test_a_policy_that_outlives_its_scenario_is_no_proof_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked_in_vain: int, expected: Verdict
) -> None:
    """On pods that stay up every flow must have been open again: else a rule left over would pass for a denial."""
    monkeypatch.setattr("harness.runner.perform._REOPENED_S", 0.2)
    asked = Counter[str]()

    def stale(cluster: FakeCluster, source: str, destination: str, port: int, protocol: str) -> str:
        gone = any(ref.name == "only-80" for ref in cluster.deleted)
        if gone and destination.endswith("shop/db") and port == 81 and source != destination:
            asked[source] += 1
            if asked[source] <= asked_in_vain:
                return "silent"
        return obedient(cluster, source, destination, port, protocol)

    (tmp_path / "again").mkdir()
    again = scenario(tmp_path / "again", SCENARIO.replace("scenario: shop", "scenario: shop-again"))
    result = play(FakeCluster(stale), scenario(tmp_path), again)
    denied = next(item for item in result.scenarios[1].steps[1].flows if str(item.flow) == "shop/web -> shop/db:81/TCP")

    assert denied.judgement is not None
    assert denied.judgement.verdict is expected


def test_a_fresh_pod_that_could_be_reached_at_first_is_reported(tmp_path: Path) -> None:
    """It settles as denied, so no verdict tells of it: the step's own account does."""
    asked = Counter[str]()

    def late(cluster: FakeCluster, source: str, destination: str, port: int, protocol: str) -> str:
        restarted = [item["metadata"]["name"] for item in cluster.applied if item["kind"] == "Pod"].count("db") > 1
        if restarted and destination.endswith("shop/db") and port == 81 and source != destination:
            asked[source] += 1
            if asked[source] == 1:
                return "open"
        return obedient(cluster, source, destination, port, protocol)

    result = play(FakeCluster(late), scenario(tmp_path, SCENARIO + RESTART))
    leaks = [step.start_leaks for step in result.scenarios[0].steps]

    assert [leaks[:2], [str(flow) for flow in leaks[2] or ()]] == [[None, None], ["shop/web -> shop/db:81/TCP"]]
    assert verdicts(result, 2) == {Verdict.MATCH: 2}


def test_a_pod_that_moved_is_proved_once_the_policies_are_gone(tmp_path: Path) -> None:
    """Its new address has no opening baseline, so its denials are proved by lifting the policies at the end."""
    result = play(FakeCluster(), scenario(tmp_path, SCENARIO + RESTART))
    (closed,) = [
        item
        for item in result.scenarios[0].steps[2].flows
        if item.flow.port == 81 and item.judgement and item.judgement.verdict is not Verdict.IGNORED
    ]

    assert closed.judgement is not None
    assert closed.judgement.verdict is Verdict.MATCH
    assert "once the policies were gone" in closed.judgement.why


def test_a_killed_agent_makes_its_flows_inconclusive_and_the_run_goes_on(tmp_path: Path) -> None:
    """A fault of a probe is never a verdict; the other scenario is untouched."""
    cluster = FakeCluster()

    def kill_when_closed(event: Event) -> None:
        if event.kind == "step-started" and event.step == "closed":
            cluster.agents["np-t1-1-shop/db"].killed = True

    result = run([scenario(tmp_path)], FakeProvider(cluster), RunSettings("t1", parallel=1), kill_when_closed)

    assert verdicts(result, 0) == {Verdict.MATCH: 2}
    assert verdicts(result, 1) == {Verdict.INCONCLUSIVE: 2}


def test_a_refusing_api_is_an_error_of_the_scenario_and_its_flows_are_all_reported(tmp_path: Path) -> None:
    """Set-up failures are errors, not absences."""

    class Refusing(FakeCluster):
        def apply(self, manifests: object) -> None:
            if any(item["kind"] == "NetworkPolicy" and "only-80" in str(item) for item in manifests):  # type: ignore[attr-defined]
                raise ClusterError("the API server says 403 Forbidden")
            super().apply(manifests)  # type: ignore[arg-type]

    cluster = Refusing()
    result = play(cluster, scenario(tmp_path))

    assert "403" in (result.scenarios[0].error or "")
    assert verdicts(result, 1) == {Verdict.INCONCLUSIVE: 2}
    assert cluster.objects == {}


@pytest.mark.parametrize("when", ["scenario-started", "phase", "step-started"])
def test_an_interruption_cleans_up_and_reports_what_it_has(tmp_path: Path, when: str) -> None:
    """Ctrl-C leaves nothing behind, and every flow is accounted for."""
    cluster, cancelled = FakeCluster(), threading.Event()
    settings = RunSettings("t1", parallel=1, cancelled=cancelled)

    def interrupt(event: Event) -> None:
        if event.kind == when:
            cancelled.set()

    result = run([scenario(tmp_path)], FakeProvider(cluster), settings, interrupt)

    assert result.interrupted
    assert cluster.objects == {}
    assert [len(step.flows) for step in result.scenarios[0].steps] == [4, 4]


def test_a_relabel_that_would_show_too_late_is_never_judged(tmp_path: Path) -> None:
    """Where new labels take effect unseen and late, a settled matrix would still be the old one."""

    class Slow(FakeCluster):
        def capabilities(self) -> Capabilities:
            return replace(super().capabilities(), relabels_in_time=False)

    text = SCENARIO + "- {name: relabelled, relabel: {shop/web: {tier: other}}, expect: {same: closed}}\n"
    result = play(Slow(), scenario(tmp_path, text))

    assert (verdicts(result, 1), verdicts(result, 2)) == ({Verdict.MATCH: 2}, {Verdict.INCONCLUSIVE: 2})


def test_scenarios_on_one_topology_share_their_pods(tmp_path: Path) -> None:
    """The pods of a lane are brought up once."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    cluster = FakeCluster()
    play(cluster, scenario(tmp_path / "one"), scenario(tmp_path / "two"))
    created = [item for item in cluster.applied if item["kind"] == "Pod" and item["metadata"]["name"] == "db"]

    assert len(created) == 1


def test_the_last_policies_on_a_stage_go_with_its_pods(tmp_path: Path) -> None:
    """Between scenarios they are lifted one by one; after the last that would only be work for the CNI."""
    cluster = FakeCluster()
    one = scenario(tmp_path)
    play(cluster, one, replace(one, name="again", file="again.scenario.yaml"))

    assert [ref.name for ref in cluster.deleted if ref.kind == "NetworkPolicy"] == ["only-80"]
    assert cluster.objects == {}


def test_the_prober_is_never_handed_an_expectation(tmp_path: Path) -> None:
    """The same probes are sent whatever is declared: the observer cannot stop at an answer that pleases."""
    contrary = SCENARIO.replace("deny:", "allow:")
    counts = []
    for text in (SCENARIO, contrary):
        result = play(FakeCluster(), scenario(tmp_path, text))
        counts.append(
            [item.observed.outcome for step in result.scenarios[0].steps for item in step.flows if item.observed]
        )

    assert counts[0] == counts[1]


def test_a_cluster_without_externals_plays_everything_else(tmp_path: Path) -> None:
    """A scenario that needs them is inconclusive for that one reason; those beside it are judged as ever."""

    class Bare(FakeCluster):
        def apply(self, manifests: object) -> None:
            if any(item["kind"] == "External" for item in manifests):  # type: ignore[attr-defined]
                raise ClusterError("this cluster has no externals", remedy="give --outside NETNS")
            super().apply(manifests)  # type: ignore[arg-type]

    (tmp_path / "other").mkdir()
    with_office = SCENARIO.replace("scenario: shop", "scenario: office").replace(
        "steps:", "  externals: {office: {address: 203.0.113.10}}\nsteps:"
    )
    cluster = Bare()
    provider = FakeProvider(cluster, private=False)
    scenarios = [scenario(tmp_path), scenario(tmp_path / "other", with_office)]
    result = run(scenarios, provider, RunSettings("t1", parallel=1), lambda _: None)
    shop, office = result.scenarios
    reasons = {item.judgement.why for step in office.steps for item in step.flows if item.judgement}

    assert (shop.error, {item.judgement.verdict for item in shop.steps[1].flows if item.judgement}) == (
        None,
        {Verdict.MATCH, Verdict.IGNORED},
    )
    assert (office.error, reasons) == (
        "this cluster has no externals\n    give --outside NETNS",
        {"a pod always reaches itself: no policy sees it", "probe fault: this cluster has no externals"},
    )
    assert cluster.objects == {}


def test_two_stages_may_have_an_external_of_one_name(tmp_path: Path) -> None:
    """Its object has a name of the stage's own, its agent the author's, so that an answer is known by it."""
    cluster = FakeCluster()
    text = SCENARIO.replace("steps:", "  externals: {office: {address: 203.0.113.10, listen: [80]}}\nsteps:")
    results = [play(cluster, scenario(tmp_path, text)) for _ in range(2)]
    names = [item["metadata"]["name"] for item in cluster.applied if item["kind"] == "External"]

    assert [verdicts(result, 0)[Verdict.MATCH] for result in results] == [6, 6]
    assert (len(names), len(set(names))) == (2, 2)
