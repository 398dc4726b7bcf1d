"""Each document of `tests/cases/expectation/*.yaml` is an `expect`, and the errors or the matrix it must come to.

The world is the same for all. In a matrix, columns are destinations and rows sources; the marks are
`.` allow, `X` deny, `d` drop, `r` reject, `i` ignore, `o` a pod to itself and `_` not tried, one for IPv4
and one for IPv6 where they differ.
"""

from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import yaml

from harness.errors import ScenarioError
from harness.model.flow import Family, Flow, Via
from harness.model.scenario import Expected, Step
from harness.scenario.load import load

_FOLDER = Path(__file__).parents[2] / "cases" / "expectation"
_WORLD = """\
scenario: shop
about: One sentence.
topology:
  namespaces: {shop: {}, guest: {}}
  pods:
    shop/web: {labels: {tier: web}, listen: [8080]}
    shop/db: {labels: {tier: db}, listen: [{port: 5432, name: pg}], replicas: 2}
    guest/visitor: {}
  services:
    shop/db: {selector: {tier: db}, ports: [{port: 80, targetPort: pg, name: sql}]}
  externals:
    office: {addresses: [203.0.113.10, 2001:db8::10], listen: [443]}
probe: {via: [pod, service], families: [IPv4, IPv6]}
steps:
- name: only
  expect:
"""
_MARKS = {
    Expected.ALLOW: ".",
    Expected.DENY: "X",
    Expected.DROP: "d",
    Expected.REJECT: "r",
    Expected.IGNORE: "i",
}


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{file.stem}: {case['case']}")
        for file in sorted(_FOLDER.glob("*.yaml"))
        for case in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    ]


def _outcome(folder: Path, case: dict[str, Any]) -> dict[str, str]:
    path = folder / "x.scenario.yaml"
    path.write_text(_WORLD + indent(case["expect"], "    ") + case.get("then", ""), encoding="utf-8")
    try:
        scenario = load(path)
    except ScenarioError as error:
        return {"errors": str(error).replace(f"{folder}/", "") + "\n"}
    return {"matrix": _drawn(scenario.steps[-1])}


def _drawn(step: Step) -> str:
    columns = list(dict.fromkeys((flow.destination, flow.port, flow.via) for flow in step.flows))
    names = [f"{end}:{port}" + ("@service" if via is Via.SERVICE else "") for end, port, via in columns]
    protocols = {(flow.destination, flow.port, flow.via): flow.protocol for flow in step.flows}
    rows = [["", *names]]
    for source in dict.fromkeys(flow.source for flow in step.flows):
        row: list[str] = [source]
        for column in columns:
            end, port, via = column
            marks = [_mark(step, Flow(source, end, port, protocols[column], via, family)) for family in (*Family,)]
            row.append(marks[0] if marks[0] == marks[1] else "".join(marks))
        rows.append(row)
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def _mark(step: Step, flow: Flow) -> str:
    assert step.declared is not None
    if flow not in step.declared:
        return "_"
    return "o" if flow.is_to_itself else _MARKS[step.declared[flow].expected]


@pytest.mark.parametrize("case", _cases())
def test_an_expectation_comes_to_its_errors_or_its_matrix(case: dict[str, Any], tmp_path: Path) -> None:
    """Every flow gets the value of the last part that speaks of it, or the file is refused."""

    assert _outcome(tmp_path, case) == {key: case[key] for key in ("errors", "matrix") if key in case}


def test_cases_are_not_lost() -> None:
    """A folder that is found empty would pass in silence."""

    assert len(_cases()) > 40
