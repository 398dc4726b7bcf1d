"""A machine with programs of the tests' own; a test whose PATH has a real docker never asks it anything."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kind import machine as machines
from tests.kind.machine import Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine on which kind and docker are what this folder makes them."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv("KIND_EXPERIMENTAL_PROVIDER", raising=False)
    monkeypatch.delenv("NETPOL_IMAGE", raising=False)
    with machines.machine(tmp_path, monkeypatch.setenv) as built:
        yield built
    tempfile.tempdir = None
