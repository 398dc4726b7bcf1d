"""What an API server's refusals mean: which of them may pass, and what it said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.errors import ClusterError

_LONGEST_ADVICE_S = 10.0
# A field that the server's schema lacks is the manifest's fault, though server-side apply answers 500.
_UNTYPED = "failed to create typed patch object"


class ApiError(ClusterError):
    """An API server said no, or nothing. `status` is 0 where no answer came; `body` is the server's Status object."""

    def __init__(
        self, what: str, status: int = 0, body: Mapping[str, Any] | None = None, retry_after_s: float = 0.0
    ) -> None:
        super().__init__(what)
        self.status = status
        self.body = body or {}
        self.retry_after_s = retry_after_s

    @property
    def reason(self) -> str:
        """The machine's word for the failure, such as AlreadyExists; "" where there is none."""
        return str(self.body.get("reason") or "")

    @property
    def is_transient(self) -> bool:
        """Whether the same call may succeed a moment later: 429, 5xx and broken connections."""
        if str(self.body.get("message", "")).startswith(_UNTYPED):
            return False
        return self.status in (0, 429) or self.status >= 500


class UnreachableError(ApiError):
    """The API server could not be talked to for a reason that stays: certificates, credentials, its address."""

    @property
    def is_transient(self) -> bool:
        """No: what is written in the kubeconfig does not change by waiting."""
        return False


class ExpiredError(ClusterError):
    """A watch fell behind what the server remembers (410): list again."""


def refusal(response: Any) -> ApiError:
    """Return the error of an answer with a status of 400 or more; reads its body."""
    import urllib3  # noqa: PLC0415 - comes with the client

    try:
        text = response.read(decode_content=True)
    except (urllib3.exceptions.HTTPError, OSError):
        text = b""
    try:
        body = json.loads(text)
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    said = message_of(body) if body else text.decode(errors="replace").strip()[:500] or str(response.reason)
    advice = response.headers.get("Retry-After", "")
    return ApiError(
        f"{said} ({response.status})",
        response.status,
        body,
        min(float(advice), _LONGEST_ADVICE_S) if advice.isdigit() else 0.0,
    )


def message_of(status: Mapping[str, Any]) -> str:
    """Return what a Status object says to people."""
    return str(status.get("message") or status.get("reason") or "refused without a word")
