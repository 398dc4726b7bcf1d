"""Puts the results of several machines or workers together as the result of one run.

What would make the whole a lie is refused: two results of one scenario, two clusters, two revisions. What
is missing is said in the whole itself, as its error, so that it is no proof however green the parts are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from harness.model.result import ClusterFacts, RunResult, Shard
from harness.reporting import naming
from harness.reporting.tally import plural


class Part(NamedTuple):
    """One result and what it is called in errors: its file."""

    name: str
    result: RunResult


def merge(parts: Sequence[Part]) -> tuple[RunResult, tuple[str, ...]]:
    """Return the whole, scenarios in the order of the parts and of shards, and every reason why they do not fit.

    With such a reason the whole is still there, and must not be taken for one run. There must be at least one part.
    """
    ordered = sorted(parts, key=lambda part: part.result.shard.number if part.result.shard else 0)
    results = [part.result for part in ordered]
    faults = [
        *_doubles(ordered),
        *_differences(ordered, "cluster", lambda result: _identity(result.cluster)),
        *_differences(ordered, "commit", lambda result: result.commit),
        *_differences(ordered, "number of shards", lambda result: str(result.shard.of if result.shard else "none")),
        *_twins(ordered),
    ]
    started = min((result.started for result in results if result.started), default="")
    whole = RunResult(
        run="+".join(dict.fromkeys(result.run for result in results if result.run)),
        started=started,
        duration_s=_duration(results, started),
        cluster=_cluster(result.cluster for result in results),
        scenarios=tuple(scenario for result in results for scenario in result.scenarios),
        error=_error(ordered),
        interrupted=any(result.interrupted for result in results),
        commit=next((result.commit for result in results if result.commit), None),
    )
    return whole, tuple(faults)


def _doubles(parts: Iterable[Part]) -> Iterable[str]:
    """Say which scenarios more than one part tells of; a whole part given twice is one sentence."""
    seen: dict[tuple[str, str], str] = {}
    found: dict[tuple[str, str], list[str]] = {}
    for name, result in parts:
        for scenario in result.scenarios:
            key = scenario.file, scenario.name
            if key in seen:
                found.setdefault((seen[key], name), []).append(f"{scenario.name} ({scenario.file})")
            seen.setdefault(key, name)
    for (first, second), names in found.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield f"{first} and {second} both tell of {plural(len(names), 'scenario')}: {shown}"


def _twins(parts: Iterable[Part]) -> Iterable[str]:
    """Say which shards there are twice, scenarios or none."""
    seen: dict[Shard, str] = {}
    for name, result in parts:
        if result.shard:
            if result.shard in seen:
                yield f"{seen[result.shard]} and {name} are both shard {result.shard}"
            seen.setdefault(result.shard, name)


def _differences(parts: Iterable[Part], what: str, value: Callable[[RunResult], str | None]) -> Iterable[str]:
    """Say which parts differ in something that one run has once; parts that do not know it differ from none."""
    holders: dict[str, list[str]] = {}
    for name, result in parts:
        known = value(result)
        if known is not None:
            holders.setdefault(known, []).append(name)
    if len(holders) > 1:
        told = "; ".join(f"{known} in {', '.join(names)}" for known, names in holders.items())
        yield f"the parts differ in their {what}: {told}"


def _identity(cluster: ClusterFacts | None) -> str | None:
    if cluster is None:
        return None
    facts = (cluster.kind, cluster.cni, cluster.cni_version, cluster.kubernetes)
    return " ".join(fact for fact in facts if fact)


def _cluster(clusters: Iterable[ClusterFacts | None]) -> ClusterFacts | None:
    known = [cluster for cluster in clusters if cluster is not None]
    if not known:
        return None
    return replace(
        known[0],
        families=tuple(dict.fromkeys(family for cluster in known for family in cluster.families)),
        notes=tuple(dict.fromkeys(note for cluster in known for note in cluster.notes)),
    )


def _error(parts: Sequence[Part]) -> str | None:
    """Return what stopped parts, and which shards nobody brought; None where nothing is missing."""
    errors = [f"{name}: {result.error or 'the run was stopped'}" for name, result in parts if result.error is not None]
    shards = [result.shard for _, result in parts if result.shard]
    if shards:
        of = max(shard.of for shard in shards)
        missing = sorted(set(range(1, of + 1)) - {shard.number for shard in shards})
        if missing:
            names = f"{missing[0]} is" if len(missing) == 1 else f"{naming.ports(missing)} are"
            errors.append(f"of {of} shards, {names} missing: their scenarios were not judged")
    return "\n".join(errors) if errors else None


def _duration(results: Iterable[RunResult], started: str) -> float | None:
    """Return the seconds from the first start to the last end; None where no part knows."""
    first = _instant(started)
    ends = []
    for result in results:
        if result.duration_s is not None:
            at = _instant(result.started)
            offset = (at - first).total_seconds() if at and first else 0.0
            ends.append(offset + result.duration_s)
    return max(ends, default=None)


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
