"""Where the in-pod agent's one file is: beside this module once installed, in `probes/` of a checkout."""

from __future__ import annotations

from pathlib import Path

from harness.errors import EnvironmentMissingError


def agent_source() -> Path:
    """Return the agent's file. Raises `EnvironmentMissingError` where the installation lacks it."""
    here = Path(__file__).resolve()
    candidates = (here.with_name("agent.py.txt"), here.parents[2] / "probes" / "agent.py")
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise EnvironmentMissingError(
        "the probe agent is missing from this installation",
        where=str(candidates[0]),
        remedy="reinstall netpol-harness, or run from a complete checkout",
    )
