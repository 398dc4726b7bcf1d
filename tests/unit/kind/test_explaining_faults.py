"""What kind and container engines say, and the sentence that it becomes."""

from __future__ import annotations

import pytest

from harness.cluster.kind.faults import SIGNS, explained, is_taken_port, last_words
from harness.errors import EnvironmentMissingError

# As the programs say it: kind 0.33 and docker 28, but for names.
SAID = [
    (
        "ERROR: failed to list clusters\npermission denied while trying to connect to the Docker daemon socket at unix:///x.sock",
        "this user may not talk to the container engine",
    ),
    (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        "the container engine is installed, but does not answer",
    ),
    (
        "Cannot connect to Podman. Please verify your connection to the Linux system",
        "the container engine is installed, but does not answer",
    ),
    (
        'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "netpol"',
        "a kind cluster of this name exists already",
    ),
    (
        "docker: Error response from daemon: Bind for 127.0.0.1:40123 failed: port is already allocated.",
        "a port that kind chose for the API server was taken, twice",
    ),
    (
        'ERROR: failed to create cluster: failed to pull image "kindest/node:v9": command "docker pull" failed',
        "an image is neither here nor can it be pulled",
    ),
    (
        "Error response from daemon: manifest for example/probe:9 not found: manifest unknown",
        "an image is neither here nor can it be pulled",
    ),
    ("write /kind/x: no space left on device", "the disk is full"),
    ("failed to create fsnotify watcher: too many open files", "this machine allows too few inotify watches"),
    (
        "ERROR: failed to create cluster: running kind with rootless provider requires cgroup v2",
        "a rootless container engine here cannot run kind's nodes",
    ),
    (
        'ERROR: failed to create cluster: could not find a log line that matches "Reached target"',
        "a node's container started, but its system did not boot",
    ),
    (
        'ERROR: failed to create cluster: failed to join node with kubeadm: command "docker exec" failed',
        "Kubernetes did not start inside a node",
    ),
]


@pytest.mark.parametrize(("said", "what"), SAID)
def test_a_known_fault_is_named_with_a_remedy(said: str, what: str) -> None:
    """The sentence has what was being done, the cause, and the program's own words."""
    fault = explained(said, doing="creating the cluster", where="kind cluster netpol")

    assert fault.what.startswith(f"creating the cluster failed: {what}")
    assert (last_words(said) in fault.what, bool(fault.remedy), "\n" in fault.what) == (True, True, False)


def test_every_sign_was_seen() -> None:
    """A pattern that no known text fits would only look like care."""
    recognised = {what for _, what in SAID}

    assert [sign.what for sign in SIGNS if not any(sign.what.startswith(what) for what in recognised)] == []


def test_what_the_machine_lacks_is_told_from_what_failed() -> None:
    """A machine that cannot run kind at all is another case than a run of it that failed."""
    kinds = [isinstance(explained(said, doing="x", where="y"), EnvironmentMissingError) for said, _ in SAID]

    assert kinds == [True, True, True, *[False] * 6, True, False, False]


def test_an_unknown_fault_keeps_the_programs_words() -> None:
    """Of a screenful kind's own ERROR line says most, else the last line."""
    said = "Creating cluster ...\nERROR: failed to create cluster: a new thing\n\nStack Trace: main\n"

    assert explained(said, doing="creating", where="kind").what == (
        "creating failed: ERROR: failed to create cluster: a new thing"
    )
    assert (last_words("a\nb\n\n"), last_words(" \n"), len(last_words("x" * 999))) == ("b", "it said nothing", 240)


def test_only_a_taken_port_is_tried_again() -> None:
    """Another try chooses another port, and helps against nothing else."""
    assert [is_taken_port(said) for said, _ in SAID].count(True) == 1
