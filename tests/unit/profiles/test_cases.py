"""Every case under tests/cases/profiles: a small world in, what a CNI's profile foretells of its flows out.

In a matrix `.` and `X` are foretold as open and closed, in brackets where the deviation only sometimes
happens, and `-` is left to the published semantics.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from harness.model.flow import Flow
from harness.model.foretold import Foretold
from harness.model.result import Decision
from harness.profiles.load import choose, find, known_profiles
from harness.profiles.profile import ActiveProfile
from tests.unit.predicting.cases import Case, load

FOLDER = Path(__file__).resolve().parents[2] / "cases" / "profiles"
CASES = sorted(FOLDER.glob("*.yaml"))
MARKS = {
    (Decision.ALLOW, True): "allow",
    (Decision.DENY, True): "deny",
    (Decision.ALLOW, False): "(.)",
    (Decision.DENY, False): "(X)",
}


def active(path: Path) -> ActiveProfile:
    """Return the profile of a case, at the version that it names."""
    return choose(yaml.safe_load(path.read_text(encoding="utf-8"))["profile"]).active(None, None)


def foretold(path: Path) -> tuple[Case, Mapping[Flow, Foretold]]:
    """Return a case, and what is foretold of its flows."""
    case = load(path)
    return case, active(path).foretell(case.topology, case.policies, case.expected)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_profile_foretells_exactly_the_flows_of_the_case(path: Path) -> None:
    """Covered flows come out as drawn, and no other flow is covered."""
    case, found = foretold(path)

    shown = {flow: MARKS[found[flow].decision, found[flow].certain] if flow in found else "-" for flow in case.expected}
    assert shown == case.expected


def test_every_deviation_has_a_case() -> None:
    """An entry of a profile without a case that it decides is a claim that nobody checks."""
    listed = {(item.profile.partition(" ")[0], item.listed) for path in CASES for item in foretold(path)[1].values()}
    entries = {(cni, each.name) for cni in known_profiles() for each in (find(cni) or pytest.fail(cni)).deviations}

    assert {
        (cni, name) for cni, name in entries if not any(cni == of and f"{name}: " in text for of, text in listed)
    } == set()
