"""The truth table: what shares a row, a column or a table."""

from __future__ import annotations

from collections import Counter

from hypothesis import given

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.reporting import table
from harness.reporting.grouping import bundles
from harness.reporting.table import Table
from tests.unit.reporting.strategies import FEW, flows, marks


def _flow(source: str, destination: str, port: int = 80, family: Family = Family.IPV4) -> Flow:
    return Flow(Endpoint(source), Endpoint(destination), port, L4Protocol.TCP, Via.POD, family)


def _square(names: list[str], port: int = 80) -> list[tuple[Flow, str]]:
    """Allow everything between the names; a pod's own flow is ignored."""
    return [(_flow(a, b, port), "-" if a == b else ".") for a in names for b in names]


def _shape(each: Table) -> tuple[int, int]:
    return len(each.rows), len(each.columns)


@FEW
@given(marks())
def test_every_flow_is_counted_in_one_cell(marks: tuple[tuple[Flow, str], ...]) -> None:
    """The cells of all tables hold as many flows as there are."""
    counted = sum(cell.flows for each in table.build(marks) for cell in each.cells.values())

    assert counted == len(marks)


@FEW
@given(marks())
def test_grouping_hides_no_mark(marks: tuple[tuple[Flow, str], ...]) -> None:
    """Every flow is counted under its own mark, but for a pod's own neutral one."""
    shown: Counter[str] = Counter()
    for each in table.build(marks):
        for cell in each.cells.values():
            shown[cell.mark] += cell.flows
    # A cell also stands for its members' own neutral flows, which is why it may count more, but never fewer.
    lost = Counter(mark for flow, mark in marks if not (flow.is_to_itself and mark == "-")) - shown

    assert lost == {}


def test_a_small_table_keeps_every_pod() -> None:
    """Authors look for their own pods: up to 12 rows are never grouped."""
    (each,) = table.build(_square([f"shop/web-{number}" for number in range(12)]))

    assert _shape(each) == (12, 12)


def test_pods_that_nothing_tells_apart_share_a_row() -> None:
    """40 pods that all reach one another are one row and one column, their own flows notwithstanding."""
    (each,) = table.build(_square([f"shop/web-{number}" for number in range(40)]))

    assert (_shape(each), each.cells[0, 0].mark, each.cells[0, 0].flows) == ((1, 1), ".", 1600)


def test_one_odd_flow_gets_a_row_and_a_column_of_its_own() -> None:
    """A single leak among 1,600 flows stands out."""
    names = [f"shop/web-{number}" for number in range(40)]
    cells = [
        (flow, "L" if (flow.source, flow.destination) == (names[3], names[7]) else mark)
        for flow, mark in _square(names)
    ]
    (each,) = table.build(cells)
    leaks = [(each.rows[row], each.columns[column]) for (row, column), cell in each.cells.items() if cell.mark == "L"]

    assert (_shape(each), leaks) == ((2, 2), [(("shop/web-3",), ("shop/web-7",))])


def test_judged_flows_to_oneself_are_not_glossed_over() -> None:
    """A pod's own flow is left out of the comparison only where it is neutral."""
    names = [f"shop/web-{number}" for number in range(20)]
    (each,) = table.build(
        [(flow, "L" if flow.is_to_itself and flow.source == names[0] else mark) for flow, mark in _square(names)]
    )
    leaks = [cell.flows for cell in each.cells.values() if cell.mark == "L"]

    assert leaks == [1]


def test_equal_planes_share_a_table() -> None:
    """Ports with the same marks for the same pairs are one table that names them all."""
    names = [f"shop/{letter}" for letter in "abcdefghij"]
    tables = table.build([*_square(names, 80), *_square(names, 81), *_square(names[:-1], 90)])

    assert [(each.title, _shape(each)) for each in tables] == [("80, 81/TCP", (10, 10)), ("90/TCP", (9, 9))]


def test_few_columns_on_many_ports_share_a_table() -> None:
    """Planes with few columns stand side by side, a destination's ports together."""
    cells = [
        (_flow("a", "b", 80), "."),
        (_flow("a", "c", 80), "."),
        (_flow("a", "b", 81), "X"),
        (_flow("d", "b", 81), "X"),
    ]
    (each,) = table.build(cells)

    assert (each.title, each.columns) == ("", (("b:80/TCP",), ("b:81/TCP",), ("c:80/TCP",)))


def test_a_narrowed_table_keeps_what_is_of_note() -> None:
    """Rows and columns without any of the marks go; the others keep their cells."""
    (each,) = table.build(
        [(_flow("a", "x"), "."), (_flow("a", "y"), "L"), (_flow("b", "x"), "."), (_flow("b", "y"), "X")]
    )
    narrowed = each.narrowed("L")

    assert (narrowed.rows, narrowed.columns, narrowed.cells[0, 0].mark) == ((("a",),), (("y",),), "L")


@FEW
@given(flows())
def test_bundles_hold_every_flow_once(flows: tuple[Flow, ...]) -> None:
    """The counts of all bundles add up, and none holds more flows than its ends allow."""
    found = bundles(flows)
    impossible = [each for each in found if each.flows > len(each.sources) * len(each.destinations) * len(each.planes)]

    assert (sum(each.flows for each in found), impossible) == (len(flows), [])


def test_leaks_between_all_pods_are_one_bundle() -> None:
    """A thousand leaks of one shape are one line."""
    names = [f"shop/web-{number}" for number in range(40)]
    (bundle,) = bundles(_flow(a, b) for a in names for b in names if a != b)

    assert (len(bundle.sources), len(bundle.destinations), bundle.flows) == (40, 40, 1560)
