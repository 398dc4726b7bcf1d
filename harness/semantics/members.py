"""Sets of a topology's endpoints, found by label instead of by asking each.

A set is an integer with one byte an endpoint: joining two sets, or the facts of two
peers, is one operation whatever the number of endpoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.model.labels import LabelSelector, Operator, Requirement


class LabelSets:
    """Who bears which label, among the members at positions 0 to `size` - 1.

    `labels` may be shorter than `size`: members beyond it have no labels and
    are in no set, not even in that of the empty selector.
    """

    def __init__(self, labels: Sequence[Mapping[str, str]], size: int) -> None:
        self._size = size
        self.everyone = self.of(range(len(labels)))
        self._bearers: dict[str, dict[str, list[int]]] = {}
        for position, own in enumerate(labels):
            for key, value in own.items():
                self._bearers.setdefault(key, {}).setdefault(value, []).append(position)
        self._found: dict[LabelSelector | Requirement, int] = {}

    def of(self, positions: Iterable[int]) -> int:
        """Build the set of the members at `positions`."""
        members = bytearray(self._size)
        for position in positions:
            members[position] = 1
        return int.from_bytes(members, "little")

    def select(self, selector: LabelSelector) -> int:
        """Return the set of members that `selector` selects."""
        found = self._found.get(selector)
        if found is None:
            found = self.everyone
            for requirement in selector.requirements:
                found &= self._meeting(requirement)
            self._found[selector] = found
        return found

    def _meeting(self, requirement: Requirement) -> int:
        found = self._found.get(requirement)
        if found is None:
            bearers = self._bearers.get(requirement.key, {})
            values: Iterable[str] = bearers
            if requirement.operator in (Operator.IN, Operator.NOT_IN):
                values = set(requirement.values) & bearers.keys()
            found = self.of(position for value in values for position in bearers[value])
            if requirement.operator in (Operator.NOT_IN, Operator.DOES_NOT_EXIST):
                found ^= self.everyone
            self._found[requirement] = found
        return found


def positions(members: int, size: int) -> Iterator[int]:
    """Yield the positions in a set of 0/1 bytes, in order."""
    row = members.to_bytes(size, "little")
    position = row.find(1)
    while position >= 0:
        yield position
        position = row.find(1, position + 1)
