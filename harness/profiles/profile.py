"""Profiles and what they say of the flows of a step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.model.flow import Flow
from harness.model.foretold import Foretold
from harness.model.policy import NetworkPolicy
from harness.model.result import Decision, Prediction
from harness.model.topology import Topology
from harness.profiles.versions import Versions, parse_version
from harness.profiles.world import Reading, World
from harness.semantics.evaluate import Predictor


@dataclass(frozen=True, slots=True)
class Deviation:
    """One way in which a CNI differs, and what is published about it.

    `always` False: only under some setting, or at some times; or it was never seen, only read about.
    """

    name: str
    about: str
    reason: str
    links: tuple[str, ...]
    versions: Versions
    always: bool
    reading: Reading

    def __str__(self) -> str:
        return f"{self.name}: {self.about}, since {self.reason} ({', '.join(self.links)}; {self.versions})"


@dataclass(frozen=True, slots=True)
class Profile:
    """All known deviations of one CNI, in the order in which their readings apply."""

    cni: str
    deviations: tuple[Deviation, ...] = ()

    def at(self, version: str | None) -> ActiveProfile:
        """Return what of this profile holds for a version of the CNI, None where it is not known."""
        number = parse_version(version)
        affecting = tuple(each for each in self.deviations if each.versions.affects(number))
        skipped = 0 if number else len(self.deviations) - len(affecting)
        return ActiveProfile(self.cni, version if number else None, affecting, skipped)


@dataclass(frozen=True, slots=True)
class ActiveProfile:
    """The deviations that a run reckons with. `skipped` counts those that a known version might add."""

    cni: str
    version: str | None
    deviations: tuple[Deviation, ...] = ()
    skipped: int = 0

    @property
    def title(self) -> str:
        """Which CNI this is about: `cilium 1.20.1`."""
        return f"{self.cni} {self.version.removeprefix('v')}" if self.version else self.cni

    @property
    def notes(self) -> tuple[str, ...]:
        """What a report of the run must say of it: nothing where nothing was reckoned with."""
        if not self.deviations and not self.skipped:
            return ()
        number = len(self.deviations)
        text = f"the profile of {self.title} lists {number} known deviation{'' if number == 1 else 's'}"
        if self.skipped:
            text += f"; {self.skipped} more depend on the version, which is not known (--profile {self.cni}@VERSION)"
        return (text,)

    def foretell(
        self, topology: Topology, policies: Sequence[NetworkPolicy], flows: Iterable[Flow]
    ) -> Mapping[Flow, Foretold]:
        """Return what this CNI is known to make of those flows where that is not what the semantics say.

        A flow that stays open under the readings, or comes out as published, is not in it, unless it comes out
        closed with no policy at all: then nothing else can prove what closes it.
        """
        if not self.deviations:
            return {}
        wanted = [flow for flow in flows if not flow.is_to_itself]
        bare, worlds = (_Worlds(World(topology, items), self.deviations) for items in ((), tuple(policies)))
        everywhere = tuple(range(len(self.deviations)))
        found: dict[Flow, Foretold] = {}
        for flow in wanted:
            cut = self._foretell(bare, flow)
            if cut is not None and worlds.decide(flow, everywhere).decision is Decision.DENY:
                found[flow] = replace(cut, without_policies=True)
            elif policies and (foretold := self._foretell(worlds, flow)) is not None:
                found[flow] = foretold
        return found

    def _foretell(self, worlds: _Worlds, flow: Flow) -> Foretold | None:
        everything = tuple(range(len(self.deviations)))
        if not worlds.concerned(flow, everything):
            return None
        surely = tuple(place for place in everything if self.deviations[place].always)
        published = worlds.decide(flow, ())
        perhaps, certain = worlds.decide(flow, everything), worlds.decide(flow, surely)
        taken, said = (surely, certain) if _is_news(certain, published) else (everything, perhaps)
        if not _is_news(said, published):
            return None
        taken = worlds.concerned(flow, taken)
        decisive = [place for place in taken if worlds.decide(flow, [each for each in taken if each != place]) != said]
        # Two that come to the same do not need each other: then each that would do alone is named.
        named = decisive or [place for place in taken if _is_news(worlds.decide(flow, [place]), published)]
        return Foretold(
            said.decision,
            certain=said == certain == perhaps,
            profile=self.title,
            listed="; ".join(str(self.deviations[place]) for place in named),
        )


def _is_news(said: Prediction, published: Prediction) -> bool:
    return said != published and said.decision is not Decision.UNSPECIFIED


class _Worlds:
    """One step's world under any choice of readings; each is worked out once."""

    def __init__(self, world: World, deviations: Sequence[Deviation]) -> None:
        self._readings = tuple(each.reading for each in deviations)
        self._worlds: dict[tuple[int, ...], World] = {(): world}
        self._matters: dict[tuple[tuple[int, ...], int], bool] = {}
        self._predictors: dict[tuple[int, ...], Predictor] = {}

    def concerned(self, flow: Flow, places: Iterable[int]) -> tuple[int, ...]:
        """Return those of the readings at `places` that concern `flow`, each in the world that those before it make."""
        taken: tuple[int, ...] = ()
        for place in places:
            if self._does_matter(taken, place) and self._readings[place].concerns(self._worlds[taken], flow):
                before, taken = taken, (*taken, place)
                if taken not in self._worlds:
                    self._worlds[taken] = self._readings[place].reread(self._worlds[before])
        return taken

    def decide(self, flow: Flow, places: Iterable[int]) -> Prediction:
        """Predict `flow` in the world that the readings at `places` make, those that concern it, one upon the other."""
        taken = self.concerned(flow, places)
        if taken not in self._predictors:
            self._predictors[taken] = Predictor(*self._worlds[taken])
        return self._predictors[taken].decide(flow)

    def _does_matter(self, taken: tuple[int, ...], place: int) -> bool:
        found = self._matters.get((taken, place))
        if found is None:
            found = self._matters[taken, place] = self._readings[place].matters(self._worlds[taken])
        return found


NO_PROFILE = ActiveProfile("no CNI", None)
