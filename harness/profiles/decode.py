"""A profile's YAML document to records, with every problem at its place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from harness.profiles.profile import Deviation, Profile
from harness.profiles.readings import PLAIN, WITH_LABELS
from harness.profiles.versions import Versions, parse_versions
from harness.profiles.world import Reading
from harness.scenario.document import Document, Path
from harness.scenario.findings import Findings, closest

_TOP = ("profile", "deviations")
_TEXTS = ("name", "about", "reason")
_KEYS = (*_TEXTS, "links", "versions", "occurs", "reading", "labels")
_OCCURS = ("always", "sometimes")
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LINK = re.compile(r"https://\S+")


def decode(document: Document, findings: Findings) -> Profile | None:
    """Return the profile in `document`, or None where `findings` tell why there is none."""
    before = len(findings)
    decoder = _Decoder(document, findings)
    profile = decoder.profile()
    return profile if len(findings) == before else None


class _Decoder:
    def __init__(self, document: Document, findings: Findings) -> None:
        self._document = document
        self._findings = findings

    def profile(self) -> Profile:
        data = self._mapping((), self._document.data, _TOP, required=_TOP)
        cni = self._text(("profile",), data.get("profile", "?"))
        if not _NAME.fullmatch(cni):
            self._problem(("profile",), "a CNI is named in small letters, such as cilium")
        listed = data.get("deviations", [])
        if not isinstance(listed, list):
            self._problem(("deviations",), "a list of deviations was expected")
            listed = []
        deviations = tuple(self._deviation(("deviations", place), item) for place, item in enumerate(listed))
        first: dict[str, int] = {}
        for place, each in enumerate(deviations):
            if first.setdefault(each.name, place) != place:
                self._problem(("deviations", place, "name"), f"'{each.name}' is listed twice")
        return Profile(cni, deviations)

    def _deviation(self, path: Path, item: Any) -> Deviation:
        data = self._mapping(path, item, _KEYS, required=[key for key in _KEYS if key not in ("occurs", "labels")])
        name, about, reason = (self._text((*path, key), data.get(key, "?")) for key in _TEXTS)
        occurs = data.get("occurs", "always")
        if occurs not in _OCCURS:
            self._problem((*path, "occurs"), f"one of {', '.join(_OCCURS)} was expected")
        return Deviation(
            name,
            about,
            reason,
            self._links((*path, "links"), data.get("links", ["https://"])),
            self._versions((*path, "versions"), data.get("versions", "all")),
            occurs == "always",
            self._reading(path, data),
        )

    def _reading(self, path: Path, data: dict[str, Any]) -> Reading:
        nothing = Reading(lambda _: False, lambda _world, _flow: False, lambda world: world)
        name, known = data.get("reading"), (*PLAIN, *WITH_LABELS)
        if name is None:
            return nothing
        if name not in known:
            remedy = closest(str(name), known) or f"known: {', '.join(known)}"
            self._problem((*path, "reading"), f"no reading is called '{name}'", remedy)
            return nothing
        if name in PLAIN:
            if "labels" in data:
                self._problem((*path, "labels"), f"the reading {name} is about no labels")
            return PLAIN[name]()
        labels = data.get("labels")
        if not isinstance(labels, list) or not labels or not all(isinstance(each, str) and each for each in labels):
            self._problem((*path, "labels"), f"the reading {name} needs a list of label keys")
            return nothing
        try:
            return WITH_LABELS[name](labels)
        except re.error as error:
            self._problem((*path, "labels"), f"not a regular expression: {error}")
            return nothing

    def _versions(self, path: Path, given: Any) -> Versions:
        versions = parse_versions(given) if isinstance(given, str) else None
        if versions is None:
            self._problem(path, f"'{given}' is no range of versions", 'write all, ">=1.15", "<1.16" or ">=1.15, <1.17"')
        return versions or Versions("?")

    def _links(self, path: Path, given: Any) -> tuple[str, ...]:
        if not isinstance(given, list) or not given or not all(isinstance(link, str) for link in given):
            self._problem(
                path, "at least one link was expected, in a list: a deviation that nobody can look up is a rumour"
            )
            return ()
        for place, link in enumerate(given):
            if not _LINK.match(link):
                self._problem((*path, place), f"'{link}' is no https:// link")
        return tuple(given)

    def _mapping(self, path: Path, given: Any, known: Iterable[str], required: Iterable[str]) -> dict[str, Any]:
        if not isinstance(given, dict):
            self._problem(path, f"a mapping was expected, with {', '.join(known)}")
            return {}
        for key in given:
            if key not in known:
                self._problem((*path, key), f"unknown key '{key}'", closest(key, known), key=True)
        missing = [key for key in required if key not in given]
        if missing:
            self._problem(path, f"missing: {', '.join(missing)}")
        return given

    def _text(self, path: Path, given: Any) -> str:
        if not isinstance(given, str) or not given.strip():
            self._problem(path, "a text was expected")
        return str(given).strip()

    def _problem(self, path: Path, fault: str, remedy: str | None = None, *, key: bool = False) -> None:
        self._findings.add(self._document.problem(path, fault, remedy, key=key))
