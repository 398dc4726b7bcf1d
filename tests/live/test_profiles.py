"""Profiles on real packets: a fault of the local data plane that a profile lists, there and gone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.cluster.local.provider import LocalProvider
from harness.model.result import Verdict
from harness.profiles.load import choose
from harness.runner.run import run
from harness.runner.settings import RunSettings
from harness.scenario.load import load

pytestmark = pytest.mark.netns

SCENARIO = Path(__file__).resolve().parents[2] / "scenarios" / "ports" / "d08-endport-range.scenario.yaml"
PROFILE = """
profile: emulator
deviations:
- name: endport-ignored
  about: of a range of ports only the first one counts
  reason: the local data plane was asked to misbehave
  links: [https://example.org/1]
  versions: all
  reading: endport-ignored
"""


@pytest.mark.parametrize(("fault", "verdict"), [("ignores-end-port", Verdict.KNOWN), (None, Verdict.LEAK)])
def test_a_listed_fault_is_known_and_its_absence_a_finding(tmp_path: Path, fault: str | None, verdict: Verdict) -> None:
    """Beside matches, exactly the flows inside the range come out as listed, or against the profile."""
    path = tmp_path / "emulator.yaml"
    path.write_text(PROFILE)
    settings = RunSettings("t2", parallel=1, profile=choose(str(path)))

    result = run([load(SCENARIO)], LocalProvider(fault, run="t2"), settings, lambda _: None)

    step = result.scenarios[0].steps[0]
    found = Counter(flow.judgement.verdict for flow in step.flows if flow.judgement)
    assert set(found) == {verdict, Verdict.MATCH, Verdict.IGNORED}
    assert {flow.flow.port for flow in step.flows if flow.judgement and flow.judgement.verdict is verdict} == {81, 82}
