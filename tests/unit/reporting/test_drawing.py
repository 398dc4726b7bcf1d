"""Truth tables as lines."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.reporting import table
from harness.reporting.drawing import draw
from harness.reporting.text import printable, width_of
from tests.unit.reporting.strategies import FEW, marks


def _plain(mark: str) -> str:
    return mark


def _cells(rows: dict[str, str], columns: list[str], port: int = 80) -> list[tuple[Flow, str]]:
    """Read rows of marks, a character a column, blank where there is no flow."""
    return [
        (Flow(Endpoint(row), Endpoint(column), port, L4Protocol.TCP, Via.POD, Family.IPV4), mark)
        for row, line in rows.items()
        for column, mark in zip(columns, line, strict=True)
        if mark != " "
    ]


def test_a_narrow_table_looks_as_authors_draw_it() -> None:
    """Names on both sides, a mark a cell, blank where there is no such flow."""
    (each,) = table.build(_cells({"shop/a": "-.", "guest/visitor": "X ", "office": " L"}, ["shop/a", "shop/b"]))

    assert draw(each, 80, _plain) == [
        "80/TCP",
        "from \\ to      shop/a  shop/b",
        "shop/a         -       .",
        "guest/visitor  X",
        "office                 L",
    ]


def test_a_wide_table_numbers_its_columns_like_its_rows() -> None:
    """A pod has one number on both sides; what is a destination alone is named below."""
    names = [f"shop/pod-{letter}" for letter in "abc"]
    (each,) = table.build(_cells(dict.fromkeys(names, "...."), [*names, "shop/service"]))

    assert draw(each, 40, _plain) == [
        "80/TCP",
        "from \\ to     1 2 3 4",
        "1 shop/pod-a  . . . .",
        "2 shop/pod-b  . . . .",
        "3 shop/pod-c  . . . .",
        "4 = shop/service",
    ]


def test_what_does_not_fit_is_drawn_in_blocks() -> None:
    """Every column is drawn once, in blocks that each repeat the rows."""
    columns = [f"{'name' * 3}-{letter}" for letter in "abcdefghijkl"]
    (each,) = table.build(_cells({"a": "............", "b": "XXXXXXXXXXXX"}, columns))
    lines = draw(each, 20, _plain)

    assert [line for line in lines if line.startswith((" 1 a", " 2 b"))] == [
        " 1 a  . . . . . . .",
        " 2 b  X X X X X X X",
        " 1 a  . . . . .",
        " 2 b  X X X X X",
    ]


def test_long_names_are_squeezed_and_told_in_full() -> None:
    """A name that is squeezed in its row stands in full below the table."""
    name = f"shop/{'long-' * 12}end"
    (each,) = table.build(
        _cells({name: "." * 12, "b": "X" * 12}, [f"{'column' * 2}/{letter}" for letter in "abcdefghijkl"])
    )
    lines = draw(each, 80, _plain)

    assert [line for line in lines if "long-end" in line] == [
        " 1 shop/long-long-lo...ong-long-long-end  . . . . . . . . . . . .",
        f" 1 = {name}",
    ]


@FEW
@given(marks(), st.integers(40, 120))
def test_no_line_is_too_wide(marks: tuple[tuple[Flow, str], ...], width: int) -> None:
    """Whatever the names and however many, the table keeps to its width."""
    lines = [line for each in table.build(marks) for line in draw(each, width, _plain)]

    assert [line for line in lines if width_of(line) > width or line != printable(line)] == []


@FEW
@given(marks())
def test_every_cell_is_painted_once(marks: tuple[tuple[Flow, str], ...]) -> None:
    """What is drawn are the cells of the table, each of them once."""
    for each in table.build(marks):
        painted: Counter[str] = Counter()
        draw(each, 80, lambda mark, painted=painted: painted.update(mark) or mark)

        assert painted == Counter(cell.mark for cell in each.cells.values())
