"""Before and after runs: doctor, clean and rbac."""

from __future__ import annotations

import json
import secrets
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict

from harness.cli.screen import say
from harness.cli.selection import chosen_provider
from harness.cluster.interface import ClusterProvider
from harness.errors import ExitCode, HarnessError, UsageError
from harness.model.flow import L4Protocol
from harness.model.preflight import Check, CheckStatus, failed
from harness.runner.sentinel import Sentinel
from harness.runner.settings import RunSettings

DOCTOR_SCHEMA = "netpol-harness/doctor/v1"


def doctor(options: Namespace) -> ExitCode:
    """Look at everything a run relies on, and let the canary decide; each line says what holds or what to do."""
    settings = RunSettings(run=secrets.token_hex(3))
    provider = chosen_provider(options, settings.run)
    checks = provider.preflight()
    if not failed(checks):
        seen = _canary(provider, settings)
        # What pods showed counts more than what could be known without them.
        checks = (*(check for check in checks if check.name not in {item.name for item in seen}), *seen)
    wrong = failed(checks)
    if options.json:
        say(_document(checks))
    elif not options.quiet:
        say("\n".join(_line(check) for check in checks))
    elif wrong:
        say("; ".join(check.text for check in wrong))
    return ExitCode.INCONCLUSIVE if wrong else ExitCode.MATCH


def _canary(provider: ClusterProvider, settings: RunSettings) -> Sequence[Check]:
    """Bring up pods as a run would: that they start, and that a policy is seen to deny, proves what lists cannot."""
    seen: list[Check] = []
    try:
        with provider.open() as cluster:
            sentinel = Sentinel(cluster, settings, 0)
            try:
                sentinel.bring_up()
                seen.append(_sctp(sentinel.protocols()))
                seen.append(Check("canary", CheckStatus.OK, "a policy that denies denies, and what it allows is open"))
            finally:
                sentinel.close()
    except HarnessError as error:
        where = f"{error.where}: " if error.where else ""
        if not any(check.name == "canary" for check in seen):
            return [*seen, Check("canary", CheckStatus.FAILED, where + error.what, error.remedy)]
        # The canary sang; what could not be taken down keeps no run from starting.
        return [
            *seen,
            Check("clean-up", CheckStatus.WARNING, where + error.what, "netpol-harness clean, when it is over"),
        ]
    return seen


def _sctp(protocols: frozenset[L4Protocol]) -> Check:
    if L4Protocol.SCTP in protocols:
        return Check("SCTP", CheckStatus.OK, "every kernel in use has it")
    text = "a kernel in use has none: its SCTP flows are inconclusive here"
    return Check("SCTP", CheckStatus.NOTE, text, "modprobe sctp on every node, where its kernel comes with it")


def _line(check: Check) -> str:
    remedy = f"\n{'':9}{check.remedy}" if check.remedy and check.status is not CheckStatus.OK else ""
    return f"{check.status:8} {check}{remedy}"


def _document(checks: Sequence[Check]) -> str:
    """Render the checks for scripts: every key present, unknown values null."""
    told = {"schema": DOCTOR_SCHEMA, "ready": not failed(checks), "checks": [asdict(check) for check in checks]}
    return json.dumps(told, indent=2)


def clean(options: Namespace) -> ExitCode:
    """Remove what dead runs left: on this machine at once, on a cluster of others only with --yes."""
    if options.dry_run and options.yes:
        raise UsageError("--dry-run and --yes contradict each other", remedy="leave one out")
    if options.cluster == "local":
        if options.expired:
            raise UsageError(
                "--expired means nothing to --cluster local",
                remedy="leave it out: what is left there belongs to runs that are dead",
            )
        return _clean_machine(options)
    if options.cluster == "kubeconfig":
        return _clean_cluster(options)
    raise UsageError(f"--cluster {options.cluster} leaves nothing to clean", remedy="local or kubeconfig")


def _clean_machine(options: Namespace) -> ExitCode:
    from harness.cluster.kind import keeping
    from harness.cluster.netns import leftovers

    found, made = leftovers.find(options.run), keeping.find_leftovers(options.run)
    for item in (*found, *made):
        say(f"{'would remove' if options.dry_run else 'removing'} {item}")
    if not options.dry_run:
        leftovers.remove(found)
        keeping.remove_leftovers(made)
    if not found and not made:
        say("nothing left behind")
    return ExitCode.MATCH


def _clean_cluster(options: Namespace) -> ExitCode:
    from harness.cluster.kubernetes.cleaning import Cleaning

    with Cleaning.of_kubeconfig(options.kubeconfig, options.context) as cleaning:
        found = cleaning.chosen(options.run)
        # One that was heard of a moment ago may be somebody's run under way: a wrong ID must not end it.
        living = [] if options.force else cleaning.living(found)
        chosen = [item for item in found if item not in living]
        for item in living:
            say(f"leaving {cleaning.described(item)}\n    if it died a moment ago, wait a minute, or say --force")
        for item in chosen:
            say(f"{'removing' if options.yes else 'would remove'} {cleaning.described(item)}")
            say("".join(f"    {name}\n" for name in item.namespaces))
        for item in cleaning.others(found):
            say(f"leaving {cleaning.described(item)}")
        if living:
            return ExitCode.INCONCLUSIVE
        if not chosen:
            say(f"nothing of run {options.run} is here" if options.run else "nothing here is expired")
            return ExitCode.MATCH
        if not options.yes:
            say("nothing was removed; say --yes to do it")
            return ExitCode.MATCH
        stuck = cleaning.remove(chosen)
    for fault in stuck:
        say(f"still there: {fault}")
    return ExitCode.INCONCLUSIVE if stuck else ExitCode.MATCH


def rbac(options: Namespace) -> ExitCode:
    """Print the least role that a run on a cluster needs."""
    from harness.cluster.kubernetes.preflight.permissions import role

    say(role(options.name, options.namespace))
    return ExitCode.MATCH
