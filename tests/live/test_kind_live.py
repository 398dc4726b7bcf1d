"""Real clusters made by kind: from nothing to verdicts, and back to nothing however it ends."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli.arguments import parser
from harness.cli.selection import chosen_provider
from harness.cluster.kind import keeping
from harness.errors import ClusterError
from tests.meta.repository import ROOT

pytestmark = [pytest.mark.kind, pytest.mark.slow]

# Of one family, which kind has by default.
SCENARIO = "scenarios/isolation/a05-ingress-absent.scenario.yaml"
# On a machine that does other things too.
SOON_S = 120.0


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """No container of a kind cluster of ours outlives a test."""
    before = _containers()
    yield
    assert _containers() - before == set()


def test_a_run_goes_from_nothing_to_verdicts_to_nothing(tmp_path: Path) -> None:
    """One command makes the cluster, judges a scenario on it and deletes it."""
    result = tmp_path / "result.json"
    done = _start("run", SCENARIO, "--cluster", "kind", *_options(), "--json", str(result))
    output = done.communicate(timeout=600)[0]
    summary = json.loads(result.read_text())

    assert done.returncode == 0, output
    assert summary["cluster"]["kind"] == "kind"
    assert summary["cluster"]["emulated"] is False
    assert summary["summary"]["MATCH"] > 0


def test_a_kept_cluster_is_private_and_used_again() -> None:
    """It takes cluster-wide objects, lets nobody else in, and is there the next time without a minute's wait."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "np-test"}}
    try:
        with _provider(name="live-kept", keep=True).open() as cluster:
            known = cluster.capabilities()
            cluster.apply([{**role, "rules": []}])
            with pytest.raises(ClusterError, match="another process is using"):
                _provider(name="live-kept").open().__enter__()
        started = time.monotonic()
        with _provider(name="live-kept").open() as cluster:
            again = cluster.capabilities()
        took = time.monotonic() - started
    finally:
        keeping.delete("live-kept")

    assert (known.kind, known.private, len(known.nodes) > 0, known.cni) == ("kind", True, True, again.cni)
    assert took < SOON_S / 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_in_the_middle_of_creating_leaves_nothing(number: signal.Signals) -> None:
    """The first signal ends kind and deletes what it had made; the exit status says that it was interrupted."""
    running = _start("run", SCENARIO, "--cluster", "kind", *_options())
    _await_containers()
    running.send_signal(number)
    output = running.communicate(timeout=SOON_S)[0]

    assert running.returncode == 130, output
    assert "given up after" in output


def test_what_a_killed_run_left_is_found_and_removed() -> None:
    """While its orphaned `kind create` goes on it is in use; after that it is a leftover that is deleted."""
    running = _start("run", SCENARIO, "--cluster", "kind", *_options())
    _await_containers()
    running.kill()
    running.communicate()
    end = time.monotonic() + SOON_S
    while not (found := keeping.find_leftovers()) and time.monotonic() < end:
        threading.Event().wait(0.5)
    keeping.remove_leftovers(found)

    assert [bool(re.fullmatch("netpol-run-[0-9a-f]+", item.name)) for item in found] == [True]


def test_a_node_image_that_is_nowhere_is_one_sentence() -> None:
    """No traceback and no screenful: what is missing, and how to bring it."""
    options = _without("--node-image", _options())
    done = _start("cluster", "up", "--name", "live-image", *options, "--node-image", "kindest.example/none:v0")
    output = done.communicate(timeout=SOON_S)[0]

    assert done.returncode == 3
    assert "creating the cluster failed: an image is neither here nor can it be pulled" in output
    assert "Traceback" not in output


def _options() -> list[str]:
    return shlex.split(os.environ["NETPOL_KIND"])


def _without(option: str, options: list[str]) -> list[str]:
    return [
        item for number, item in enumerate(options) if item != option and (number == 0 or options[number - 1] != option)
    ]


def _provider(**options: Any) -> Any:
    chosen = parser().parse_args(["cluster", "up", *_options()])
    vars(chosen).update(options)
    return chosen_provider(chosen, "live")


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _containers() -> set[str]:
    listing = ["docker", "ps", "--all", "--filter", "label=io.x-k8s.kind.cluster", "--format", "{{.Names}}"]
    return set(subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split())


def _await_containers() -> None:
    """Wait until kind has begun to make nodes."""
    before, end = _containers(), time.monotonic() + SOON_S
    while _containers() <= before and time.monotonic() < end:
        threading.Event().wait(0.1)
