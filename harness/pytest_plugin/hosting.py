"""The controller's cluster under pytest-xdist: one for all workers, made once and left once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from harness.errors import HarnessError, UsageError
from harness.pytest_plugin.playing import provider_of, terminable
from harness.pytest_plugin.rendezvous import Rendezvous
from harness.pytest_plugin.session import Netpol
from harness.runner.ground import checked


class Host:
    """Opens the cluster that workers will join; one that is private to each of them they open by themselves."""

    def __init__(self, netpol: Netpol, rendezvous: Rendezvous) -> None:
        self._netpol = netpol
        self._rendezvous = rendezvous
        self._stack = ExitStack()
        netpol.leave_by(self.close)

    def open(self, plan: Mapping[str, Any]) -> None:
        """Open the cluster and tell the workers how to join it, or why there is none: they will say so.

        Raises `UsageError` for a cluster that cannot be meant.
        """
        self._netpol.expect(file["path"] for file in plan["files"].values())
        provider = provider_of(self._netpol.choices, self._rendezvous.run)
        # Workers end with their controller: it must not go before the reports are written.
        self._stack.enter_context(terminable())
        if provider.private:
            self._rendezvous.invite({"private": True})
            return
        try:
            disturbances = checked(provider)
            self._stack.enter_context(provider.open())
            self._rendezvous.invite({**provider.invitation(), "disturbances": disturbances})
        except UsageError:
            raise
        except HarnessError as error:
            self._rendezvous.invite({"error": str(error)})

    def close(self) -> str | None:
        """Leave the cluster, with all that dead workers have left there; return what went wrong, if anything."""
        try:
            self._stack.close()
        except HarnessError as error:
            return str(error)
        return None
