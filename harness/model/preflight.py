"""What was looked at before a run, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    """How a check ended. Only `failed` keeps a run from starting; a `warning` goes with it into its report."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: `text` says what was found, `remedy` what to do where that is not well."""

    name: str
    status: CheckStatus
    text: str
    remedy: str | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


def failed(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks that keep a run from meaning anything, in the order given."""
    return tuple(check for check in checks if check.status is CheckStatus.FAILED)


def warnings(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks that every report of a run must carry, in the order given."""
    return tuple(check for check in checks if check.status is CheckStatus.WARNING)
