"""Reports on the command line: where they go, and what happens when they cannot."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.cli import main, reports
from harness.cli.arguments import parser
from harness.cli.ci_job import hushed
from harness.errors import HarnessError, UsageError
from harness.model.result import RunResult, Shard
from harness.reporting import document, markdown
from harness.reporting.reading import parse
from harness.reporting.registry import REPORTS, renderer
from tests.golden import results


@pytest.fixture(autouse=True)
def _no_ci_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


def _write(folder: Path, name: str, result: RunResult) -> str:
    path = folder / name
    path.write_text(document.render(result))
    return str(path)


def _options(*arguments: str) -> reports.Namespace:
    return parser().parse_args(["run", "scenarios/", *arguments])


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_of_the_table_renders_and_has_an_option(name: str, tmp_path: Path) -> None:
    """A new reporter is a line in the table: the option, its help and its import follow from it."""
    options = _options(f"--{name}", str(tmp_path / "report"))
    reports.check(options)
    reports.write(options, results.mixed())

    assert (tmp_path / "report").read_text() == renderer(name)(results.mixed())


def test_all_targets_are_checked_before_the_run(tmp_path: Path) -> None:
    """Everything that cannot be written is told at once, while nothing is lost yet."""
    (tmp_path / "folder").mkdir()
    same = str(tmp_path / "folder" / ".." / "result")
    with pytest.raises(UsageError) as caught:
        reports.check(
            _options(
                "--json", str(tmp_path / "none" / "r.json"), "--junit", str(tmp_path / "folder"), "--markdown", "-"
            )
        )
    with pytest.raises(UsageError) as twice:
        reports.check(_options("--json", same, "--junit", str(tmp_path / "result"), "--markdown", "-"))

    assert [line.split(": ", 1)[1] for line in caught.value.what.splitlines()] == [
        f"cannot be written: there is no folder {tmp_path / 'none'}",
        "cannot be written: it is a folder",
    ]
    assert twice.value.what == f"--junit {tmp_path / 'result'}: {tmp_path / 'result'} is taken by --json"


def test_only_one_report_may_have_standard_output() -> None:
    """Two documents in one stream are none."""
    with pytest.raises(UsageError) as caught:
        reports.check(_options("--json", "-", "--markdown", "-"))

    assert caught.value.what == "--markdown -: standard output is taken by --json"


def test_a_report_is_replaced_in_one_go(tmp_path: Path) -> None:
    """The file is another one than before, with the rights of the old one, and nothing lies beside it."""
    target = tmp_path / "result.json"
    target.write_text("old")
    target.chmod(0o640)
    before = target.stat().st_ino
    (tmp_path / "link.json").symlink_to(target)
    reports.write(_options("--json", str(tmp_path / "link.json")), results.match())

    assert parse(target.read_text()).run == "7c3f1a"
    assert (target.stat().st_ino != before, stat.S_IMODE(target.stat().st_mode)) == (True, 0o640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "result.json"]


def test_a_report_that_fails_does_not_take_the_others_along(tmp_path: Path) -> None:
    """A folder that went away during the run costs its own report alone."""
    options = _options("--json", str(tmp_path / "gone" / "r.json"), "--junit", str(tmp_path / "r.xml"))
    with pytest.raises(HarnessError) as caught:
        reports.write(options, results.match())

    assert str(caught.value).startswith(f"--json {tmp_path / 'gone' / 'r.json'}: No such file or directory")
    assert (tmp_path / "r.xml").read_text().startswith("<?xml")


def test_a_set_up_that_dies_still_has_its_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cluster that cannot be opened is an error in every report: a missing file would be green in CI."""
    main(["init", str(tmp_path)])
    targets = {name: tmp_path / name for name in REPORTS}
    arguments = [text for name, path in targets.items() for text in (f"--{name}", str(path))]
    status = main(
        ["run", str(tmp_path), "--cluster", "kubeconfig", "--kubeconfig", str(tmp_path / "nowhere"), *arguments]
    )
    capsys.readouterr()
    suites = ET.fromstring(targets["junit"].read_text())  # noqa: S314 - our own

    assert status == 3
    assert "nowhere" in str(parse(targets["json"].read_text()).error)
    assert "nowhere" in [case.get("message", "") for case in suites.iter("error")][-1]
    assert "INCONCLUSIVE: the run was stopped" in targets["markdown"].read_text()


def test_the_summary_is_appended_within_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step has one summary of limited size, which an earlier command may have begun."""
    summary = tmp_path / "summary.md"
    summary.write_text("# mine\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    reports.hand_over(_options(), results.mixed())
    reports.hand_over(_options("--no-summary"), results.mixed())
    once = summary.read_text()
    summary.write_text("x" * markdown.SUMMARY_LIMIT)
    reports.hand_over(_options(), results.mixed())

    assert once == "# mine\n" + markdown.render(results.mixed(), markdown.SUMMARY_LIMIT)
    assert summary.stat().st_size == markdown.SUMMARY_LIMIT


def test_a_summary_that_cannot_be_written_loses_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What nobody asked for must not take down what somebody did."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    reports.hand_over(_options("--json", str(tmp_path / "r.json")), results.match())

    assert (tmp_path / "r.json").exists()
    assert capsys.readouterr().err == "$GITHUB_STEP_SUMMARY: Is a directory; the job has no summary\n"


def test_annotations_come_where_github_reads_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a job of GitHub's by itself, elsewhere when asked for; on standard error where a report has the other one."""
    reports.hand_over(_options(), results.mixed())
    outside = capsys.readouterr()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    reports.hand_over(_options(), results.mixed())
    inside = capsys.readouterr()
    reports.hand_over(_options("--annotations", "none"), results.mixed())
    unwanted = capsys.readouterr()
    reports.hand_over(_options("--json", "-"), results.mixed())
    beside = capsys.readouterr()

    assert (outside.out, unwanted.out) == ("", "")
    assert inside.out.startswith("::error file=scenarios/recipes/three-tier-shop.scenario.yaml,line=27,col=5,")
    assert (json.loads(beside.out)["run"], beside.err) == ("7c3f1a", inside.out)


def test_what_is_printed_meanwhile_is_no_command() -> None:
    """A pod's text that looks like a workflow command is between two lines that switch commands off and on."""
    told: list[str] = []
    with hushed(_options("--annotations", "github"), told.append):
        told.append("::error::mine\n")
    stop, mine, go = told

    assert stop.startswith("::stop-commands::")
    assert (mine, go) == ("::error::mine\n", f"::{stop.removeprefix('::stop-commands::').strip()}::\n")


@pytest.mark.parametrize(("name", "status"), [("match", 0), ("mixed", 1), ("error", 130)])
def test_a_document_renders_what_the_run_did(
    name: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`report render` shows the run's own report, writes the others, and ends as the run did."""
    path = _write(tmp_path, "r.json", results.RUNS[name]())
    ended = main(["report", "render", path, "--markdown", str(tmp_path / "r.md")])

    assert ended == status
    assert (tmp_path / "r.md").read_text() == markdown.render(parse(Path(path).read_text()))
    assert "scenario" in capsys.readouterr().out


def test_shards_are_merged_into_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole has the worst of its parts, and its reports hold all of them."""
    good = _write(tmp_path, "1.json", replace(results.match(), shard=Shard(1, 2)))
    bad = _write(tmp_path, "2.json", replace(results.forty(), cluster=results.LOCAL, shard=Shard(2, 2)))
    ended = main(["report", "merge", good, bad, "--json", "-"])
    whole = parse(capsys.readouterr().out)

    assert (ended, [scenario.name for scenario in whole.scenarios]) == (1, ["three-tier-shop", "forty-pods"])


def test_broken_inputs_are_told_together_and_the_rest_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shard whose file was cut off must hide neither the other faults nor what the other shards found."""
    good = _write(tmp_path, "1.json", replace(results.match(), shard=Shard(1, 3)))
    cut = tmp_path / "2.json"
    cut.write_text(document.render(results.match())[:5000])
    (tmp_path / "3.json").write_bytes(b"\xff\xfe")
    ended = main(["report", "merge", good, str(cut), str(tmp_path / "3.json"), "none.json", "--json", "-"])
    told = capsys.readouterr()
    whole = parse(told.out)

    assert ended == 2
    assert [line.split(": ")[0] for line in told.err.splitlines() if not line.startswith(" ")] == [
        str(cut),
        str(tmp_path / "3.json"),
        "none.json",
    ]
    assert (len(whole.scenarios), "of 3 shards, 2, 3 are missing" in str(whole.error)) == (1, True)
    assert "not read: none.json: cannot be read: No such file or directory" in str(whole.error)


def test_what_is_no_one_run_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two results of the same scenarios end as wrong input, and no report pretends otherwise."""
    path = _write(tmp_path, "1.json", results.match())
    ended = main(["report", "merge", path, path, "--junit", str(tmp_path / "r.xml")])

    assert (ended, (tmp_path / "r.xml").exists()) == (2, False)
    assert "both tell of 1 scenario: three-tier-shop" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/2000", "²/3"])
def test_a_shard_is_one_of_its_number(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A part that does not exist is refused before anything is loaded."""
    with pytest.raises(SystemExit) as ended:
        main(["run", "scenarios/", "--shard", text])

    assert (ended.value.code, "is no part such as 1/4" in capsys.readouterr().err) == (2, True)
