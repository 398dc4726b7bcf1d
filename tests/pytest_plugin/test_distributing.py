"""Who plays what under pytest-xdist: nothing lost, nothing twice, groups together, some alone on the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.pytest_plugin.distributing import Distribution, units
from harness.pytest_plugin.rendezvous import Rendezvous


@dataclass
class Node:
    """A worker: begins a test only when it knows the next one, or that there is none."""

    name: str
    queue: list[int] = field(default_factory=list)
    shutting_down: bool = False
    running: int | None = None

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def gateway(self) -> Any:
        return SimpleNamespace(id=self.name)

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        assert not self.shutting_down
        self.queue += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    def can_begin(self) -> bool:
        return self.running is None and (len(self.queue) > 1 or (bool(self.queue) and self.shutting_down))


class Usual:
    """As much of xdist's own scheduler as is asked before the other takes over."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.scheduled = 0
        self.collection_is_completed = True

    def add_node(self, node: Node) -> None:
        self.nodes.append(node)

    def add_node_collection(self, node: Node, ids: Sequence[str]) -> None: ...

    def schedule(self) -> None:
        self.scheduled += 1


class Meeting(Rendezvous):
    """A rendezvous that is never written to disk."""

    def __init__(self, plan: dict[str, Any] | None, *, private: bool = False) -> None:
        super().__init__(Path(), "t1")
        self._plan = plan
        self._private = private

    def plan(self) -> dict[str, Any] | None:
        return self._plan

    def invitation(self) -> dict[str, Any]:
        return {"private": True} if self._private else {}


@dataclass
class Session:
    """Workers and the scheduler; `step` lets a worker begin or finish a test, or die."""

    ids: list[str]
    scheduler: Distribution
    nodes: list[Node] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    together: list[set[str]] = field(default_factory=list)
    by: dict[str, str] = field(default_factory=dict)

    def join(self, name: str) -> None:
        node = Node(name)
        self.nodes.append(node)
        self.scheduler.add_node(node)
        self.scheduler.add_node_collection(node, self.ids)

    def step(self, choice: int, *, dies: bool = False) -> bool:
        able = [node for node in self.nodes if node.running is not None or node.can_begin()]
        if not able:
            return False
        node = able[choice % len(able)]
        if node.running is None:
            node.running = node.queue.pop(0)
            self.together.append({self.ids[other.running] for other in self.nodes if other.running is not None})
            self.by[self.ids[node.running]] = node.name
        elif dies:
            self.nodes.remove(node)
            crashed = self.scheduler.remove_node(node)
            assert crashed == self.ids[node.running]
            self.done.append(crashed)
            self.join(f"{node.name}'")
            self.scheduler.schedule()
        else:
            index, node.running = node.running, None
            self.done.append(self.ids[index])
            self.scheduler.mark_test_complete(node, index)
        return True


def session(ids: list[str], plan: dict[str, Any], workers: int, *, private: bool = False) -> Session:
    """Return a session whose workers have collected and been given work."""
    config: Any = SimpleNamespace(getoption=lambda _: "load")
    made = Session(ids, Distribution(config, Usual(), Meeting(plan, private=private)))
    for number in range(workers):
        made.join(f"gw{number}")
    made.scheduler.schedule()
    return made


def scenario(number: int, group: int, *, alone: bool = False, steps: int = 2) -> tuple[str, dict[str, Any]]:
    """Return a file's node id and what the plan says of it."""
    name = f"s{number}.scenario.yaml"
    return name, {"group": group, "alone": alone, "path": name, "steps": steps}


FILES = st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(1, 3)), max_size=7)


@given(
    files=FILES,
    ordinary=st.integers(0, 6),
    workers=st.integers(1, 4),
    choices=st.lists(st.integers(0, 3), max_size=80),
    deaths=st.sets(st.integers(0, 40), max_size=2),
)
def test_every_test_runs_once_and_what_is_alone_is_alone(
    files: list[tuple[int, bool, int]], ordinary: int, workers: int, choices: list[int], deaths: set[int]
) -> None:
    """Whatever the order in which workers get on, and whichever of them die."""
    described = [
        scenario(number, group, alone=alone, steps=steps) for number, (group, alone, steps) in enumerate(files)
    ]
    ids = [f"{name}::step {step}" for name, file in described for step in range(file["steps"])]
    ids += [f"test_a.py::test_{number}" for number in range(ordinary)]
    if not described:
        return
    played = session(ids, {"files": dict(described)}, workers)
    for number, choice in enumerate(choices + [0] * 500):
        if not played.step(choice, dies=number in deaths):
            break

    assert sorted(played.done) == sorted(ids)
    assert not played.scheduler.has_pending
    lonely = {name for name, file in described if file["alone"]}
    for running in played.together:
        scenarios = [name for name in running if ".scenario.yaml" in name]
        assert len(scenarios) == 1 or not any(name.partition("::")[0] in lonely for name in scenarios)


def test_scenarios_that_share_pods_stay_on_one_worker() -> None:
    """As long as they are no more than a worker's fair share."""
    described = dict(scenario(number, group=number % 4) for number in range(16))
    ids = [f"{name}::step {step}" for name in described for step in range(2)]
    played = session(ids, {"files": described}, 4)
    turn = 0
    while played.step(turn):
        turn += 1
    workers = [
        {played.by[f"s{number}.scenario.yaml::step 0"] for number in range(16) if number % 4 == group}
        for group in range(4)
    ]

    assert [len(group) for group in workers] == [1, 1, 1, 1]


def test_a_group_beyond_a_fair_share_is_split_between_scenarios_and_never_inside_one() -> None:
    """Sharing pods must not cost the gain of several workers."""
    described = dict(scenario(number, group=0) for number in range(8))
    ids = [f"{name}::step {step}" for name in described for step in range(2)]
    found = units(ids, {"files": described}, 4, "load", is_private=False)

    assert [unit.tests for unit in found] == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11), (12, 13, 14, 15)]


def test_nobody_is_alone_where_each_worker_has_a_cluster_of_its_own() -> None:
    """Effects on a private cluster disturb nobody."""
    described = dict([scenario(0, 0, alone=True), scenario(1, 1, alone=True)])
    ids = [f"{name}::step 0" for name in described]
    found = units(ids, {"files": described}, 2, "load", is_private=True)

    assert [unit.alone for unit in found] == [False, False]


@pytest.mark.parametrize(
    ("dist", "expected"),
    [
        ("load", [(0,), (1,), (2,), (3,)]),
        ("worksteal", [(0,), (1,), (2,), (3,)]),
        ("loadfile", [(0, 1, 2), (3,)]),
        ("loadscope", [(0,), (1, 2), (3,)]),
    ],
)
def test_ordinary_tests_are_divided_as_dist_says(dist: str, expected: list[tuple[int, ...]]) -> None:
    """Scenarios beside them change nothing for them."""
    ids = ["test_a.py::test_1", "test_a.py::TestB::test_2", "test_a.py::TestB::test_3", "test_c.py::test_4"]

    assert [unit.tests for unit in units(ids, {"files": {}}, 2, dist, is_private=False)] == expected


def test_without_scenarios_the_usual_scheduler_does_everything() -> None:
    """The plugin is no reason for a suite without scenarios to run otherwise."""
    usual, config = Usual(), SimpleNamespace(getoption=lambda _: "load")
    scheduler = Distribution(config, usual, Meeting(None))  # type: ignore[arg-type]
    scheduler.schedule()

    assert usual.scheduled == 1


def test_workers_that_collected_different_tests_are_told_of_and_nothing_runs() -> None:
    """Indexes into different lists would run the wrong tests."""
    reports: list[Any] = []
    hook = SimpleNamespace(pytest_collectreport=lambda **told: reports.append(told["report"]))
    config: Any = SimpleNamespace(getoption=lambda _: "load", hook=hook)
    scheduler = Distribution(config, Usual(), Meeting({"files": dict([scenario(0, 0)])}))
    for name, ids in (("gw0", ["s0.scenario.yaml::a"]), ("gw1", ["s0.scenario.yaml::b"])):
        node = Node(name)
        scheduler.add_node(node)
        scheduler.add_node_collection(node, ids)
    scheduler.schedule()

    assert (scheduler.tests_finished, scheduler.has_pending) == (True, False)
    assert "gw1 collected other tests than the first one" in reports[0].longrepr
