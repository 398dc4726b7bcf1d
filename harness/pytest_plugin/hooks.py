"""What the plugin does in every process of a session: takes note of scenarios, passes on what was found, reports."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin.rendezvous import SUFFIX

if TYPE_CHECKING:
    from harness.pytest_plugin.session import Netpol

FIXTURE = "netpol"


class Hooks:
    """Listens to one session; does nothing at all in one without scenarios."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._remarks: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take note of the scenarios that are left once all deselecting is done; touch no cluster."""
        wants_ground = any(FIXTURE in getattr(item, "fixturenames", ()) for item in session.items)
        if session.config.getoption("collectonly") or not (
            wants_ground or any(SUFFIX in item.nodeid for item in session.items)
        ):
            return
        from harness.errors import UsageError
        from harness.pytest_plugin.collecting import scenario_files
        from harness.pytest_plugin.session import netpol_of

        try:
            netpol_of(session.config).has_collected(scenario_files(session.items), wants_ground=wants_ground)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Give an item the time that its step took and words that a person can use, and send on what was found."""
        report = yield
        netpol = self._known()
        if netpol is not None:
            from harness.pytest_plugin import failing
            from harness.pytest_plugin.collecting import StepItem

            if call.excinfo is not None and isinstance(call.excinfo.value, failing.ItemError):
                # In every phase: an item's own `repr_failure` is asked for the call only.
                report.longrepr = failing.representation(call.excinfo, call.excinfo.value)
            if isinstance(item, StepItem):
                item.time(report, call.excinfo is not None)
            netpol.report(report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a worker found out of its report, before other plugins store or print that."""
        if hasattr(self._config, "workerinput"):
            return
        packed = report.__dict__.pop("netpol_news", None)
        if packed is not None:
            from harness.pytest_plugin.session import netpol_of

            netpol_of(self._config).hear(packed)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports, then leave the cluster: whatever happens on the way out, what was found is kept."""
        netpol = self._known()
        if netpol is None:
            return
        faults = netpol.write(interrupted=exitstatus == pytest.ExitCode.INTERRUPTED)
        fault = netpol.close()
        workeroutput = getattr(self._config, "workeroutput", None)
        if workeroutput is not None:
            # Nobody sees a worker's terminal.
            workeroutput["netpol_fault"] = fault
            return
        self._remarks += [*faults, *([f"the cluster was not left clean: {fault}"] if fault else [])]
        if self._remarks and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which cluster it was, what all scenarios came to, and where the reports are."""
        netpol = self._known()
        lines = netpol.summary() if netpol else []
        if lines or self._remarks:
            terminalreporter.section("network policies")
            for line in lines:
                terminalreporter.write_line(line)
            for line in self._remarks:
                terminalreporter.write_line(line, red=True)

    def _known(self) -> Netpol | None:
        """Return the plugin's state, None where there is no scenario in this session."""
        import sys

        # Not imported, so never asked for: this keeps sessions without scenarios from paying for them.
        if "harness.pytest_plugin.session" not in sys.modules:
            return None
        from harness.pytest_plugin.session import known_netpol

        return known_netpol(self._config)
