"""How a command in a pod ended, as the API server tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """The end of a command; `code` is None where it never ran or nobody knows its status, and `message` says why."""

    code: int | None
    message: str = ""

    def __str__(self) -> str:
        if self.code is None:
            return f"the command failed: {self.message}"
        return f"the command ended with status {self.code}"


def parse(text: bytes) -> ExitStatus | None:
    """Read the Status object of the error channel, None while it is not whole.

    A failure has a number only where a cause with the reason ExitCode gives one (k8s.io/apimachinery
    `remotecommand.NonZeroExitCodeReason`); a program that is not found has none.
    """
    try:
        status = json.loads(text)
    except ValueError:
        return None
    if not isinstance(status, dict):
        return ExitStatus(None, f"its status is no Status object: {text[:200]!r}")
    if status.get("status") == "Success":
        return ExitStatus(0)
    message = str(status.get("message") or status.get("reason") or "no reason given")
    if status.get("status") != "Failure" or status.get("reason") != "NonZeroExitCode":
        return ExitStatus(None, message)
    return ExitStatus(_code(status), message)


def _code(status: dict[str, object]) -> int | None:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for cause in causes if isinstance(causes, list) else []:
        if isinstance(cause, dict) and cause.get("reason") == "ExitCode":
            number = str(cause.get("message", ""))
            return int(number) if number.isascii() and number.isdigit() else None
    return None
