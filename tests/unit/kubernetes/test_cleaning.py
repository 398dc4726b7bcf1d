"""What `clean` removes from a cluster: what it is told to, of runs that are over, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from harness.cluster.kubernetes.cleaning import Cleaning
from harness.manifests import EXPIRES, MANAGED_BY, RUN_LABEL
from tests.unit.kubernetes.server import Server

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _namespace(name: str, run: str, *, made_s_ago: float = 3600, minutes_left: float = 60) -> dict[str, Any]:
    def text(time: datetime) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ")

    return {
        "metadata": {
            "name": name,
            "labels": {**MANAGED_BY, RUN_LABEL: run},
            "annotations": {EXPIRES: text(NOW + timedelta(minutes=minutes_left))},
            "creationTimestamp": text(NOW - timedelta(seconds=made_s_ago)),
        }
    }


FOREIGN = {"metadata": {"name": "foreign", "labels": {RUN_LABEL: "over"}}}


def _server() -> Server:
    return Server(
        _namespace("np-over", "over", minutes_left=-1),
        _namespace("np-open", "open"),
        _namespace("np-young", "young", made_s_ago=5, minutes_left=-1),
        FOREIGN,
    )


def _names(server: Server) -> set[str]:
    return {path.rpartition("/")[2] for path in server.objects}


def test_without_a_name_what_is_over_its_time_is_chosen() -> None:
    """Not one with time left, and not one that was heard of a moment ago."""
    cleaning = Cleaning(_server().client(), now=NOW)

    assert [item.run for item in cleaning.chosen(None)] == ["over"]
    assert [item.run for item in cleaning.others(cleaning.chosen(None))] == ["young", "open"]


def test_a_run_that_is_named_is_chosen_whatever_its_time() -> None:
    """Whether it lives is told apart, so that a wrong name ends nobody's run."""
    cleaning = Cleaning(_server().client(), now=NOW)

    assert [item.run for item in cleaning.living(cleaning.chosen("young"))] == ["young"]
    assert cleaning.living(cleaning.chosen("open")) == []


def test_nothing_is_removed_but_what_was_chosen() -> None:
    """A namespace with the run's label and not ours stays, too."""
    server = _server()
    cleaning = Cleaning(server.client(), now=NOW)
    faults = cleaning.remove(cleaning.chosen(None))

    assert (faults, _names(server)) == ([], {"np-open", "np-young", "foreign"})


def test_a_namespace_that_became_somebody_elses_is_not_removed() -> None:
    """Its labels are looked at again, in the moment of deletion."""
    server = _server()
    cleaning = Cleaning(server.client(), now=NOW)
    chosen = cleaning.chosen(None)
    server.objects["/api/v1/namespaces/np-over"]["metadata"]["labels"] = {"team": "shop"}
    (fault,) = cleaning.remove(chosen)

    assert fault.startswith("np-over: this namespace is not ours")
    assert "np-over" in _names(server)
