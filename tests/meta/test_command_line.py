"""What the program costs before it does anything."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.meta.repository import ROOT

# Each of these costs 0.05 to 1 s to import; `--help` has 0.3 s in all (measured by ci/bench).
HEAVY = ("pydantic", "kubernetes", "yaml", "pytest", "asyncio", "jinja2", "rich")

SCRIPT = f"""
import sys
from harness.cli import entry
try:
    sys.exit(entry())
finally:
    print("imported:", [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["lint", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """A person who asks how to call the program has the answer before any library is loaded."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert "usage: netpol-harness" in done.stdout
    assert (done.returncode, done.stderr) == (0, "imported: []\n")
