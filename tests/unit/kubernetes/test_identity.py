"""Whose a run is: in full as an annotation, and in the letters of a label."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cluster.kubernetes.identity import Identity, instant, label_value, owner
from harness.manifests import EXPIRES, MANAGED_BY, OWNER_LABEL, PROCESS, RUN_LABEL

LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"}, "github/a/b/7"),
        ({"GITLAB_CI": "true", "CI_PROJECT_PATH": "a/b", "CI_JOB_ID": "7"}, "gitlab/a/b/7"),
        ({"JENKINS_URL": "https://jenkins.example", "BUILD_TAG": "jenkins-x-7"}, "jenkins/jenkins-x-7"),
    ],
)
def test_a_ci_job_owns_its_runs(environment: dict[str, str], expected: str) -> None:
    """Whoever finds what it left can go and look at the job."""
    assert owner(environment) == expected


def test_a_person_owns_a_run_elsewhere() -> None:
    """User and host, as one writes to somebody; a CI system that names no job counts for nothing."""
    assert re.fullmatch(r"[^@]+@[^@]+", owner({"GITLAB_CI": "true"}))


@given(st.text())
def test_any_owner_fits_into_a_label(text: str) -> None:
    """The API server would refuse the namespace otherwise."""
    assert LABEL_VALUE.fullmatch(label_value(text))


def test_an_owner_can_be_recognised_in_a_label() -> None:
    """What a label may not hold is replaced, not dropped."""
    assert label_value("alice@laptop.example") == "alice-at-laptop.example"


def test_labels_select_and_annotations_tell() -> None:
    """The expiry is an annotation alone: a label may hold no colon."""
    identity = Identity("r1", "alice@laptop", datetime(2026, 11, 23, 12, tzinfo=UTC), "p1")

    assert identity.labels == {**MANAGED_BY, RUN_LABEL: "r1", OWNER_LABEL: "alice-at-laptop"}
    assert identity.annotations == {
        RUN_LABEL: "r1",
        OWNER_LABEL: "alice@laptop",
        EXPIRES: "2026-11-23T12:00:00Z",
        PROCESS: "p1",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T12:00:00Z", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23T12:00:00.250000Z", datetime(2026, 11, 23, 12, microsecond=250000, tzinfo=UTC)),
        ("2026-11-23T12:00:00", None),
        ("tomorrow", None),
        (None, None),
    ],
)
def test_an_instant_is_read_as_the_api_writes_it(text: object, expected: datetime | None) -> None:
    """What somebody else wrote there is no instant, and no error."""
    assert instant(text) == expected
