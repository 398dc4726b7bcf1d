"""Whose a run is, and until when: what it writes on everything that it makes on a cluster of others."""

from __future__ import annotations

import getpass
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harness.manifests import EXPIRES, MANAGED_BY, OWNER_LABEL, PROCESS, RUN_LABEL

# No run is that long: one that is goes on saying that it lives, and is left alone for it.
LIFETIME = timedelta(hours=2)
_LONGEST_LABEL = 63

# What names a CI job, by the variable that says that we run in one.
_JOBS = (
    ("GITHUB_ACTIONS", "github", ("GITHUB_REPOSITORY", "GITHUB_RUN_ID")),
    ("GITLAB_CI", "gitlab", ("CI_PROJECT_PATH", "CI_JOB_ID")),
    ("JENKINS_URL", "jenkins", ("BUILD_TAG",)),
    ("BUILDKITE", "buildkite", ("BUILDKITE_PIPELINE_SLUG", "BUILDKITE_BUILD_NUMBER")),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A run, who started it, when it is over at the latest, and which process of it we are."""

    run: str
    owner: str
    expires: datetime
    process: str

    @classmethod
    def of_now(cls, run: str, environment: Mapping[str, str]) -> Identity:
        """Return who we are, for a run that starts now."""
        return cls(run, owner(environment), datetime.now(UTC) + LIFETIME, secrets.token_hex(4))

    @property
    def labels(self) -> Mapping[str, str]:
        """What every namespace of the run carries, and can be selected by."""
        return {**MANAGED_BY, RUN_LABEL: self.run, OWNER_LABEL: label_value(self.owner)}

    @property
    def annotations(self) -> Mapping[str, str]:
        """What every object of the run carries, authors' own apart: no policy's selector sees annotations."""
        return {
            RUN_LABEL: self.run,
            OWNER_LABEL: self.owner,
            EXPIRES: self.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            PROCESS: self.process,
        }


def owner(environment: Mapping[str, str]) -> str:
    """Return the CI job that we are, else user@host."""
    for sign, service, parts in _JOBS:
        named = [environment[part] for part in parts if environment.get(part)]
        if environment.get(sign) and named:
            return "/".join([service, *named])
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # A container's user often has a number and no name.
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def label_value(text: str) -> str:
    """Return `text` in what a label's value may be: 63 letters, digits, and -_. in between."""
    allowed = re.sub(r"[^A-Za-z0-9._-]+", "-", text.replace("@", "-at-"))
    return allowed[:_LONGEST_LABEL].strip("._-")


def instant(text: object) -> datetime | None:
    """Return an RFC 3339 instant as the API writes it, with or without a fraction; None for what is none."""
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return read if read.tzinfo else None
