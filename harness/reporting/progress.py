"""Turns events into what standard error shows while a run is under way.

Pure: returns what to write, the clock is given, nothing is printed. Not thread-safe:
events come one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.model.result import Event, ScenarioResult
from harness.reporting.naming import listed
from harness.reporting.tally import of_scenario, phrase, plural, seconds
from harness.reporting.text import clipped, first_line, printable

CLEAR = "\r\x1b[K"  # to the line's start, and erase it (ECMA-48 EL)
_REDRAW_S = 0.1  # faster is not read, and slows a run over a slow line


class Progress:
    """A status line that is redrawn on a terminal; elsewhere a line for each finished scenario."""

    def __init__(self, *, is_terminal: bool, width: int, clock: Callable[[], float]) -> None:
        self._is_terminal = is_terminal
        self._width = width
        self._clock = clock
        self._started = clock()
        self._drawn_at: float | None = None
        self._total: int | None = None
        self._done = 0
        self._flows = 0
        self._running: dict[str, str] = {}  # scenario -> what it is at

    def on(self, event: Event) -> str:
        """Take in an event and return what to write for it, as it is; often nothing."""
        self._count(event)
        match event.kind:
            case "run-finished":
                return self.cleared()
            case "note":
                return self._line(event.text if not event.scenario else f"{event.scenario}: {event.text}")
            case "scenario-finished" if not self._is_terminal:
                return self._line(self._finished(event))
            case "run-started" | "scenario-started" | "scenario-finished":
                return self._status()
            case _:
                is_due = self._drawn_at is None or self._clock() - self._drawn_at >= _REDRAW_S
                return self._status() if is_due else ""

    def cleared(self) -> str:
        """Return what erases the status line, before anything else is written to the terminal."""
        if self._drawn_at is None:
            return ""
        self._drawn_at = None
        return CLEAR

    def _count(self, event: Event) -> None:
        match event.kind:
            case "run-started":
                self._started = self._clock()
                self._total = _number(event.data, "scenarios")
            case "scenario-started" | "step-started" | "phase":
                if event.scenario:
                    self._running[event.scenario] = event.step or event.text
            case "step-finished":
                self._flows += _number(event.data, "flows") or 0
            case "scenario-finished":
                self._done += 1
                self._running.pop(event.scenario, None)
            case _:
                pass

    def _status(self) -> str:
        if not self._is_terminal:
            return ""
        self._drawn_at = self._clock()
        elapsed = f"{self._drawn_at - self._started:.0f} s"
        running = [f"{name} ({at})" if at else name for name, at in self._running.items()]
        text = f"{self._scenarios()}, {plural(self._flows, 'flow')} seen, {elapsed}"
        if running:
            text += f": {listed(running, 3)}"
        # The last column stays free: a terminal would go to the next line after it.
        return CLEAR + clipped(printable(text), self._width - 1)

    def _scenarios(self) -> str:
        return f"{self._done}/{self._total} scenarios" if self._total is not None else plural(self._done, "scenario")

    def _finished(self, event: Event) -> str:
        total = "" if self._total is None else f"/{self._total}"
        width = len(str(self._total or ""))
        text = f"[{self._done:>{width}}{total}] {event.scenario}"
        result = event.data.get("result")
        if not isinstance(result, ScenarioResult):
            return text
        text += f": {phrase(of_scenario(result))}"
        if result.duration_s is not None:
            text += f" in {seconds(result.duration_s)}"
        return text if result.error is None else f"{text}, error: {first_line(result.error)}"

    def _line(self, text: str) -> str:
        """Return a line that stays; the status line makes room, and comes back with the next event."""
        return f"{self.cleared()}{printable(text)}\n"


def _number(data: Mapping[str, Any], key: str) -> int | None:
    value = data.get(key)
    return value if isinstance(value, int) else None
