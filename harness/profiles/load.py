"""Profiles from files, and the choice of the one that a run reckons with: the only reader of files here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from harness.errors import Problem, ScenarioError, SourceLocation, UsageError
from harness.profiles.decode import decode
from harness.profiles.profile import NO_PROFILE, ActiveProfile, Profile
from harness.scenario.document import Dialect, parse
from harness.scenario.encoding import MAX_BYTES, text_of
from harness.scenario.findings import Findings, closest

_SUFFIX = ".yaml"


def known_profiles() -> tuple[str, ...]:
    """Return the names of the CNIs that have a profile here, sorted."""
    names = (item.name for item in files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def find(cni: str | None) -> Profile | None:
    """Return the profile that comes with the harness for `cni`, None where there is none."""
    if cni not in known_profiles():
        return None
    item = files(__package__) / f"{cni}{_SUFFIX}"
    return _parsed(item.read_bytes(), item.name)


def load(path: Path) -> Profile:
    """Return the profile in the file at `path`. Raises `ScenarioError` with every problem of it."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        fault = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise ScenarioError([Problem(SourceLocation(str(path), 1, 1), "", f"cannot be read: {fault}")]) from error
    return _parsed(raw, str(path))


def _parsed(raw: bytes, file: str) -> Profile:
    findings = Findings()
    (document,) = parse(text_of(raw, file), file, Dialect.SCENARIO, findings)
    profile = decode(document, findings)
    findings.fail()
    if profile is None:
        raise ScenarioError([document.problem((), "not a profile")])
    return profile


@dataclass(frozen=True, slots=True)
class ProfileChoice:
    """Which profile a run reckons with; `profile` and `version` None are those of the CNI that is detected."""

    profile: Profile | None = None
    version: str | None = None
    wanted: bool = True

    def active(self, cni: str | None, version: str | None) -> ActiveProfile:
        """Return what is known of the CNI that a cluster was seen to have, nothing where it has no profile."""
        profile = (self.profile or find(cni)) if self.wanted else None
        return profile.at(self.version or version) if profile else NO_PROFILE


def choose(text: str | None) -> ProfileChoice:
    """Read `--profile`: none, a CNI's name, NAME@VERSION, or a file. Raises `UsageError` and `ScenarioError`."""
    if text is None:
        return ProfileChoice()
    if text == "none":
        return ProfileChoice(wanted=False)
    name, _, version = text.partition("@")
    if name.endswith((_SUFFIX, ".yml")) or "/" in name:
        return ProfileChoice(load(Path(name)), version or None)
    profile = find(name)
    if profile is None:
        known = known_profiles()
        remedy = closest(name, known) or f"known: {', '.join(known)}; or name a file, or none"
        raise UsageError(f"--profile {text}: no profile is called {name!r}", remedy=remedy)
    return ProfileChoice(profile, version or None)
