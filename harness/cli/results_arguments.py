"""The commands about results that are there already: reports of them, their history, and what differs."""

from __future__ import annotations

import argparse

from harness.cli.command import Add, command, positive
from harness.cli.output_options import add_colour, add_reports


def add_report(add: Add) -> None:
    """Add what writes reports from result documents."""
    parser = add(
        "report",
        help="write reports from result documents; merge those of shards",
        description="Write reports from result documents (--json); asks no cluster.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    merge = command(
        commands.add_parser,
        "merge",
        "Put the results of shards together, and end as one run would have.",
        "report",
        "  netpol-harness report merge shard-*.json --json whole.json --junit whole.xml\n",
        function="report_merge",
    )
    merge.add_argument("documents", nargs="+", metavar="FILE", help="a result document that a shard wrote with --json")
    render = command(
        commands.add_parser,
        "render",
        "Show the report of a result document, and write others from it.",
        "report",
        "  netpol-harness report render result.json --markdown comment.md\n",
        function="report_render",
    )
    render.add_argument("document", metavar="FILE", help="a result document, written with --json")
    render.add_argument("-v", "--verbose", action="store_true", help="every matrix, not only those with a finding")
    for each in (merge, render):
        output = each.add_argument_group("output")
        add_reports(output)
        add_colour(output)


def add_history(add: Add) -> None:
    """Add what shows runs that were kept."""
    parser = command(
        add,
        "history",
        "Show what changed from run to run: regressions, recoveries, new flows, flakes, and how fast policies came.",
        "history",
        "  netpol-harness run scenarios/ --history runs.db && netpol-harness history runs.db\n"
        "  netpol-harness history runs.db --html runs.html --exit-code\n"
        "  netpol-harness history runs.db --across versions --cni cilium   (what did the upgrade change?)\n"
        "  netpol-harness history runs.db --add job-*/result.json --issue > issue.md   (the end of a nightly)\n",
    )
    parser.add_argument("file", metavar="FILE", help="a history, written by `run --history FILE`")
    chosen = parser.add_argument_group("which runs")
    chosen.add_argument("--last", type=positive, default=20, metavar="N", help="show the last N runs (default: 20)")
    chosen.add_argument("--scenario", metavar="GLOB", help="only scenarios of such names")
    chosen.add_argument("--cni", metavar="NAME", help="only runs on this CNI")
    chosen.add_argument(
        "--across",
        choices=("patches", "versions", "clusters"),
        default="patches",
        help="what compared clusters may differ in: patch releases (the default), CNI and Kubernetes versions, all",
    )
    chosen.add_argument(
        "--add",
        nargs="+",
        default=[],
        metavar="RUNS",
        help="first add these result documents, or the runs of histories",
    )
    output = parser.add_argument_group("output")
    output.add_argument("--json", metavar="FILE", help="write everything as JSON; - for standard output")
    output.add_argument("--html", metavar="FILE", help="write a page with plots; - for standard output")
    output.add_argument(
        "--issue", action="store_true", help="print the Markdown of an issue instead; nothing where nothing regressed"
    )
    output.add_argument("--exit-code", action="store_true", help="end with 1 where a latest run has a regression")
    add_colour(output)


def add_compare(add: Add) -> None:
    """Add what puts two runs side by side."""
    parser = command(
        add,
        "compare",
        "Put two runs side by side: the flows that differ, those that only one has, and who was faster.",
        "comparing",
        "  netpol-harness compare calico.json cilium.json\n"
        "  netpol-harness compare yesterday.json runs.db#latest\n"
        "  netpol-harness compare --history runs.db 7c3f1a b2d004\n"
        "  netpol-harness compare --history runs.db --by cni calico cilium --html cnis.html\n",
    )
    parser.add_argument("left", metavar="A", help="a result document, a run of a history (FILE#RUN), or see --history")
    parser.add_argument("right", metavar="B", help="the same")
    parser.add_argument("--history", metavar="FILE", help="A and B are runs of this history: ids, or `latest`")
    parser.add_argument(
        "--by",
        choices=("cni", "cni-version", "kubernetes", "kind", "commit"),
        help="A and B are values of this; the latest run of each is taken (needs --history)",
    )
    output = parser.add_argument_group("output")
    output.add_argument("--json", metavar="FILE", help="write everything as JSON; - for standard output")
    output.add_argument("--html", metavar="FILE", help="write a page; - for standard output")
    output.add_argument("--exit-code", action="store_true", help="end with 1 where the runs differ")
    add_colour(output)
