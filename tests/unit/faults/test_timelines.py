"""Faults of time and memory: what is in force at each moment of a change."""

from __future__ import annotations

from dataclasses import replace

from harness.cluster.local import timelines
from harness.cluster.local.state import PodState, State
from harness.cluster.local.timelines import Change, Plan, Timeline
from tests.unit.faults.broken import APP, DB, change, into, world

ONE, TWO = into(name="one"), into(name="two", namespace="y")
NEWCOMER = replace(DB, interface="p9", addresses={})


def _names(timeline: Timeline, change: Change) -> list[tuple[float, list[str]]]:
    """Return when which policies are in force."""
    return [
        (delay_s, [policy["metadata"]["name"] for policy in rewrite(change.desired, change).policies])
        for delay_s, rewrite in timeline
    ]


def _played(plan: Plan, change: Change) -> list[tuple[float, list[str]]]:
    return _names(plan(change), change)


def test_late_policies_come_late_and_in_order() -> None:
    """At first everything stays as it was; the new policies come after the delay."""
    step = change(world(ONE, TWO), before=world(ONE))

    assert _played(timelines.late, step) == [(0.0, ["one"]), (timelines.LATE_S, ["one", "two"])]


def test_late_policies_meet_the_pods_of_the_moment() -> None:
    """What is late is the knowledge of policies: a pod that came meanwhile is not forgotten."""
    step = change(world(ONE), before=world())
    meanwhile = replace(step.desired, pods=(*step.desired.pods, NEWCOMER))
    states = [rewrite(meanwhile, step) for _, rewrite in timelines.late(step)]

    assert [state.pods for state in states] == [meanwhile.pods, meanwhile.pods]


def test_the_first_change_out_of_order_waits() -> None:
    """A change with nothing before it in the queue takes the whole delay."""
    step = change(world(ONE), before=world())

    assert _played(timelines.late_out_of_order, step) == [(0.0, []), (timelines.LATE_S, ["one"])]


def test_a_later_change_overtakes_a_waiting_one() -> None:
    """A sentinel applied after a policy is in force before it: the barrier proves nothing then."""
    step = change(world(ONE, TWO), before=world(ONE), programmed=world(), pending=True)

    assert _played(timelines.late_out_of_order, step) == [(0.0, ["two"])]


def test_a_change_of_pods_alone_does_not_start_the_delay() -> None:
    """New pods hold up no policy, and bring none into force early."""
    step = change(world(ONE), before=world(ONE, pods=(APP,)), programmed=world())

    assert _played(timelines.late_out_of_order, step) == [(0.0, [])]


def test_a_new_pod_leaks_for_a_while() -> None:
    """Only the newcomer is exempt, and only at first."""
    step = change(world(ONE, pods=(APP, NEWCOMER)), before=world(ONE, pods=(APP,)))
    states = [(delay_s, rewrite(step.desired, step).exempt) for delay_s, rewrite in timelines.pod_start_leak(step)]

    assert states == [(0.0, frozenset({"p9"})), (timelines.LEAK_S, frozenset())]


def test_a_leak_outlasts_a_change_of_policies() -> None:
    """A policy that is applied while a pod leaks does not close the leak."""
    leaking = replace(world(), exempt=frozenset({"p2"}))
    step = change(world(ONE), before=world(), programmed=leaking)
    states = [rewrite(step.desired, step).exempt for _, rewrite in timelines.pod_start_leak(step)]

    assert states == [frozenset({"p2"})]


def test_an_update_leaves_a_gap() -> None:
    """The changed policy is gone for a while; an unchanged one stays."""
    step = change(world(into({}, name="one"), TWO), before=world(ONE, TWO))

    assert _played(timelines.update_gap, step) == [(0.0, ["two"]), (timelines.GAP_S, ["one", "two"])]


def test_a_gap_outlasts_the_next_change() -> None:
    """A sentinel that is applied meanwhile does not bring back what is still out."""
    step = change(world(ONE, TWO), before=world(ONE), programmed=world(), pending=True)

    assert _played(timelines.update_gap, step) == [(0.0, ["two"])]


def test_a_new_policy_has_no_gap() -> None:
    """Only what is replaced is removed first."""
    step = change(world(ONE, TWO), before=world(ONE))

    assert _played(timelines.update_gap, step) == [(0.0, ["one", "two"])]


def test_flapping_takes_turns_for_longer_than_a_step_may_last() -> None:
    """New, old, new, old: past the deadline of any step."""
    step = change(world(ONE), before=world())
    played = _played(timelines.flapping, step)

    assert [names for _, names in played[:4]] == [["one"], [], ["one"], []]
    assert played[-1][0] > 15.0


def test_flapping_goes_on_beside_later_changes() -> None:
    """What is programmed meanwhile stays as it is; only what the change was about takes turns."""
    step = change(world(ONE), before=world())
    later = replace(step, programmed=world(ONE, TWO))
    turns = [rewrite(world(ONE, TWO), later) for _, rewrite in timelines.flapping(step)[1:4]]

    assert [[item["metadata"]["name"] for item in turn.policies] for turn in turns] == [
        ["two"],
        ["two", "one"],
        ["two"],
    ]


def test_deleted_policies_stay() -> None:
    """What was in force and is wanted no more is kept; what is changed is changed."""
    step = change(world(TWO), before=world(ONE, TWO))
    kept = timelines.deletes_forgotten(step.desired, step)

    assert [policy["metadata"]["name"] for policy in kept.policies] == ["two", "one"]


def test_a_restarted_pod_is_known_by_its_first_address() -> None:
    """Others' policies look for the address of the first incarnation, the pod itself has the new one."""
    again = replace(DB, interface="p9", addresses=dict.fromkeys(DB.addresses, "10.244.0.99"))
    step = change(world(pods=(APP, again)), before=world(pods=(APP, DB)))
    stale = timelines.stale_pod_address(step.desired, step).pods[1]

    assert (stale.seen_at, stale.addresses) == (DB.addresses, again.addresses)


def test_relabelled_pods_keep_their_first_labels_for_policies() -> None:
    """Policies match what a pod started with; Services see the new labels."""
    relabelled = replace(DB, labels={"app": "c"})
    step = change(world(pods=(APP, relabelled)), before=world(pods=(APP, DB)))
    pods: tuple[PodState, ...] = timelines.ignores_pod_relabel(step.desired, step).pods

    assert [(pod.seen_labels, pod.labels) for pod in pods] == [(APP.labels, APP.labels), (DB.labels, {"app": "c"})]


def test_relabelled_namespaces_keep_their_first_labels() -> None:
    """A namespace's labels are read once."""
    before = State(namespaces={"x": {"team": "old"}})
    step = change(State(namespaces={"x": {"team": "new"}, "z": {}}), before=before)

    assert timelines.ignores_namespace_relabel(step.desired, step).namespaces == {"x": {"team": "old"}, "z": {}}
