"""Before and after runs: doctor and clean."""

from __future__ import annotations

import secrets
from argparse import Namespace

from harness.cli.screen import say
from harness.cli.selection import chosen_provider
from harness.errors import ClusterError, EnvironmentMissingError, ExitCode
from harness.runner.sentinel import Sentinel
from harness.runner.settings import RunSettings


def doctor(options: Namespace) -> ExitCode:
    """Open the cluster and let the canary decide; each line says what holds or what to do."""
    settings = RunSettings(run=secrets.token_hex(3))
    provider = chosen_provider(options, settings.run)
    lines: list[str] = []
    try:
        with provider.open() as cluster:
            known = cluster.capabilities()
            lines += [
                f"ok       cluster: {known.kind}"
                + (", an emulator: never evidence about a CNI" if known.emulated else ""),
                f"ok       IP families: {', '.join(sorted(known.families))}",
                f"ok       protocols: {', '.join(sorted(known.protocols))}",
            ]
            sentinel = Sentinel(cluster, settings, 0)
            try:
                sentinel.bring_up()
            finally:
                sentinel.close()
            lines.append("ok       canary: a policy that denies denies, and what it allows is open")
            lines += [f"note     {note}" for note in known.notes]
    except EnvironmentMissingError as error:
        lines.append(f"missing  {error}")
        fault: ClusterError | None = error
    except ClusterError as error:
        lines.append(f"failed   {error}")
        fault = error
    else:
        fault = None
    if not options.quiet:
        say("\n".join(lines))
    elif fault is not None:
        say(fault.what)
    return ExitCode.MATCH if fault is None else ExitCode.INCONCLUSIVE


def clean(options: Namespace) -> ExitCode:
    """Remove what dead runs left on this machine."""
    from harness.cluster.local import leftovers

    found = leftovers.find()
    for item in found:
        say(f"{'would remove' if options.dry_run else 'removing'} {item}")
    if not options.dry_run:
        leftovers.remove(found)
    if not found:
        say("nothing left behind")
    return ExitCode.MATCH
