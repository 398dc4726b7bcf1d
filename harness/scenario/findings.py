"""The problems of one file, collected until there are too many to be worth more work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from harness.errors import Problem, ScenarioError
from harness.scenario.names import shown

# Nobody reads more, and each may cost a search for a similar name.
MOST_PROBLEMS = 100
_LONGEST_WORD = 80
_MOST_CHOICES = 500


class Findings:
    """Collects problems; duplicates (the same place and fault) count once."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}

    def __iter__(self) -> Iterator[Problem]:
        return iter(tuple(self._problems))

    def __len__(self) -> int:
        return len(self._problems)

    def add(self, problem: Problem) -> None:
        """Keep `problem`. Raises `ScenarioError` with all so far once there are `MOST_PROBLEMS`."""
        self._problems[problem] = None
        if len(self._problems) == MOST_PROBLEMS:
            last = max(self._problems, key=lambda each: each.location)
            fault = f"reading stopped after {MOST_PROBLEMS} problems"
            raise ScenarioError([*self._problems, Problem(last.location, "", fault)])

    def fail(self, cause: BaseException | None = None) -> None:
        """Raise `ScenarioError` with everything found; do nothing where nothing was."""
        if self._problems:
            raise ScenarioError(tuple(self._problems)) from cause


def closest(word: str, choices: Iterable[str]) -> str | None:
    """Suggest the choice that `word` was probably meant to be: `did you mean 'x'?`, or None."""
    if len(word) > _LONGEST_WORD:
        return None
    known = [str(choice) for choice, _ in zip(choices, range(_MOST_CHOICES), strict=False)]
    folded = {choice.lower(): choice for choice in reversed(known)}
    if word.lower() in folded:
        return f"did you mean {shown(folded[word.lower()])}?"
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {shown(near[0])}?" if near else None


def listed(choices: Iterable[str], limit: int = 8) -> str:
    """Write `choices` for a message, cut after `limit`: `a, b, c and 4 more`; 'none' if there are none."""
    known = list(choices)
    if not known:
        return "none"
    shown = ", ".join(known[:limit])
    return shown if len(known) <= limit else f"{shown} and {len(known) - limit} more"
