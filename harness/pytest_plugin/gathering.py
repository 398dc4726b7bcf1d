"""What all processes of a session found, and the report files that are written of it, once."""

from __future__ import annotations

import base64
import pickle
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import HarnessError
from harness.model.result import ClusterFacts, RunResult, ScenarioResult
from harness.runner.perform import unplayed
from harness.scenario.load import load


@dataclass(frozen=True)
class News:
    """What one process has to tell since it last told something. `fault`: why it has no cluster to play on."""

    results: tuple[ScenarioResult, ...]
    facts: ClusterFacts | None = None
    fault: str | None = None
    is_enforced: bool = True

    def packed(self) -> str:
        """Return it as text that travels in a test report."""
        return base64.b85encode(zlib.compress(pickle.dumps(self), 1)).decode()

    @staticmethod
    def unpacked(text: str) -> News:
        """Return what `packed` made."""
        # From a worker of this very run, whose code this process has started.
        news = pickle.loads(zlib.decompress(base64.b85decode(text)))  # noqa: S301
        if not isinstance(news, News):
            raise TypeError(type(news).__name__)
        return news


@dataclass
class Gathering:
    """The run's result as it grows; `expected` are the files whose scenarios were chosen, in order."""

    run: str
    expected: dict[str, None] = field(default_factory=dict)
    _news: dict[tuple[str, str], ScenarioResult] = field(default_factory=dict)
    _facts: ClusterFacts | None = None
    _fault: str | None = None
    _is_enforced: bool = True
    _started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _clock: float = field(default_factory=time.monotonic)

    def add(self, news: News) -> None:
        """Take in what a process tells; a scenario that was played again counts as played last."""
        self._news |= {(result.file, result.name): result for result in news.results}
        self._facts = self._facts or news.facts
        self._fault = self._fault or news.fault
        self._is_enforced = self._is_enforced and news.is_enforced

    def expect(self, files: Iterable[str]) -> None:
        """Name files that must show in the result, played or not."""
        self.expected |= dict.fromkeys(files)

    @property
    def is_empty(self) -> bool:
        """Whether the session had nothing to do with scenarios."""
        return not self.expected and not self._news

    def result(self, *, interrupted: bool) -> RunResult:
        """Return the result so far: scenarios that were never played are there, with the reason."""
        return RunResult(
            self.run,
            self._started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            time.monotonic() - self._clock,
            self._facts,
            tuple(self._scenarios("interrupted" if interrupted else "the session ended before it was played")),
            error=self._fault,
            interrupted=interrupted and self._fault is None,
        )

    def _scenarios(self, otherwise: str) -> Sequence[ScenarioResult]:
        if not self._is_enforced:
            # Nothing seen on a cluster that does not enforce is a finding.
            return ()
        played: dict[str, list[ScenarioResult]] = {}
        for (file, _), result in self._news.items():
            played.setdefault(file, []).append(result)
        found: list[ScenarioResult] = []
        for file in dict.fromkeys([*self.expected, *played]):
            found += played.get(file) or [_unplayed(file, self._fault or otherwise)]
        return found


def _unplayed(file: str, reason: str) -> ScenarioResult:
    try:
        return unplayed(load(Path(file)), reason)
    except HarnessError as error:
        # It changed since it was collected: the report still names it.
        return ScenarioResult(file, file, "", (), (), error=f"{reason}; {error}")
