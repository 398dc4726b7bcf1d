"""Who plays what under pytest-xdist: scenarios that share pods stay together, some have the cluster to themselves.

`--dist` decides for ordinary tests only: each of its modes would tear groups apart, or knows no "alone".
Until scenarios are known to be among the tests, and where there are none, xdist's own scheduler does everything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from harness.pytest_plugin.rendezvous import Rendezvous

# A worker begins a test when it knows the next one: with one left it stands still.
_ENOUGH = 2


class Unit(NamedTuple):
    """Tests that one worker runs one after the other, as indexes into the collection."""

    tests: tuple[int, ...]
    alone: bool = False
    is_scenario: bool = False


def units(ids: Sequence[str], plan: Mapping[str, Any], workers: int, dist: str, *, is_private: bool) -> list[Unit]:
    """Divide the tests called `ids` into units, in the order in which they should be begun.

    Scenarios that share pods are one unit; a group with more scenarios than a worker's fair share is split into
    such shares. On a cluster that is private to each worker nobody is in anybody's way.
    """
    files: Mapping[str, Mapping[str, Any]] = plan["files"]
    tests: dict[str, list[int]] = {}
    others: dict[str, list[int]] = {}
    for index, nodeid in enumerate(ids):
        file = nodeid.partition("::")[0]
        if file in files:
            tests.setdefault(file, []).append(index)
        else:
            others.setdefault(_scope(nodeid, dist), []).append(index)
    share = max(1, -(-len(tests) // workers))
    together: dict[tuple[int, bool], list[str]] = {}
    for file in tests:
        alone = bool(files[file]["alone"]) and not is_private
        together.setdefault((files[file]["group"], alone), []).append(file)
    found: list[tuple[float, Unit]] = []
    for (_, alone), group in together.items():
        for start in range(0, len(group), share):
            part = group[start : start + share]
            weight = sum(files[file]["steps"] for file in part)
            found.append((weight, Unit(tuple(index for file in part for index in tests[file]), alone, True)))
    # The longest first, so that no worker is left with one at the end; those that are alone before all others.
    found.sort(key=lambda item: (not item[1].alone, -item[0]))
    return [unit for _, unit in found] + [Unit(tuple(scope)) for scope in others.values()]


def _scope(nodeid: str, dist: str) -> str:
    """Return what ordinary tests go together by, as xdist's scheduler of that name would have it."""
    if dist == "loadfile":
        return nodeid.partition("::")[0]
    if dist == "loadscope":
        return nodeid.rpartition("::")[0]
    if dist == "loadgroup" and "@" in nodeid:
        return nodeid.rpartition("@")[2]
    return nodeid


class Distribution:
    """xdist's `Scheduling` protocol: stands in front of its own scheduler, and takes over where there are scenarios."""

    def __init__(self, config: pytest.Config, usual: Any, rendezvous: Rendezvous) -> None:
        self._config = config
        self._usual: Any = usual
        self._rendezvous = rendezvous
        self._collections: dict[Any, list[str]] = {}
        self._pending: dict[Any, list[int]] = {}
        self._alone: deque[Unit] = deque()
        self._scenarios: deque[Unit] = deque()
        self._others: deque[Unit] = deque()
        self._ids: list[str] | None = None
        self._units: dict[int, Unit] = {}
        self._holder: Any = None

    # -- what xdist asks -------------------------------------------------------------

    @property
    def nodes(self) -> list[Any]:
        """Every worker that takes part."""
        return list(self._pending) if self._usual is None else self._usual.nodes

    @property
    def collection_is_completed(self) -> bool:
        """Whether all workers that the run began with have collected."""
        return True if self._usual is None else bool(self._usual.collection_is_completed)

    @property
    def tests_finished(self) -> bool:
        """Whether nothing is left to give out and no worker has more than a last test."""
        if self._usual is not None:
            return bool(self._usual.tests_finished)
        return self._is_all_given_out() and all(len(tests) < _ENOUGH for tests in self._pending.values())

    @property
    def has_pending(self) -> bool:
        """Whether any test is not yet done."""
        if self._usual is not None:
            return bool(self._usual.has_pending)
        return not self._is_all_given_out() or any(self._pending.values())

    def add_node(self, node: Any) -> None:
        """Let a worker take part."""
        if self._usual is not None:
            self._usual.add_node(node)
        self._pending[node] = []

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Take in what a worker collected."""
        self._collections[node] = list(collection)
        if self._usual is not None:
            self._usual.add_node_collection(node, collection)

    def schedule(self) -> None:
        """Give out work, for the first time or to workers that came later."""
        plan = self._rendezvous.plan()
        if self._usual is not None and (plan is None or not plan["files"]):
            self._usual.schedule()
            return
        if self._ids is None and plan is not None and not self._take_over(plan):
            return
        self._feed_all()

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Take a test off a worker's list and see to it that it has enough to do."""
        if self._usual is not None:
            self._usual.mark_test_complete(node, item_index, duration)
            return
        self._pending[node].remove(item_index)
        if node is self._holder and not any(self._units[index].alone for index in self._pending[node]):
            self._holder = None
        self._feed_all()

    def mark_test_pending(self, item: str) -> None:
        """Run a test again."""
        if self._usual is not None:
            self._usual.mark_test_pending(item)
            return
        index = (self._ids or []).index(item)
        unit = self._units[index]._replace(tests=(index,))
        self._queue_of(unit).appendleft(unit)
        self._feed_all()

    def remove_pending_tests_from_node(self, node: Any, indices: Sequence[int]) -> None:
        """Take tests back; nothing here asks for that."""
        if self._usual is not None:
            self._usual.remove_pending_tests_from_node(node, indices)

    def remove_node(self, node: Any) -> str | None:
        """Forget a worker, and return the test that it died of; the rest of its work goes to others."""
        if self._usual is not None:
            self._pending.pop(node, None)
            crashed: str | None = self._usual.remove_node(node)
            return crashed
        left = self._pending.pop(node)
        if node is self._holder:
            self._holder = None
        if not left or self._ids is None:
            return None
        again: dict[Unit, list[int]] = {}
        for index in left[1:]:
            again.setdefault(self._units[index], []).append(index)
        for unit, tests in reversed(again.items()):
            self._queue_of(unit).appendleft(unit._replace(tests=tuple(tests)))
        self._feed_all()
        return self._ids[left[0]]

    # -- inside ------------------------------------------------------------------------

    def _take_over(self, plan: Mapping[str, Any]) -> bool:
        """Begin with scenarios among the tests; False where the workers do not have the same tests."""
        nodes = self._usual.nodes
        # What it still does now, such as counting the workers, has been done.
        self._usual = None
        self._pending = {node: [] for node in nodes}
        first, *others = (self._collections[node] for node in nodes)
        for node, other in zip(nodes[1:], others, strict=True):
            if other != first:
                self._report_difference(node, first, other)
                return False
        self._ids = first
        dist = str(self._config.getoption("dist"))
        is_private = bool((self._rendezvous.invitation() or {}).get("private"))
        found = units(first, plan, len(nodes), dist, is_private=is_private)
        self._units = {index: unit for unit in found for index in unit.tests}
        for unit in found:
            self._queue_of(unit).append(unit)
        return True

    def _report_difference(self, node: Any, first: Sequence[str], other: Sequence[str]) -> None:
        differing = sorted(set(first) ^ set(other))
        shown = ", ".join(differing[:3]) if differing else "their order"
        text = f"worker {node.gateway.id} collected other tests than the first one; they differ in: {shown}"
        report = pytest.CollectReport(nodeid=node.gateway.id, outcome="failed", longrepr=text, result=[])
        self._config.hook.pytest_collectreport(report=report)

    def _feed_all(self) -> None:
        for node in list(self._pending):
            self._feed(node)

    def _feed(self, node: Any) -> None:
        """Give a worker enough to go on, or let it end where nothing is left for it."""
        if node.shutting_down or node not in self._collections:
            return
        if self._collections[node] != self._ids:
            self._report_difference(node, self._ids or [], self._collections[node])
            node.shutdown()
            return
        while len(self._pending[node]) < _ENOUGH and (unit := self._next(node)) is not None:
            self._pending[node] += unit.tests
            node.send_runtest_some(list(unit.tests))
        if self._scenarios or self._others:
            return
        if not self._alone or (self._holder is None and self._others_than(node)):
            # Its last test runs once it knows that there is no other. Whoever stays gets the cluster to itself.
            node.shutdown()

    def _next(self, node: Any) -> Unit | None:
        """Take the unit that `node` should begin, None where all that is left has to wait."""
        if self._alone and self._holder is None and not self._is_busy_elsewhere(node):
            self._holder = node
        if self._alone and node is self._holder:
            return self._alone.popleft()
        if self._scenarios and self._holder in (None, node):
            return self._scenarios.popleft()
        return self._others.popleft() if self._others else None

    def _others_than(self, node: Any) -> bool:
        """Tell whether any worker but `node` can still be given work."""
        return any(other is not node and not other.shutting_down for other in self._pending)

    def _is_busy_elsewhere(self, node: Any) -> bool:
        """Tell whether another worker has a scenario under way."""
        return any(
            self._units[index].is_scenario
            for other, tests in self._pending.items()
            if other is not node
            for index in tests
        )

    def _queue_of(self, unit: Unit) -> deque[Unit]:
        if unit.alone:
            return self._alone
        return self._scenarios if unit.is_scenario else self._others

    def _is_all_given_out(self) -> bool:
        return not (self._alone or self._scenarios or self._others)
