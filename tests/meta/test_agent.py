"""The agent runs in any image that has a Python: one file, nothing but the standard library, Python 3.9 or newer."""

from __future__ import annotations

import ast
import sys

from tests.meta.repository import ROOT, imports

AGENT = ROOT / "probes" / "agent.py"
SOURCE = AGENT.read_bytes()

# Came with 3.10 or later, as arguments of functions that 3.9 has too.
NEW_ARGUMENTS = {"dataclass": {"slots", "kw_only"}, "zip": {"strict"}, "field": {"kw_only"}}
# The standard library of this Python has what 3.9 did not.
NEW_MODULES = {"tomllib"}
NEW_NAMES = {"asyncio.TaskGroup", "asyncio.timeout", "asyncio.Runner", "datetime.UTC", "enum.StrEnum", "typing.Self"}


def test_the_agent_is_python_3_9() -> None:
    """No syntax that came later: no match statement, no except*, no parameter list in brackets."""
    assert isinstance(ast.parse(SOURCE, filename=str(AGENT), feature_version=(3, 9)), ast.Module)


def test_the_agent_imports_only_the_standard_library() -> None:
    """It is mounted alone into an image that has nothing else, not even the rest of this project."""
    top = {name.partition(".")[0] for name in imports(AGENT)}

    assert (top - sys.stdlib_module_names, top & NEW_MODULES, NEW_NAMES & imports(AGENT)) == (set(), set(), set())


def test_the_agent_writes_no_annotation_that_3_9_would_evaluate() -> None:
    """`X | Y` between types fails there when it is evaluated, so annotations stay texts."""
    futures = [
        node for node in ast.parse(SOURCE).body if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]

    assert any(alias.name == "annotations" for node in futures for alias in node.names)


def test_the_agent_calls_nothing_with_a_newer_argument() -> None:
    """Arguments such as dataclass(slots=True) came after 3.9, and fail only where they run."""
    newer = [
        f"{ast.unparse(call.func)}({keyword.arg}=) in line {call.lineno}"
        for call in ast.walk(ast.parse(SOURCE))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg in NEW_ARGUMENTS.get(ast.unparse(call.func).rpartition(".")[2], set())
    ]
    used = {ast.unparse(node) for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Attribute)}

    assert (newer, used & NEW_NAMES) == ([], set())
