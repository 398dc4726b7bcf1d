"""A folder in which the processes of one pytest-xdist run leave word for one another.

Made by the controller and gone with it. Imports nothing that is slow: every run under pytest-xdist has one.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

SUFFIX = ".scenario.yaml"


class Rendezvous:
    """What workers tell the controller before a scenario is played, and what it tells them.

    `run` names the run, the same in all its processes.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self._folder = folder
        self.run = run

    @classmethod
    def make(cls) -> Rendezvous:
        """Make the folder, for this user only."""
        return cls(Path(tempfile.mkdtemp(prefix="netpol-harness-")), secrets.token_hex(3))

    @classmethod
    def join(cls, workerinput: Mapping[str, Any]) -> Rendezvous | None:
        """Return the controller's rendezvous, None where it has no such plugin."""
        if "netpol_folder" not in workerinput:
            return None
        return cls(Path(workerinput["netpol_folder"]), workerinput["netpol_run"])

    def announce(self, workerinput: dict[str, Any]) -> None:
        """Tell a worker where to come."""
        workerinput["netpol_folder"] = str(self._folder)
        workerinput["netpol_run"] = self.run

    def plan(self) -> dict[str, Any] | None:
        """Return how the scenarios go together, None as long as no worker has collected any."""
        return self._read("plan.json")

    def write_plan(self, plan: Mapping[str, Any]) -> None:
        """Say how the scenarios go together; every worker comes to the same."""
        self._write("plan.json", plan)

    def invitation(self) -> dict[str, Any] | None:
        """Return how to join the cluster that the controller has opened, or why there is none."""
        return self._read("invitation.json")

    def invite(self, invitation: Mapping[str, Any]) -> None:
        """Say how to join the cluster."""
        self._write("invitation.json", invitation)

    def is_first_to_tell(self) -> bool:
        """Tell whether this process is the first to say that there is no cluster; the others need not repeat it."""
        try:
            (self._folder / "told").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _read(self, name: str) -> dict[str, Any] | None:
        with contextlib.suppress(FileNotFoundError):
            content: dict[str, Any] = json.loads((self._folder / name).read_text())
            return content
        return None

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        draft = self._folder / f"{name}.{os.getpid()}"
        draft.write_text(json.dumps(content))
        draft.replace(self._folder / name)


RENDEZVOUS = pytest.StashKey[Rendezvous]()


def hosted(config: pytest.Config) -> Rendezvous:
    """Return the rendezvous of a controller, made when first asked for."""
    if RENDEZVOUS not in config.stash:
        config.stash[RENDEZVOUS] = Rendezvous.make()
    return config.stash[RENDEZVOUS]
