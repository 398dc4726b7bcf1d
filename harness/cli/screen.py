"""Where output goes: width, colour, and progress that never mixes with results."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO


def has_colour(choice: str, stream: TextIO) -> bool:
    """Tell whether to colour `stream`; NO_COLOR wins over a terminal, and `--color` over both."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width(stream: TextIO) -> int:
    """Return the columns to use: the terminal's, or 80 where there is none."""
    return max(40, shutil.get_terminal_size().columns) if stream.isatty() else 80


def say(text: str) -> None:
    """Write a result to standard output."""
    sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Write progress or a remark to standard error, exactly as given."""
    sys.stderr.write(text)
    sys.stderr.flush()
