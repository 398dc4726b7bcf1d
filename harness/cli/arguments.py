"""The command line: every option, with examples. Imports argparse and nothing that is slow."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser

from harness import __version__
from harness.cli.cluster_options import add_cluster, add_kind
from harness.cli.command import Add, command, positive
from harness.cli.output_options import add_colour, add_reports, add_shard
from harness.cli.results_arguments import add_compare, add_history, add_report

_EPILOG = """\
examples:
  netpol-harness run scenarios/                       every scenario, on the embedded cluster
  netpol-harness run shop.scenario.yaml --json -      the result as a JSON document
  netpol-harness lint scenarios/                      declared against predicted; needs no cluster
  netpol-harness explain shop.scenario.yaml --flow "guest/visitor -> shop/db:5432"
  netpol-harness init my-first-test                   a scenario to start from

exit status:
  0 all as declared   1 a LEAK or an OUTAGE   2 the input is wrong
  3 inconclusive, or the environment is       130 interrupted
"""


def parser() -> ArgumentParser:
    """Build the parser; `options.command` is the function to call with the options."""
    root = _parser("netpol-harness", "Live connectivity tests for Kubernetes NetworkPolicies.", _EPILOG)
    root.add_argument("--version", action="version", version=f"netpol-harness {__version__}")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _run(commands.add_parser)
    _lint(commands.add_parser)
    _predict(commands.add_parser)
    _explain(commands.add_parser)
    _doctor(commands.add_parser)
    _clusters(commands.add_parser)
    _clean(commands.add_parser)
    _rbac(commands.add_parser)
    add_report(commands.add_parser)
    add_history(commands.add_parser)
    add_compare(commands.add_parser)
    _schema(commands.add_parser)
    _init(commands.add_parser)
    return root


def _parser(name: str, about: str, epilog: str) -> ArgumentParser:
    return ArgumentParser(
        prog=name, description=about, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def _paths(parser: ArgumentParser, nargs: str = "+") -> None:
    parser.add_argument("paths", nargs=nargs, metavar="PATH", help="a *.scenario.yaml file, or a folder of them")
    parser.add_argument(
        "--tag", action="append", default=[], metavar="TAG", help="only scenarios with this tag; !TAG: only without it"
    )


def _run(add: Add) -> None:
    parser = command(
        add,
        "run",
        "Run scenarios on a cluster and compare what is observed with what is declared.",
        "running",
        "  netpol-harness run scenarios/ --tag segmentation\n"
        "  netpol-harness run scenarios/ --json result.json --quiet\n"
        "  netpol-harness run scenarios/ --shard 2/4 --json shard-2.json   (on the second of four machines)\n"
        "  netpol-harness run scenarios/ --junit junit.xml --markdown comment.md   (in CI)\n"
        "  netpol-harness run scenarios/ --history runs.db && netpol-harness history runs.db\n"
        "  netpol-harness run scenarios/ --fault ignores-end-port   (does the harness notice?)\n"
        "  netpol-harness run --list-faults\n"
        "  netpol-harness run scenarios/isolation --cluster kubeconfig --context staging\n"
        "  netpol-harness run scenarios/ --cluster kind --cni calico --nodes 3\n",
    )
    _paths(parser, "*")  # --list-faults needs none
    add_shard(parser)
    cluster = parser.add_argument_group("cluster")
    add_cluster(cluster)
    cluster.add_argument("--fault", metavar="NAME", help="let the local data plane misbehave like a broken CNI")
    cluster.add_argument("--list-faults", action="store_true", help="describe the faults that --fault knows, and stop")
    cluster.add_argument(
        "--verbatim-namespaces", action="store_true", help="keep namespace names as written (a cluster of one's own)"
    )
    cluster.add_argument(
        "--profile",
        metavar="NAME",
        help="known deviations: NAME[@VERSION] of a CNI, a file, or none (default: of the CNI found there)",
    )
    made = parser.add_argument_group("a cluster made by kind (--cluster kind)")
    add_kind(made)
    made.add_argument("--keep", action="store_true", default=None, help="leave it for the next run, also if it failed")
    probing = parser.add_argument_group("probing")
    probing.add_argument("--engine", choices=("socket", "nc", "curl"), default="socket", help="what sends the probes")
    probing.add_argument(
        "--parallel",
        type=positive,
        metavar="N",
        help="scenarios side by side (default: by cores; 4 on a real cluster)",
    )
    probing.add_argument(
        "--window", type=_seconds, metavar="S", help="seconds that a matrix must hold still to be settled"
    )
    probing.add_argument("--deadline", type=_seconds, metavar="S", help="seconds after which a step is unsettled")
    probing.add_argument("--timeout", type=_seconds, metavar="S", help="longest wait for one answer, in seconds")
    probing.add_argument(
        "--pause", action="store_true", help="hold at each failed step, pods up, until Enter; one scenario at a time"
    )
    output = parser.add_argument_group("output")
    add_reports(output)
    output.add_argument("--history", metavar="FILE", help="keep this run in a history: `netpol-harness history FILE`")
    output.add_argument(
        "--commit", metavar="ID", help="of the scenarios (default: $GITHUB_SHA, $CI_COMMIT_SHA, or what is checked out)"
    )
    output.add_argument("-v", "--verbose", action="store_true", help="every matrix, not only those with a finding")
    output.add_argument("-q", "--quiet", action="store_true", help="no progress; findings and the summary only")
    add_colour(output)


def _lint(add: Add) -> None:
    parser = command(
        add,
        "lint",
        "Check scenario files, and what they declare against what the policies say; needs no cluster.",
        "offline",
        "  netpol-harness lint scenarios/\n",
    )
    _paths(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="only the problems")


def _predict(add: Add) -> None:
    parser = command(
        add,
        "predict",
        "Show the matrix that the published semantics predict; needs no cluster.",
        "offline",
        "  netpol-harness predict shop.scenario.yaml\n  netpol-harness predict scenarios/ --json > predicted.json\n",
    )
    _paths(parser)
    parser.add_argument("--json", action="store_true", help="the result document, with what only a run can know null")
    add_colour(parser)


def _explain(add: Add) -> None:
    parser = command(
        add,
        "explain",
        "Say which policies isolate the ends of a flow, and which rule decides.",
        "offline",
        '  netpol-harness explain shop.scenario.yaml --flow "guest/visitor -> shop/db:5432"\n'
        '  netpol-harness explain shop.scenario.yaml --flow "* -> shop/db" --step "frontend retired"\n',
    )
    parser.add_argument("path", metavar="PATH", help="one *.scenario.yaml file")
    parser.add_argument("--flow", required=True, metavar="FLOW", help='as in a rule: "shop/a -> shop/b:80/TCP"')
    parser.add_argument("--step", metavar="NAME", help="the step after which to look (default: the last one)")
    add_colour(parser)


def _doctor(add: Add) -> None:
    parser = command(
        add,
        "doctor",
        "Say in seconds whether a run here can mean anything.",
        "upkeep",
        "  netpol-harness doctor\n  netpol-harness doctor --quiet || echo 'no local cluster here'\n"
        "  netpol-harness doctor --cluster kubeconfig --context staging --json\n",
    )
    add_cluster(parser)
    add_kind(parser.add_argument_group("a cluster made by kind (--cluster kind)"))
    parser.add_argument("--fault", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="every check as JSON, for scripts")
    parser.add_argument("-q", "--quiet", action="store_true", help="one sentence, and only if something is missing")


def _clusters(add: Add) -> None:
    parser = add(
        "cluster",
        help="make and delete clusters with kind",
        description="Make and delete clusters with kind; what it did not make it leaves alone.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    up = command(
        verbs.add_parser,
        "up",
        "Make a cluster with kind, see that it enforces policies, and keep it.",
        "clusters",
        "  netpol-harness cluster up --cni calico --kubernetes 1.36 --nodes 3 --ip-family dual\n"
        "  netpol-harness cluster up --cni cilium --cni-manifest cilium.yaml --image-archive cilium.tar\n",
    )
    up.set_defaults(cluster="kind")
    add_kind(up)
    up.add_argument("--image", metavar="IMAGE", help="the probe pods' image: any with Python 3.9 or newer")
    up.add_argument("--keep", action="store_true", default=None, help="leave the cluster even if it failed, for a look")
    up.add_argument("-q", "--quiet", action="store_true", help="no progress")
    down = command(verbs.add_parser, "down", "Delete a cluster that `cluster up` or a run made.", "clusters")
    down.add_argument("--name", metavar="NAME", help="which one (default: the one without a name of its own)")
    command(verbs.add_parser, "list", "List the clusters that are made here, and what for.", "clusters")


def _clean(add: Add) -> None:
    parser = command(
        add,
        "clean",
        "Find and remove what runs that were killed have left behind, and nothing else.",
        "upkeep",
        "  netpol-harness clean --dry-run                             this machine\n"
        "  netpol-harness clean --cluster kubeconfig                  what is expired on a cluster; removes nothing\n"
        "  netpol-harness clean --cluster kubeconfig --expired --yes  removes it\n"
        "  netpol-harness clean --cluster kubeconfig --run 3fa2c1 --yes\n",
    )
    parser.add_argument("--cluster", default="local", metavar="NAME", help="local (the default) or kubeconfig")
    parser.add_argument("--kubeconfig", metavar="FILE", help="the kubeconfig (default: as kubectl finds it)")
    parser.add_argument("--context", metavar="NAME", help="the context in it (default: its current one)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--run", metavar="ID", help="what that run left, expired or not")
    which.add_argument("--expired", action="store_true", help="all runs that are over their time (the default)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed; so it is on a cluster")
    parser.add_argument("--yes", action="store_true", help="remove it from the cluster")
    parser.add_argument("--force", action="store_true", help="with --run: though that run was heard of a moment ago")


def _rbac(add: Add) -> None:
    parser = command(
        add,
        "rbac",
        "Print the least role that a run on a cluster needs, as YAML, with a reason for each verb.",
        "upkeep",
        "  netpol-harness rbac | kubectl apply -f -\n",
    )
    parser.add_argument("--name", default="netpol-harness", help="of the service account, the role and the binding")
    parser.add_argument("--namespace", default="netpol-harness", help="where the service account lives")


def _schema(add: Add) -> None:
    command(
        add,
        "schema",
        "Print the JSON Schema of scenario files, for editors.",
        "offline",
        "  netpol-harness schema > scenario.schema.json\n",
    )


def _init(add: Add) -> None:
    parser = command(
        add,
        "init",
        "Write a first scenario and its policies into a folder.",
        "offline",
        "  netpol-harness init my-first-test && netpol-harness run my-first-test\n",
    )
    parser.add_argument("folder", nargs="?", default="scenarios", help="where to (default: scenarios)")


def _seconds(text: str) -> float:
    number = float(text.removesuffix("s"))
    if not 0 < number < 3600:
        raise argparse.ArgumentTypeError("must be a number of seconds between 0 and 3600")
    return number
