"""Records to the columns of a history file, and back. Pure; what cannot be decoded raises `ValueError`."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.result import ClusterFacts
from harness.reporting.history.records import DECISIONS, EXPECTED, OUTCOMES, VERDICTS, Cells

# The letters that each plane may hold, in the order of the planes.
_PLANES = tuple(bytes(alphabet.bytes) for alphabet in (VERDICTS, OUTCOMES, EXPECTED, DECISIONS))


def pack_flows(flows: tuple[Flow, ...]) -> bytes:
    """Return an ordered list of flows as ASCII JSON, equal for equal lists only."""
    return json.dumps(flows, separators=(",", ":")).encode()


def unpack_flows(content: bytes) -> tuple[Flow, ...]:
    """Read a packed list of flows."""
    try:
        return tuple(
            Flow(Endpoint(source), Endpoint(destination), port, L4Protocol(protocol), Via(via), Family(family))
            for source, destination, port, protocol, via, family in json.loads(content)
        )
    except TypeError as error:
        raise ValueError(f"no list of flows: {error}") from error


def pack_planes(cells: Cells) -> bytes:
    """Return the planes of a matrix, one after the other."""
    return cells.verdicts + cells.observed + cells.declared + cells.predicted


def unpack_planes(content: bytes, flows: tuple[Flow, ...]) -> Cells:
    """Read the planes of a matrix over `flows`; every letter must be a known one."""
    size = len(flows)
    planes = [content[start : start + size] for start in range(0, len(_PLANES) * size, size)] if size else [b""] * 4
    strange = any(plane.translate(None, letters) for letters, plane in zip(_PLANES, planes, strict=True))
    if len(content) != len(_PLANES) * size or strange:
        raise ValueError(f"no matrix of {size} flows")
    return Cells(flows, *planes)


def digest(content: bytes) -> bytes:
    """Return what content is found again by."""
    return sha256(content).digest()


def press(content: bytes) -> bytes:
    """Compress; `expand` notices if it was damaged."""
    return zlib.compress(content)


def expand(content: bytes) -> bytes:
    """Undo `press`."""
    try:
        return zlib.decompress(content)
    except zlib.error as error:
        raise ValueError(str(error)) from error


def press_latencies(codes: bytes) -> bytes:
    """Compress codes where that saves something; their number tells the two apart."""
    pressed = zlib.compress(codes)
    return pressed if len(pressed) < len(codes) else codes


def expand_latencies(content: bytes | None, size: int) -> bytes:
    """Undo `press_latencies`; a file of an older version has none, which reads as unknown."""
    if content is None:
        return bytes(size)
    codes = content if len(content) == size else expand(content)
    if len(codes) != size:
        raise ValueError(f"{len(codes)} latencies of {size} flows")
    return codes


def press_reasons(reasons: Mapping[int, str]) -> bytes | None:
    """Pack sentences by the index of their flow; none at all take no room."""
    return press(json.dumps(reasons).encode()) if reasons else None


def expand_reasons(content: bytes | None) -> dict[int, str]:
    """Undo `press_reasons`."""
    return {} if content is None else {int(index): text for index, text in json.loads(expand(content)).items()}


def pack_cluster(facts: ClusterFacts | None) -> str | None:
    """Return a cluster's facts as a JSON object."""
    return None if facts is None else json.dumps(asdict(facts))


def unpack_cluster(content: str | None) -> ClusterFacts | None:
    """Undo `pack_cluster`; facts that a later version has more are left out."""
    if content is None:
        return None
    facts = json.loads(content)
    try:
        return ClusterFacts(
            facts["kind"],
            facts["emulated"],
            facts["cni"],
            facts["cni_version"],
            facts["kubernetes"],
            tuple(Family(family) for family in facts["families"]),
            tuple(facts["notes"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no facts of a cluster: {error!r}") from error


def milliseconds(seconds: float | None) -> int | None:
    """Return a duration as it is stored."""
    return None if seconds is None else round(seconds * 1000)


def seconds(milliseconds: int | None) -> float | None:
    """Undo `milliseconds`."""
    return None if milliseconds is None else milliseconds / 1000
