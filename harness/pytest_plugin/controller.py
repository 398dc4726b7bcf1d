"""What the plugin does in the controller of pytest-xdist: one cluster for all workers, and who plays what."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from harness.pytest_plugin.distributing import Distribution
from harness.pytest_plugin.rendezvous import Rendezvous, hosted

if TYPE_CHECKING:
    from harness.pytest_plugin.hosting import Host


class Controller:
    """Listens to xdist; of a session without workers it hears nothing."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._host: Host | None = None
        self._rendezvous: Rendezvous | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker, before it starts, where to meet."""
        self._rendezvous = hosted(self._config)
        self._rendezvous.announce(node.workerinput)

    @pytest.hookimpl(optionalhook=True, wrapper=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> Generator[None, Any, Any]:
        """Stand in front of the scheduler that `--dist` asks for."""
        usual = yield
        return Distribution(config, usual, hosted(config))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Open the cluster as soon as it is known that somebody will need it, and before any test is given out."""
        del node, ids
        rendezvous = hosted(self._config)
        plan = rendezvous.plan()
        if self._host is not None or plan is None:
            return
        from harness.errors import UsageError
        from harness.pytest_plugin.hosting import Host
        from harness.pytest_plugin.session import netpol_of

        netpol = netpol_of(self._config)
        self._host = Host(netpol, rendezvous)
        try:
            self._host.open(plan)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in what a worker could not leave clean; of one that died the cluster's host takes care."""
        fault = getattr(node, "workeroutput", {}).get("netpol_fault")
        if fault is not None:
            from harness.pytest_plugin.session import netpol_of

            netpol_of(self._config).leave_by(lambda: f"{node.gateway.id}: {fault}")

    def pytest_unconfigure(self) -> None:
        """Leave the cluster where the session broke off before it could, and the rendezvous in any case."""
        if self._host is not None:
            self._host.close()
        if self._rendezvous is not None:
            self._rendezvous.remove()
            self._rendezvous = None
