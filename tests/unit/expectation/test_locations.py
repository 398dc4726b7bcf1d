"""Where a declared cell says that it was declared."""

from pathlib import Path

import pytest

from harness.model.flow import Endpoint, Family, Flow, L4Protocol, Via
from harness.model.scenario import Declaration, Expected, Step
from harness.scenario.load import load

_TEXT = """\
scenario: shop
about: One sentence.
topology:
  namespaces: {shop: {}}
  pods: {shop/a: {listen: [80]}, shop/b: {listen: [80]}, shop/c: {}}
steps:
- name: one
  expect:
    default: deny
    rules:
    - allow:
      - shop/a -> shop/b
      - "shop/c -> shop/b"
      because: they must
    matrix: |

      80      shop/a
      shop/b  .
- name: two
  expect: {same: one}
"""


@pytest.fixture
def steps(tmp_path: Path) -> tuple[Step, ...]:
    """Return the steps of the text above."""
    path = tmp_path / "x.scenario.yaml"
    path.write_text(_TEXT, encoding="utf-8")
    return load(path).steps


def _declared(step: Step, source: str, destination: str) -> tuple[Expected, int, int]:
    declaration = _declaration(step, source, destination)
    return declaration.expected, declaration.location.line, declaration.location.column


def _declaration(step: Step, source: str, destination: str) -> Declaration:
    assert step.declared is not None
    return step.declared[Flow(Endpoint(source), Endpoint(destination), 80, L4Protocol.TCP, Via.POD, Family.IPV4)]


def test_a_rule_declares_at_its_own_text(steps: tuple[Step, ...]) -> None:
    """In a list of texts under one verb, each has its own place."""

    assert _declared(steps[0], "shop/a", "shop/b") == (Expected.ALLOW, 12, 9)
    assert _declared(steps[0], "shop/c", "shop/b") == (Expected.ALLOW, 13, 9)


def test_a_mark_declares_where_it_is_drawn(steps: tuple[Step, ...]) -> None:
    """A cell of a drawn matrix is found by line and column inside the drawing."""

    assert _declared(steps[0], "shop/b", "shop/a") == (Expected.ALLOW, 18, 15)


def test_the_default_declares_at_its_word(steps: tuple[Step, ...]) -> None:
    """What nothing else names was declared by the default."""

    assert _declared(steps[0], "shop/c", "shop/a") == (Expected.DENY, 9, 14)


def test_same_keeps_the_first_place(steps: tuple[Step, ...]) -> None:
    """A repeated cell still points at the rule that its author wrote."""

    assert _declared(steps[1], "shop/c", "shop/b") == (Expected.ALLOW, 13, 9)


def test_reasons_go_along(steps: tuple[Step, ...]) -> None:
    """The reason of a rule is the reason of each of its cells, and of no other."""

    assert _declaration(steps[1], "shop/a", "shop/b").because == "they must"
    assert _declaration(steps[1], "shop/b", "shop/a").because is None


def test_a_pod_to_itself_is_ignored_with_a_reason(steps: tuple[Step, ...]) -> None:
    """Nobody declares it, so the decoder does, with a reason that a reader understands."""
    declaration = _declaration(steps[0], "shop/a", "shop/a")

    assert (declaration.expected, declaration.because) == (
        Expected.IGNORE,
        "a pod always reaches itself: no policy sees it",
    )
