"""What the commands of the command line have in common."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from importlib import import_module

Add = Callable[..., ArgumentParser]


def command(add: Add, name: str, about: str, module: str, examples: str = "", *, function: str = "") -> ArgumentParser:
    """Add a command carried out by `function`, or that of its name, of `harness.cli.<module>`, imported when called."""

    def call(options: Namespace) -> int:
        carry_out: Callable[[Namespace], int] = getattr(import_module(f"harness.cli.{module}"), function or name)
        return carry_out(options)

    parser = add(
        name,
        help=about[0].lower() + about[1:].rstrip("."),
        description=about,
        epilog=examples and f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=call)
    return parser


def positive(text: str) -> int:
    """Read a number of at least 1. Raises `argparse.ArgumentTypeError` for a smaller one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number
