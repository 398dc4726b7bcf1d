"""Whose turn it is: lanes wait for a worker, and those in each other's way are kept from running at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from harness.plan import Lane, are_in_each_others_way


class Turns:
    """Lanes that wait, and those under way; may be used by many threads at once."""

    def __init__(self, lanes: Iterable[Lane], *, share_addresses: bool) -> None:
        """Take lanes in the order that they should start in.

        `share_addresses`: all play in one network, where an external's address is there once.
        """
        self._waiting = list(lanes)
        self._under_way: list[Lane] = []
        self._share_addresses = share_addresses
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self) -> Lane | None:
        """Return the next lane, None where none is waiting.

        A lane in nobody's way goes first, before all one with externals: these make the longest queue. Where every
        lane is in somebody's way, the first has to wait for its addresses.
        """
        with self._lock:
            if not self._waiting:
                return None
            lane = min(self._waiting, key=self._rank) if self._share_addresses else self._waiting[0]
            self._waiting.remove(lane)
            self._under_way.append(lane)
            return lane

    def give_back(self, lane: Lane) -> None:
        """Say that what a lane brought up is gone."""
        with self._lock:
            self._under_way.remove(lane)

    def _rank(self, lane: Lane) -> int:
        if not lane.externals:
            return 1
        return 2 if any(are_in_each_others_way(lane, other) for other in self._under_way) else 0
