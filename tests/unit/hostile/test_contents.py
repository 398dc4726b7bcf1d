"""Contents that are made to hurt get an ordinary error, with its place, in under a second of work."""

from collections.abc import Callable

import pytest

_HEAD = "scenario: shop\nabout: One.\ntopology:\n  namespaces: {shop: {}}\n"
_TWO_PODS = _HEAD + "  pods: {shop/a: {listen: [80]}, shop/b: {}}\nsteps:\n"
_STEP = "steps:\n- {name: one, expect: predicted}\n"
_BOMB = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"b{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
)


@pytest.mark.parametrize(
    ("content", "fault", "line", "column"),
    [
        pytest.param(_BOMB, "more than 200000 values, aliases written out", 6, 10, id="alias bomb"),
        pytest.param("[" * 100_000, "nested more than 50 levels deep", 1, 51, id="deep brackets"),
        pytest.param("- " * 100_000, "nested more than 50 levels deep", 1, 101, id="deep dashes"),
        pytest.param("? " * 100_000, "nested more than 50 levels deep", 1, 101, id="deep keys"),
        pytest.param("- &a x\n" + "- *a\n" * 10_001, "more than 10000 aliases", 10_002, 3, id="many aliases"),
        pytest.param("[" + "1," * 300_000 + "]", "more than 200000 values, aliases written out", 1, 400_000, id="many"),
        pytest.param(
            "- &a0 [x]\n" + "".join(f"- &a{n} [*a{n - 1}]\n" for n in range(1, 99)),
            "nested more than 50 levels deep",
            49,
            9,
            id="deep by aliases",
        ),
        pytest.param("scenario: a\0b\n", "a NUL character is not allowed in YAML", 1, 12, id="NUL"),
        pytest.param(b"scenario: a\nabout: \xff\n", "the byte 0xff is not UTF-8", 2, 8, id="no UTF-8"),
        pytest.param("\ufeffscenario: a\n", "a byte order mark is not allowed", 1, 1, id="byte order mark"),
        pytest.param("a: 1\n".encode("utf-16"), "the byte 0xff is not UTF-8", 1, 1, id="UTF-16"),
        pytest.param("a: \x1b[31m\n", "the character U+001B is not allowed in YAML", 1, 4, id="escape"),
        pytest.param("a:\n\tb: c\n", "a tab where YAML wants spaces", 2, 1, id="tab"),
        pytest.param(
            "a: !!python/object/apply:os.system [x]\n",
            "the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not supported",
            1,
            4,
            id="tag",
        ),
        pytest.param("k" * 1_000_000, "expected a mapping; not the text '" + "k" * 79 + "…'", 1, 1, id="one word"),
        pytest.param("\n" * 1_000_000, "the file is empty; a mapping was expected", 1, 1, id="blank lines"),
    ],
)
def test_the_first_problem_is_where_the_harm_begins(
    refusal: Callable, content: str | bytes, fault: str, line: int, column: int
) -> None:
    """An attack on the parser is an ordinary problem with line and column."""
    problem = refusal(content)[0]

    assert (problem.fault, problem.location.line, problem.location.column) == (fault, line, column)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("".join(f"key{n}: x\n" for n in range(40_000)), id="unknown keys"),
        pytest.param("k: x\n" * 100_000, id="one key again and again"),
        pytest.param("[" + "*a," * 100_000 + "]", id="aliases of nothing on one line"),
        pytest.param(
            _HEAD
            + "  pods: {"
            + ", ".join(f"shop/p{n}: {{node: same-as x/y{n}}}" for n in range(10_000))
            + "}\n"
            + _STEP,
            id="unknown placements",
        ),
        pytest.param(
            _HEAD
            + "  pods:\n"
            + "".join(f"    shop/p{n}: {{node: same-as shop/p{n + 1}, listen: [80]}}\n" for n in range(5_000))
            + _STEP,
            id="a long chain of placements",
        ),
        pytest.param(
            _HEAD
            + "  pods: {"
            + ", ".join(f"shop/p{n}: {{replicas: 250, listen: [80]}}" for n in range(10_000))
            + "}\n"
            + _STEP,
            id="millions of pods",
        ),
        pytest.param(
            _TWO_PODS
            + "- name: one\n  expect:\n    default: deny\n    rules:\n"
            + "".join(f'    - allow: "shop/x{n} -> shop/y{n}"\n' for n in range(12_000)),
            id="rules of nobody",
        ),
        pytest.param(
            _TWO_PODS + "".join(f"- {{name: s{n}, restart: [shop/c{n}], expect: predicted}}\n" for n in range(499)),
            id="restarts of nobody",
        ),
        pytest.param(
            _TWO_PODS + "".join(f"- {{name: s{n}, expect: predicted}}\n" for n in range(12_000)), id="steps without end"
        ),
        pytest.param(_HEAD + "  pods: {shop/a: {listen: [1" + "9" * 500_000 + "]}}\n" + _STEP, id="a long number"),
        pytest.param(
            _TWO_PODS + '- name: one\n  expect: {default: deny, rules: [{allow: "' + "[" * 900_000 + '"}]}\n',
            id="a rule of brackets",
        ),
        pytest.param(
            _TWO_PODS
            + '- name: one\n  expect: {default: deny, rules: [{allow: "'
            + "shop/"
            + "a*" * 400_000
            + 'b -> *"}]}\n',
            id="a rule of stars",
        ),
        pytest.param(
            _TWO_PODS + "- name: one\n  expect:\n    matrix: |\n" + "      80 shop/x\n      shop/y ?\n\n" * 30_000,
            id="a drawing of nobody",
        ),
    ],
)
def test_no_content_costs_more_than_a_second(refusal: Callable, content: str) -> None:
    """What grows with the file is bounded, and at most 100 problems are reported, and one that says so."""

    assert 1 <= len(refusal(content)) <= 101


def test_an_escape_sequence_never_reaches_the_terminal(refusal: Callable) -> None:
    """What a key or a name spells by escapes is shown in another form."""
    content = '"k\\e[31m": x\nsteps: [{"n\\a": "\\e]0;x\\a", name: "a\\nb", expect: "\\e"}]\n'
    text = "\n".join(map(str, refusal(content)))

    assert [char for char in text if not char.isprintable() and char != "\n"] == []
