"""What a test in Python can say: pods, rules, and the two ways in which an assertion does not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from harness.errors import ExitCode, HarnessError
from harness.model.result import StepResult

Default = Literal["allow", "deny", "drop", "reject"]


class MismatchError(AssertionError):
    """Flows leak or are out; `step` has every one of them, the text what a person needs."""

    def __init__(self, text: str, step: StepResult) -> None:
        super().__init__(text)
        self.step = step


class InconclusiveError(HarnessError):
    """There is no proof either way. No assertion failed: nothing is known about the policies."""

    exit_code = ExitCode.INCONCLUSIVE

    def __init__(self, text: str, step: StepResult) -> None:
        super().__init__(text)
        self.step = step


class PodSpec(TypedDict, total=False):
    """A pod as in a scenario file: `listen` takes 8080, "9090/UDP" or {"port": 5432, "name": "pg"}."""

    labels: Mapping[str, str]
    listen: Sequence[int | str | Mapping[str, Any]]
    node: str
    hostNetwork: bool
    replicas: int
    ready: bool


@dataclass(frozen=True)
class Rule:
    """What is expected of the flows that some patterns name, such as "shop/web -> shop/db:5432"."""

    verb: Literal["allow", "deny", "drop", "reject", "ignore"]
    flows: tuple[str, ...]
    because: str | None = None


def allow(*flows: str, because: str | None = None) -> Rule:
    """Expect these flows to be open."""
    return Rule("allow", flows, because)


def deny(*flows: str, because: str | None = None) -> Rule:
    """Expect these flows not to be open, in whatever way."""
    return Rule("deny", flows, because)


def drop(*flows: str, because: str | None = None) -> Rule:
    """Expect these flows to meet silence."""
    return Rule("drop", flows, because)


def reject(*flows: str, because: str | None = None) -> Rule:
    """Expect these flows to be answered with a refusal."""
    return Rule("reject", flows, because)


def ignore(*flows: str, because: str) -> Rule:
    """Try these flows and judge none of them, for the reason given."""
    return Rule("ignore", flows, because)
