"""A history as JSON, for scripts: everything that the text shows, and all of it.

Every key is always there, null where nothing is known; times are in seconds. A run is named by its `run` and `started`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from harness.model.flow import Flow
from harness.model.result import Verdict
from harness.reporting.history.changes import Change, Failing, Kind, Sighting
from harness.reporting.history.overview import Flake, Lane, Latency, Overview, RunLine
from harness.reporting.history.records import RunHeader, Seen, StepKey

SCHEMA = "netpol-harness/history/v1"


def render(overview: Overview) -> str:
    """Return the document as indented ASCII JSON."""
    return json.dumps(build(overview), indent=1, allow_nan=False) + "\n"


def build(overview: Overview) -> dict[str, Any]:
    """Return the document as plain data."""
    selection = overview.selection
    return {
        "schema": SCHEMA,
        "file": overview.name,
        "runs": len(overview.headers),
        "selection": {
            "last": selection.last,
            "scenario": selection.scenario,
            "cni": selection.cni,
            "across": str(selection.across),
        },
        "lanes": [_lane(lane, overview) for lane in overview.lanes],
    }


def of_header(header: RunHeader) -> dict[str, Any]:
    """Return a run's own facts."""
    facts = header.cluster
    return {
        "run": header.run,
        "started": header.started,
        "duration_s": header.duration_s,
        "commit": header.commit,
        "cluster": None if facts is None else {**asdict(facts), "families": [str(each) for each in facts.families]},
        "error": header.error,
        "interrupted": header.interrupted,
    }


def of_flow(key: StepKey, flow: Flow) -> dict[str, Any]:
    """Return where a flow stands, and its ends, by the keys of the result document."""
    return {
        "scenario": key.scenario,
        "step": key.step,
        "from": flow.source,
        "to": flow.destination,
        "port": flow.port,
        "protocol": str(flow.protocol),
        "via": str(flow.via),
        "family": str(flow.family),
    }


def of_seen(seen: Seen) -> dict[str, Any]:
    """Return one cell."""
    return {
        "verdict": str(seen.verdict),
        "observed": None if seen.observed is None else str(seen.observed),
        "declared": None if seen.declared is None else str(seen.declared),
        "predicted": None if seen.predicted is None else str(seen.predicted),
    }


def of_latency(latency: Latency | None) -> dict[str, Any] | None:
    """Return enforcement latency, to the millisecond."""
    return None if latency is None else {name: round(value, 3) for name, value in asdict(latency).items()}


def _lane(lane: Lane, overview: Overview) -> dict[str, Any]:
    return {
        "label": lane.label,
        "earlier_runs": lane.earlier,
        "runs": [_run(line) for line in lane.runs],
        "changes": [_change(change, overview) for change in lane.changes],
        "failing": [_failing(failing, overview) for failing in lane.failing],
        "flakes": [_flake(flake) for flake in lane.flakes],
    }


def _run(line: RunLine) -> dict[str, Any]:
    return {
        **of_header(line.header),
        "verdicts": {str(verdict): line.tally[verdict] for verdict in Verdict},
        "changes": {str(kind): line.changes[kind] for kind in Kind},
        "enforcement": of_latency(line.latency),
        "flaps": line.flaps,
    }


def _change(change: Change, overview: Overview) -> dict[str, Any]:
    return {
        "kind": str(change.kind),
        **of_flow(change.key, change.flow),
        "before": _sighting(change.before, overview),
        "after": _sighting(change.after, overview),
    }


def _sighting(sighting: Sighting | None, overview: Overview) -> dict[str, Any] | None:
    return None if sighting is None else {**_name(sighting.run, overview), **of_seen(sighting.seen)}


def _name(run: int, overview: Overview) -> dict[str, Any]:
    header = overview.headers[run]
    return {"run": header.run, "started": header.started}


def _failing(failing: Failing, overview: Overview) -> dict[str, Any]:
    return {
        **of_flow(failing.key, failing.flow),
        "since": _name(failing.since, overview),
        "last": _sighting(failing.last, overview),
    }


def _flake(flake: Flake) -> dict[str, Any]:
    return {
        **of_flow(flake.key, flake.flow),
        "commit": flake.commit,
        "runs": flake.runs,
        "flips": flake.flips,
        "verdicts": [str(verdict) for verdict in flake.verdicts],
    }
