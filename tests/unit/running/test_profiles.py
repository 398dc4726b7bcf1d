"""Whole runs with a profile: from the CNI that a cluster names to the verdicts and the exit code."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from harness.cli.running import exit_code
from harness.errors import ExitCode
from harness.model.cluster import Capabilities
from harness.model.result import RunResult, Verdict
from harness.profiles.load import ProfileChoice
from harness.runner.run import run
from harness.runner.settings import RunSettings
from harness.scenario.load import load
from tests.fake import FakeCluster, FakeProvider, Network, obedient

SCENARIO = """
scenario: shop
about: The vault is closed.
topology:
  namespaces: {shop: {}}
  pods:
    shop/vault: {labels: {pod-template-hash: one}, listen: [80]}
    shop/safe: {labels: {app: safe}, listen: [80]}
steps:
- name: closed
  apply: [policies.yaml]
  expect: {default: deny}
"""
POLICIES = "".join(
    f"""
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{namespace: shop, name: {name}}}
spec: {{podSelector: {{matchLabels: {{{label}}}}}}}
"""
    for name, label in (("vault", "pod-template-hash: one"), ("safe", "app: safe"))
)


class CiliumInMemory(FakeCluster):
    """A cluster in memory that says what Cilium's says of itself."""

    def capabilities(self) -> Capabilities:
        """Name the CNI."""
        return replace(super().capabilities(), cni="cilium", cni_version="v1.20.2")


def unseen(cluster: FakeCluster, source: str, destination: str, port: int, protocol: str) -> str:
    """Enforce as Cilium does: a policy on pod-template-hash selects nobody."""
    return "open" if destination.endswith("/vault") else obedient(cluster, source, destination, port, protocol)


def play(tmp_path: Path, network: Network, choice: ProfileChoice | None = None) -> RunResult:
    """Run the scenario on a cluster that is said to have Cilium."""
    (tmp_path / "policies.yaml").write_text(POLICIES)
    (tmp_path / "shop.scenario.yaml").write_text(SCENARIO)
    settings = RunSettings("t1", parallel=1, profile=choice or ProfileChoice())
    scenario = load(tmp_path / "shop.scenario.yaml")
    return run([scenario], FakeProvider(CiliumInMemory(network)), settings, lambda _: None)


def verdicts(result: RunResult) -> dict[str, Verdict | None]:
    """Return the verdicts by destination, a pod to itself left out."""
    flows = [flow for flow in result.scenarios[0].steps[0].flows if not flow.flow.is_to_itself]
    return {str(item.flow.destination): item.judgement.verdict if item.judgement else None for item in flows}


def test_a_listed_deviation_is_known_and_no_failure(tmp_path: Path) -> None:
    """What the detected CNI's profile lists is KNOWN, the rest of the step MATCH, the run passes, and says why."""
    result = play(tmp_path, unseen)

    assert verdicts(result) == {"shop/vault": Verdict.KNOWN, "shop/safe": Verdict.MATCH}
    assert exit_code(result) is ExitCode.MATCH
    assert result.scenarios[0].steps[0].first_correct_s is not None
    assert result.cluster is not None
    assert any("the profile of cilium 1.20.2 lists" in note for note in result.cluster.notes)


def test_a_deviation_that_is_gone_fails_the_run(tmp_path: Path) -> None:
    """A cluster that does what is published, against its profile, ends with 1: the profile is to be mended."""
    result = play(tmp_path, obedient)

    assert verdicts(result) == {"shop/vault": Verdict.OUTAGE, "shop/safe": Verdict.MATCH}
    assert exit_code(result) is ExitCode.MISMATCH


def test_without_its_profile_a_deviation_is_a_finding(tmp_path: Path) -> None:
    """`--profile none` takes the published semantics at their word."""
    result = play(tmp_path, unseen, ProfileChoice(wanted=False))

    assert verdicts(result) == {"shop/vault": Verdict.LEAK, "shop/safe": Verdict.MATCH}


def test_a_known_deviation_is_not_diagnosed(tmp_path: Path) -> None:
    """Nobody is stopped or asked about what is known."""
    kinds: Counter[str] = Counter()
    (tmp_path / "policies.yaml").write_text(POLICIES)
    (tmp_path / "shop.scenario.yaml").write_text(SCENARIO)
    scenario = load(tmp_path / "shop.scenario.yaml")
    run(
        [scenario],
        FakeProvider(CiliumInMemory(unseen)),
        RunSettings("t1", parallel=1),
        lambda event: kinds.update([event.kind]),
    )

    assert kinds["scenario-finished"] == 1
    assert kinds["step-failed"] == 0
