"""Versions of a CNI, and the ranges of them that a deviation affects."""

from __future__ import annotations

import re
from dataclasses import dataclass

Version = tuple[int, ...]

_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)(?:$|[-+_.].*)", re.DOTALL)
_BOUND = re.compile(r"(>=|<)\s*v?(\d+(?:\.\d+)*)")


def parse_version(text: str | None) -> Version | None:
    """Return the numbers that a tag begins with (`v1.20.1-rc.2`, `v20260528-9350166c`), or None where none do."""
    found = _VERSION.fullmatch(text.strip()) if text else None
    return tuple(int(number) for number in found.group(1).split(".")) if found else None


@dataclass(frozen=True, slots=True)
class Versions:
    """From `since` on, and before `before`; None is no bound. Missing numbers count as 0, a pre-release as its release.

    `text` is what the profile's author wrote.
    """

    text: str
    since: Version | None = None
    before: Version | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether it takes a version to tell."""
        return self.since is not None or self.before is not None

    def affects(self, version: Version | None) -> bool:
        """Tell whether `version` is inside; an unknown one only where there are no bounds."""
        if version is None:
            return not self.is_bounded
        is_late_enough = self.since is None or _padded(version) >= _padded(self.since)
        return is_late_enough and (self.before is None or _padded(version) < _padded(self.before))

    def __str__(self) -> str:
        return self.text


def parse_versions(text: str) -> Versions | None:
    """Read `all`, `>=1.15`, `<1.16` or `>=1.15, <1.17`; None for anything else."""
    if text == "all":
        return Versions("all versions")
    bounds: dict[str, Version] = {}
    for part in text.split(","):
        found = _BOUND.fullmatch(part.strip())
        if found is None or found.group(1) in bounds:
            return None
        bounds[found.group(1)] = tuple(int(number) for number in found.group(2).split("."))
    since, before = bounds.get(">="), bounds.get("<")
    if since is not None and before is not None and _padded(since) >= _padded(before):
        return None
    return Versions(text, since, before)


def _padded(version: Version) -> Version:
    return version + (0,) * (4 - len(version))
