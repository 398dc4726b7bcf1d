"""Everything public says what it is, and every test says its rule."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meta.repository import functions, modules, name_of, tree

TEST_MODULES = [path for path in modules("tests") if path.name.startswith("test_")]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_everything_public_has_a_docstring(path: Path) -> None:
    """A module, and each public class, method and function in it, says in a sentence what one gets."""
    silent = [name for name, node in _public(path) if not (ast.get_docstring(node) or "").strip()]

    assert silent == []


@pytest.mark.parametrize("path", TEST_MODULES, ids=name_of)
def test_every_test_states_its_rule(path: Path) -> None:
    """Each test has a docstring of one line that is a sentence: the rule it holds."""
    wrong = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for node in functions(path)
        if node.name.startswith("test_") and not _is_one_sentence(ast.get_docstring(node) or "")
    ]

    assert wrong == []


def _is_one_sentence(text: str) -> bool:
    return "\n" not in text and len(text.split()) > 2 and text.endswith((".", "?", "!"))


def _public(path: Path) -> Iterator[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    module = tree(path)
    yield name_of(path), module
    for node in module.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        yield node.name, node
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                # An overload only states a type; magic methods do what their names say.
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and not (
                    member.name.startswith("_") or any("overload" in ast.unparse(d) for d in member.decorator_list)
                ):
                    yield f"{node.name}.{member.name}", member
