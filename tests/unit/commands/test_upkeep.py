"""doctor, clean and rbac as a script sees them: what they print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
import yaml

from harness.cli import main, upkeep
from harness.errors import ClusterError
from harness.model.preflight import CheckStatus
from harness.model.scenario import ObjectRef
from harness.runner.settings import RunSettings
from tests.fake import FakeCluster, FakeProvider


def test_doctor_ends_with_3_and_a_remedy_where_there_is_no_kubeconfig(capsys: pytest.CaptureFixture[str]) -> None:
    """The environment is wrong, which is no finding; the line says which file, and what to do."""
    status = main(["doctor", "--cluster", "kubeconfig", "--kubeconfig", "/nowhere/config"])
    told = capsys.readouterr().out

    assert status == 3
    assert told.startswith("failed   kubeconfig: /nowhere/config: ")
    assert told.splitlines()[-1] == "         see: kubectl config get-contexts"


def test_doctor_speaks_json_to_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    """Every key present, unknown values null, and one word that says whether a run makes sense."""
    status = main(["doctor", "--cluster", "kubeconfig", "--kubeconfig", "/nowhere/config", "--json"])
    told = json.loads(capsys.readouterr().out)
    (check,) = told["checks"]

    assert (status, told["schema"], told["ready"]) == (3, "netpol-harness/doctor/v1", False)
    assert (check["name"], check["status"], sorted(check)) == (
        "kubeconfig",
        "failed",
        ["name", "remedy", "status", "text"],
    )


def test_doctor_says_only_what_is_wrong_when_it_is_to_be_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, without its remedy."""
    main(["doctor", "--cluster", "kubeconfig", "--kubeconfig", "/nowhere/config", "--quiet"])

    assert len(capsys.readouterr().out.splitlines()) == 1


def test_the_canary_decides_whether_a_cluster_enforces() -> None:
    """Pods are brought up as a run would, and SCTP is what their kernels say."""
    seen = upkeep._canary(FakeProvider(FakeCluster()), RunSettings("t1"))

    assert [(check.name, check.status) for check in seen] == [
        ("SCTP", CheckStatus.NOTE),
        ("canary", CheckStatus.OK),
    ]


def test_a_canary_that_is_not_denied_fails_in_one_sentence() -> None:
    """A cluster that does not enforce is told of before any run lists a thousand leaks."""
    (check,) = upkeep._canary(FakeProvider(FakeCluster(lambda *_: "open")), RunSettings("t1"))

    assert check.status is CheckStatus.FAILED
    assert check.text.startswith("this cluster does not enforce NetworkPolicies")


def test_a_canary_that_cannot_be_taken_down_has_sung_all_the_same() -> None:
    """What stays behind is a warning of its own, and no doubt about the cluster."""

    class Sticky(FakeCluster):
        def delete(self, refs: Sequence[ObjectRef]) -> None:
            raise ClusterError(f"still there: {len(refs)}")

    seen = upkeep._canary(FakeProvider(Sticky()), RunSettings("t1"))

    assert [(check.name, check.status) for check in seen[1:]] == [
        ("canary", CheckStatus.OK),
        ("clean-up", CheckStatus.WARNING),
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--yes", "--dry-run"], "contradict each other"),
        (["--expired"], "--expired means nothing to --cluster local"),
        (["--cluster", "cloud"], "--cluster cloud leaves nothing to clean"),
    ],
)
def test_clean_refuses_what_does_not_fit_together(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rather than guess what was meant to be removed."""
    status = main(["clean", *arguments])

    assert status == 2
    assert expected in capsys.readouterr().err


def test_clean_says_when_the_cluster_cannot_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing found is not the same as nothing known."""
    status = main(["clean", "--cluster", "kubeconfig", "--kubeconfig", "/nowhere/config"])

    assert status == 3
    assert "/nowhere/config" in capsys.readouterr().err


def test_rbac_prints_what_kubectl_can_apply(capsys: pytest.CaptureFixture[str]) -> None:
    """Under the names that are asked for."""
    status = main(["rbac", "--name", "checker", "--namespace", "security"])
    documents = list(yaml.safe_load_all(capsys.readouterr().out))

    assert status == 0
    assert documents[1]["metadata"] == {"name": "checker", "namespace": "security"}
