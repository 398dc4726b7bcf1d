"""Clusters made by kind that outlive a run: up, down and list."""

from __future__ import annotations

import secrets
import shlex
import threading
from argparse import Namespace

from harness.cli.interruption import stopping
from harness.cli.screen import say, tell
from harness.cluster.kind import keeping
from harness.cluster.kind.provider import KindProvider
from harness.errors import ExitCode
from harness.runner.ground import proved
from harness.runner.settings import RunSettings


def up(options: Namespace) -> ExitCode:
    """Make a cluster, or take up the one of that name, and keep it if the canary says that it enforces policies."""
    settings = RunSettings(run=secrets.token_hex(3))
    report = (lambda _: None) if options.quiet else tell
    provider = KindProvider(
        run=settings.run,
        image=options.image,
        name=options.name,
        cni=options.cni,
        kubernetes=options.kubernetes,
        nodes=options.nodes,
        ip_family=options.ip_family,
        cni_manifest=options.cni_manifest,
        image_archive=options.image_archive,
        node_image=options.node_image,
        mirror=options.mirror,
        keep=True,
        keep_failed=bool(options.keep),
        cancelled=settings.cancelled,
        tell=report,
    )
    with (
        stopping(settings.cancelled),
        provider.open() as cluster,
        provider.phase("canary"),
        proved(cluster, settings, 0),
    ):
        pass
    say(f"kind cluster {provider.name} is up, and enforces what policies say. To use it, and to delete it:")
    say(
        "  netpol-harness run scenarios/ --cluster kubeconfig "
        f"--kubeconfig {shlex.quote(str(provider.kubeconfig))} --image {shlex.quote(provider.image)}"
    )
    say(f"  netpol-harness cluster down --name {provider.name}")
    return ExitCode.MATCH


def down(options: Namespace) -> ExitCode:
    """Delete a cluster of ours, whatever state it is in; one that does not exist is deleted already."""
    with stopping(threading.Event()):
        name, was_there = keeping.delete(options.name)
    say(f"kind cluster {name} {'is deleted' if was_there else 'does not exist'}")
    return ExitCode.MATCH


def list(_: Namespace) -> ExitCode:  # noqa: A001 - commands are called as people type them
    """List the clusters of ours, and whether somebody is using them."""
    found = keeping.clusters()
    say("\n".join(f"{item.name:32} {item.state}" for item in found) if found else "no kind cluster of ours")
    return ExitCode.MATCH
