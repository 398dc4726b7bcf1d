"""The reachability matrix: a total, ordered, immutable mapping from flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from harness.model.flow import Flow

T = TypeVar("T")
U = TypeVar("U")


class Matrix(Mapping[Flow, T], Generic[T]):
    """One value for every flow of a topology, in the topology's order.

    Total by construction: a missing flow is a `KeyError`, never a default.
    """

    __slots__ = ("_cells",)

    def __init__(self, cells: Mapping[Flow, T] | Iterable[tuple[Flow, T]]) -> None:
        self._cells: dict[Flow, T] = dict(cells)

    @classmethod
    def build(cls, flows: Iterable[Flow], value: Callable[[Flow], T]) -> Matrix[T]:
        """Ask `value` once for each flow, in order."""
        return cls((flow, value(flow)) for flow in flows)

    def map(self, change: Callable[[T], U]) -> Matrix[U]:
        """Return a matrix over the same flows with every value changed."""
        return Matrix((flow, change(value)) for flow, value in self._cells.items())

    def __getitem__(self, flow: Flow) -> T:
        return self._cells[flow]

    def __iter__(self) -> Iterator[Flow]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def __repr__(self) -> str:
        return f"Matrix({self._cells!r})"
