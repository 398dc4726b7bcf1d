"""Options of every command that has something to report. Imports argparse and nothing that is slow."""

from __future__ import annotations

import argparse

from harness.reporting.registry import REPORTS


def add_reports(parser: argparse._ActionsContainer) -> None:
    """Add an option for each report of the table, and those for what a CI job gets unasked."""
    for name, report in REPORTS.items():
        parser.add_argument(f"--{name}", metavar="FILE", help=f"write {report.about}; - for standard output")
    parser.add_argument(
        "--annotations",
        choices=("auto", "github", "none"),
        default="auto",
        help="print workflow commands that put findings at their lines (auto: where GITHUB_ACTIONS is true)",
    )
    parser.add_argument(
        "--no-summary", action="store_true", help="do not append the report to $GITHUB_STEP_SUMMARY, where that is set"
    )


def add_colour(parser: argparse._ActionsContainer) -> None:
    """Add the choice of colours, for what is printed for people."""
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="auto: on a terminal, unless NO_COLOR is set",
    )


def add_shard(parser: argparse._ActionsContainer) -> None:
    """Add `--shard`, which gives a pair of numbers."""
    parser.add_argument(
        "--shard",
        type=_part,
        metavar="I/N",
        help="only the I-th of N parts, for N machines; `report merge` puts the results together",
    )


def _part(text: str) -> tuple[int, int]:
    number, slash, of = text.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of) <= 1000):
        raise argparse.ArgumentTypeError(f"{text!r} is no part such as 1/4 (of at most 1000)")
    return int(number), int(of)
