"""`history`, `compare`, and how `run` keeps what it found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from harness.errors import UsageError
from harness.reporting import document
from harness.reporting.files import check_history, keep_in_history
from harness.reporting.history.store import open_history
from tests.golden.histories import NIGHTS


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return the path of a history of all nights."""
    path = tmp_path / "runs.db"
    for result in NIGHTS:
        assert keep_in_history(result, path, "--") is None
    return path


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """Return the path of a result document of one night."""
    path = tmp_path / "result.json"
    path.write_text(document.render(NIGHTS[4]))
    return path


def test_a_history_is_shown(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text has the regressions of each lane's latest run; that alone does not fail the command."""
    assert main(["history", str(runs)]) == 0
    assert "  REGRESSION  three-tier-shop / segmented: shop/frontend ->" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "status"), [([], 1), (["--cni", "cilium"], 0), (["--scenario", "allow*"], 0)])
def test_a_regression_is_an_exit_code_where_that_is_asked_for(runs: Path, options: list[str], status: int) -> None:
    """CI fails on a regression, of the runs that it looks at."""
    assert main(["history", str(runs), "--exit-code", *options]) == status


def test_documents_go_to_files_and_the_text_to_the_terminal(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One call writes all that is asked for."""
    names = [str(tmp_path / "h.json"), str(tmp_path / "h.html")]

    assert main(["history", str(runs), "--json", names[0], "--html", names[1]]) == 0
    assert capsys.readouterr().out.startswith("runs.db: 8 runs")
    assert json.loads(Path(names[0]).read_text())["runs"] == 8
    assert Path(names[1]).read_text().startswith("<!doctype html>")


def test_standard_output_takes_one_thing(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A document is alone on standard output, and two of them are refused."""
    assert main(["history", str(runs), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "netpol-harness/history/v1"
    assert main(["history", str(runs), "--json", "-", "--html", "-"]) == 2


def test_an_issue_says_why(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The issue has a title, the flow, and the sentence that the run kept of it; without a regression it is empty."""
    assert main(["history", str(runs), "--issue"]) == 0
    text = capsys.readouterr().out
    assert main(["history", str(runs), "--issue", "--cni", "cilium"]) == 0

    assert text.startswith("NetworkPolicy: 1 regression on kind, CNI calico 3.30, Kubernetes 1.34, IPv4\n")
    assert "  - `declared allow; the client saw refused (ECONNREFUSED), though open in the baseline`" in text
    assert capsys.readouterr().out == ""


def test_documents_and_histories_are_added(
    runs: Path, result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A nightly's last job puts the runs of all others together, each once, into a file that it begins."""
    whole = tmp_path / "whole.db"

    assert main(["history", str(whole), "--add", str(result), str(runs)]) == 0
    said = capsys.readouterr()
    assert said.err == f"{result}: 1 added\n{runs}: 7 added, 1 there already\n"
    assert said.out.startswith("whole.db: 8 runs")


def test_what_cannot_be_added_is_told_and_the_rest_is_added(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One bad artefact neither loses the good ones nor goes unsaid."""
    bad, whole = tmp_path / "bad.json", tmp_path / "whole.db"
    bad.write_text("{")

    assert main(["history", str(whole), "--add", str(bad), str(tmp_path / "none"), str(result)]) == 2
    text = capsys.readouterr().err
    with open_history(whole) as history:
        assert len(history.index()) == 1
    assert str(bad) in text
    assert str(tmp_path / "none") in text


def test_a_history_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The remedy is how one begins."""
    assert main(["history", str(tmp_path / "none.db")]) == 2
    assert "there is no such history\n    `netpol-harness run PATH... --history " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("left", "right", "options"),
    [
        ("10aa05", "10bb03", ["--history"]),
        ("10aa05", "2026-11-23T02:10", ["--history"]),
        ("calico", "cilium", ["--by", "cni", "--history"]),
        ("v3.30.2", "v1.18.2", ["--by", "cni-version", "--history"]),
        ("4" * 40, "cilium", None),
    ],
)
def test_two_runs_of_a_history_are_compared(
    runs: Path, left: str, right: str, options: list[str] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run is named by its id, its start, or as the latest with some fact; `FILE#RUN` stands anywhere."""
    if options is None:
        left, right, options = f"{runs}#latest", f"{runs}#10bb03", []
    else:
        options = [*options, str(runs)]

    assert main(["compare", left, right, *options, "--exit-code"]) == 1
    assert "DIFFERENT: 2 opposed, 1 unlike, 1 only left, 5 only right" in capsys.readouterr().out


def test_a_document_and_a_run_of_a_history_are_compared(
    runs: Path, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document of a run is alike the run in the history, whose latest is meant where none is named."""
    assert main(["compare", str(result), f"{runs}#10aa03", "--exit-code"]) == 0
    assert capsys.readouterr().out.endswith("ALIKE: all 10 flows have the same verdicts for the same answers\n")
    assert main(["compare", str(result), str(runs), "--exit-code"]) == 1


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["10", "10bb03", "--history", "RUNS"], "'10' is the beginning of 8 runs"),
        (["zz", "10bb03", "--history", "RUNS"], "no run 'zz'"),
        (["kindnet", "cilium", "--by", "cni", "--history", "RUNS"], "no run has cni 'kindnet'"),
        (["calico", "cilium", "--by", "cni"], "--by looks in a history"),
        (["no-such-file", "RUNS"], "No such file or directory"),
    ],
)
def test_a_run_that_cannot_be_found_is_told_with_those_that_can(
    runs: Path, arguments: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong name is wrong input, and what there is to choose from is said."""
    assert main(["compare", *(str(runs) if word == "RUNS" else word for word in arguments)]) == 2
    assert fault in capsys.readouterr().err


def test_before_a_run_a_bad_history_is_told(tmp_path: Path) -> None:
    """A folder that is missing ends it at once; a file that cannot be used is told, and the run goes on."""
    bad = tmp_path / "runs.db"
    bad.write_text("no database at all\n" * 99)
    with pytest.raises(UsageError, match=r"--np-history .*: there is no folder"):
        check_history(tmp_path / "none" / "runs.db", "--np-")

    text = check_history(bad, "--") or ""
    assert "it is no SQLite database" in text
    assert "the run goes on, and will be kept in a file beside it" in text


def test_after_a_run_a_bad_history_is_told_with_where_the_run_is(tmp_path: Path) -> None:
    """Nothing is raised, so that the run's exit code stays what the run found."""
    (tmp_path / "runs.db").write_text("no database at all\n" * 99)
    places = (tmp_path / "runs.db", tmp_path / "none" / "runs.db")
    text = "\n".join(keep_in_history(NIGHTS[0], place, "--") or "" for place in places)

    assert f"this run is kept in {tmp_path}/runs.db.10aa01.db" in text
    assert "the run is in no history" in text
