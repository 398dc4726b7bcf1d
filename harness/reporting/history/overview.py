"""A history at a glance: its latest runs by lane, what changed in each, what fails, what flickers, how fast it was.

Pure; `listing`, `export`, `page` and `issue` show it.

- A *flake* is a flow that had, in runs of one commit on clusters of equal facts, at least two verdicts that decide,
  while the same was declared of it.
- *Enforcement latency* of a step is the time from the end of its changes to the first round that was wholly as
  declared (`first_correct_s`); of a run, the median and the 95th percentile (nearest rank) over its steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from harness.model.flow import Flow
from harness.model.result import Verdict
from harness.reporting.history import lanes
from harness.reporting.history.changes import Change, Entry, Failing, Kind, courses
from harness.reporting.history.lanes import Across
from harness.reporting.history.records import RunHeader, StepKey

FLIPS = frozenset({Kind.REGRESSION, Kind.RECOVERY, Kind.SHIFT})


@dataclass(frozen=True, slots=True)
class Selection:
    """Which runs are looked at: `last` are shown, all are followed; `scenario` is a glob, `cni` a name."""

    last: int = 20
    scenario: str | None = None
    cni: str | None = None
    across: Across = Across.PATCHES

    def takes(self, header: RunHeader) -> bool:
        """Tell whether a run is looked at."""
        return self.cni is None or (header.cluster is not None and header.cluster.cni == self.cni)


@dataclass(frozen=True, slots=True)
class Latency:
    """Enforcement latency over the `steps` for which it is known; in seconds."""

    steps: int
    median_s: float
    p95_s: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run: what it came to, and how many flows changed with it."""

    header: RunHeader
    tally: Counter[Verdict]
    changes: Counter[Kind]
    latency: Latency | None
    flaps: int


@dataclass(frozen=True, slots=True)
class Flake:
    """A flow that changed its verdict `flips` times in `runs` runs under the same conditions."""

    key: StepKey
    flow: Flow
    commit: str
    verdicts: tuple[Verdict, ...]
    flips: int
    runs: int


@dataclass(frozen=True, slots=True)
class Lane:
    """Comparable runs, oldest first, with what the latest changed and left failing.

    `changes` and `failing` name runs by their places in `Overview.headers`.
    """

    label: str
    runs: tuple[RunLine, ...]
    earlier: int
    changes: tuple[Change, ...]
    failing: tuple[Failing, ...]
    flakes: tuple[Flake, ...]

    @property
    def latest(self) -> RunLine:
        """The run that `changes` are of."""
        return self.runs[-1]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that is shown. `name` is the file's; `headers` are all runs that were looked at."""

    name: str
    headers: tuple[RunHeader, ...]
    lanes: tuple[Lane, ...]
    selection: Selection

    def run_name(self, run: int) -> str:
        """Name a run by its place: `7c3f1a of 2026-11-29 02:00`."""
        return self.headers[run].name

    @property
    def has_regressed(self) -> bool:
        """Whether the latest run of some lane that is shown has a regression."""
        return any(change.kind is Kind.REGRESSION for lane in self.lanes for change in lane.changes)


def build(name: str, timeline: Sequence[Entry], selection: Selection) -> Overview:
    """Put together what is shown of a timeline, whose entries are in the order in which they were started.

    A lane is shown when one of the `last` runs is of it, with those of its runs that are among them.
    """
    entries = [_narrowed(entry, selection.scenario) for entry in timeline if selection.takes(entry.header)]
    first = max(0, len(entries) - selection.last)
    where = [lanes.lane(entry.header, selection.across) for entry in entries]
    followed, changes = courses(entries, lambda header: lanes.lane(header, selection.across))
    flakes = _flakes(entries, first)
    shown: dict[Hashable, list[int]] = {}
    for run in range(first, len(entries)):
        shown.setdefault(where[run], []).append(run)
    counts = Counter(where)
    found = tuple(
        Lane(
            lanes.label(entries[runs[-1]].header, selection.across),
            tuple(_line(entries[run], changes[run]) for run in runs),
            counts[lane] - len(runs),
            tuple(changes[runs[-1]]),
            tuple(followed[lane].failing()),
            tuple(flake for run, flake in flakes if where[run] == lane),
        )
        for lane, runs in shown.items()
    )
    headers = tuple(entry.header for entry in entries)
    return Overview(name, headers, tuple(sorted(found, key=lambda lane: lane.label)), selection)


def measure(milliseconds: Iterable[int | None]) -> Latency | None:
    """Return the latency of steps whose times are given; None where none is known."""
    known = sorted(value / 1000 for value in milliseconds if value is not None)
    if not known:
        return None
    rank = -(-95 * len(known) // 100)
    middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2
    return Latency(len(known), middle, known[rank - 1], known[-1])


def _narrowed(entry: Entry, scenario: str | None) -> Entry:
    if scenario is None:
        return entry
    plays = tuple(play for play in entry.plays if fnmatchcase(play.key.scenario, scenario))
    return replace(entry, plays=plays, played=frozenset(name for name in entry.played if fnmatchcase(name, scenario)))


def _line(entry: Entry, changes: Sequence[Change]) -> RunLine:
    tally: Counter[Verdict] = Counter()
    for play in entry.plays:
        tally.update(play.cells.tally())
    return RunLine(
        entry.header,
        tally,
        Counter(change.kind for change in changes),
        measure(play.first_correct_ms for play in entry.plays),
        sum(play.flaps or 0 for play in entry.plays),
    )


def _flakes(entries: Sequence[Entry], first: int) -> list[tuple[int, Flake]]:
    """Return each flake with the latest run of its conditions, if that is among those from `first` on."""
    groups: dict[Hashable, list[int]] = {}
    for run, entry in enumerate(entries):
        conditions = lanes.same_conditions(entry.header)
        if conditions is not None:
            groups.setdefault(conditions, []).append(run)
    found = []
    for runs in groups.values():
        if len(runs) > 1 and runs[-1] >= first:
            found += [(runs[-1], flake) for flake in _flakes_of([entries[run] for run in runs])]
    return found


def _flakes_of(entries: Sequence[Entry]) -> list[Flake]:
    """Return the flakes of runs under the same conditions."""
    _, changes = courses(entries, lambda _: ())
    verdicts: dict[tuple[StepKey, Flow], list[Verdict]] = {}
    for change in (change for run in changes for change in run if change.kind in FLIPS):
        before, after = change.before, change.after
        # Another declaration is another question, whatever the commit says.
        if before is None or after is None or before.seen.declared is not after.seen.declared:
            continue
        verdicts.setdefault((change.key, change.flow), [before.seen.verdict]).append(after.seen.verdict)
    commit = entries[0].header.commit or ""
    return [
        Flake(key, flow, commit, tuple(seen), len(seen) - 1, len(entries)) for (key, flow), seen in verdicts.items()
    ]
