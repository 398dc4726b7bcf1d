"""Exit status: what a script reads, so a fault of ours must never look like a finding."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.running import exit_code
from harness.model.result import (
    Decision,
    FlowResult,
    Judgement,
    Prediction,
    RunResult,
    ScenarioResult,
    StepResult,
    Verdict,
)
from tests import builders


def result(
    *verdicts: Verdict, error: str | None = None, stopped: str | None = None, interrupted: bool = False
) -> RunResult:
    """Build a run of one step with these verdicts."""
    flows = tuple(
        FlowResult(builders.flow(), None, Prediction(Decision.ALLOW), judgement=Judgement(verdict, ""))
        for verdict in verdicts
    )
    step = StepResult("s", flows, builders.location())
    scenario = ScenarioResult("shop", "shop.scenario.yaml", "About.", (), (step,), error=error)
    return RunResult("r", "", 1.0, None, (scenario,), error=stopped, interrupted=interrupted)


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (result(Verdict.MATCH, Verdict.IGNORED, Verdict.KNOWN), 0),
        (result(Verdict.MATCH, Verdict.LEAK, Verdict.INCONCLUSIVE), 1),
        (result(Verdict.OUTAGE), 1),
        (result(Verdict.MATCH, Verdict.INCONCLUSIVE), 3),
        (result(Verdict.MATCH, error="the API server says 500"), 3),
        (result(Verdict.LEAK, stopped="not enforced"), 3),
        (result(Verdict.LEAK, interrupted=True), 130),
        (result(Verdict.IGNORED), 3),
        (result(), 3),
    ],
)
def test_a_run_ends_with_the_worst_of_what_it_found(run: RunResult, status: int) -> None:
    """0 all match, 1 a LEAK or OUTAGE, 3 inconclusive or the environment is, 130 interrupted."""
    assert exit_code(run) == status


def test_a_fault_of_our_own_is_inconclusive_and_never_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unforeseen exception ends with 3; Python's own 1 would say LEAK."""

    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise RuntimeError("never foreseen")

    monkeypatch.setattr(sys, "stdout", Broken())

    assert main(["schema"]) == 3
    assert "nothing is proved" in capsys.readouterr().err


def test_a_missing_file_is_bad_input_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad input ends with 2 and says where."""
    status = main(["lint", str(tmp_path / "none.scenario.yaml")])

    assert (status, capsys.readouterr().err.count("\n")) == (2, 1)


def test_init_never_touches_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second `init` into the same folder is refused and changes nothing."""
    first = main(["init", str(tmp_path)])
    (tmp_path / "shop.scenario.yaml").write_text("mine")
    second = main(["init", str(tmp_path)])

    assert (first, second) == (0, 2)
    assert (tmp_path / "shop.scenario.yaml").read_text() == "mine"
    assert "exists already" in capsys.readouterr().err


def test_what_init_writes_has_no_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first scenario is one that lints."""
    main(["init", str(tmp_path)])

    assert main(["lint", str(tmp_path)]) == 0
    assert "no problems" in capsys.readouterr().out


def test_explain_names_the_policy_that_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For both directions: which policies isolate, which rule decides, or why nothing does."""
    main(["init", str(tmp_path)])
    status = main(["explain", str(tmp_path / "shop.scenario.yaml"), "--flow", "guest/visitor -> shop/db:5432"])
    told = capsys.readouterr().out

    assert status == 0
    assert "no policy isolates guest/visitor for Egress" in told
    assert "NetworkPolicy/shop/frontend-to-db" in told


def test_a_contradiction_is_a_problem_of_lint_with_its_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lint names the flow, both answers, and the policy and rule that decide."""
    main(["init", str(tmp_path)])
    policies = tmp_path / "policies" / "shop.yaml"
    policies.write_text(policies.read_text().replace("port: pg", "port: 8080"))
    status = main(["lint", str(tmp_path)])
    told = capsys.readouterr().out

    assert status == 2
    assert "declared allow, but the policies say deny: shop/frontend -> shop/db:5432/TCP" in told
    assert "NetworkPolicy/shop/frontend-to-db" in told


def test_a_contradiction_is_told_before_any_cluster_is_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Declared against predicted needs no cluster: it is told even where there is none to run on."""
    main(["init", str(tmp_path)])
    policies = tmp_path / "policies" / "shop.yaml"
    policies.write_text(policies.read_text().replace("port: pg", "port: 8080"))
    status = main(["run", str(tmp_path), "--cluster", "nowhere"])
    told = capsys.readouterr().err

    assert status == 2
    assert 0 <= told.index("declared allow, but the policies say deny") < told.index("no cluster is called 'nowhere'")
