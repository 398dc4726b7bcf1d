"""What can be wrong with a rule or a drawn cell, before it has a place in a file."""

from __future__ import annotations


class RuleFault(Exception):  # noqa: N818 - a fault of the file, on its way to becoming a Problem
    """Why a text is no rule; `column` counts from 0."""

    def __init__(self, column: int, fault: str, remedy: str | None = None) -> None:
        super().__init__(fault)
        self.column = column
        self.fault = fault
        self.remedy = remedy


class UnknownNameFault(RuleFault):
    """A rule that names what is not there; `name` is the part that is unknown."""

    def __init__(self, column: int, fault: str, remedy: str | None, name: str) -> None:
        super().__init__(column, fault, remedy)
        self.name = name


class NoFlowFault(RuleFault):
    """A rule whose names exist, and that speaks of no flow all the same."""
