"""The repository as data: its files, its modules, and what each module imports."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

# Left out where git cannot be asked: the folders that .gitignore names.
_MADE = re.compile(r"\.git|\.venv|dist|build|__pycache__|\.hypothesis|.*_cache|.*\.egg-info")


@cache
def files() -> tuple[Path, ...]:
    """Return every file that is committed or about to be, absolute and sorted.

    Where git is missing, or this is no clone (a tarball), the folder is walked instead.
    """
    # The checkout may belong to somebody else, which git distrusts by default; only names are read here.
    listing = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        listed = ""
    paths = (ROOT / name for name in listed.split("\0") if name) if listed else _walk()
    return tuple(sorted({path for path in paths if path.is_file()}))


def texts() -> Iterator[tuple[str, str]]:
    """Yield name and content of every file of ours that is text."""
    for path in files():
        content = path.read_bytes()
        if b"\0" not in content:
            yield name_of(path), content.decode()


def modules(folder: str = "harness") -> tuple[Path, ...]:
    """Return the Python files of `folder`."""
    return tuple(path for path in files() if path.suffix == ".py" and path.is_relative_to(ROOT / folder))


def name_of(path: Path) -> str:
    """Return the path as people write it, from the repository's root."""
    return path.relative_to(ROOT).as_posix()


def dotted(path: Path) -> str:
    """Return the name that a module is imported by."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_inside(module: str, package: str) -> bool:
    """Tell whether `module` is `package` or a part of it."""
    return module == package or module.startswith(f"{package}.")


@cache
def tree(path: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse(path.read_bytes(), filename=str(path))


def imports(path: Path) -> frozenset[str]:
    """Return every module that `path` imports anywhere in it, absolute ones by their full names.

    `from a import b` gives `a` and `a.b`, since `b` may be a module. A name that is imported as a text, by
    `import_module("a")` or `__import__("a")`, counts too.
    """
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import(names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(str(module), names):
                found |= {module, *(f"{module}.{alias.name}" for alias in names)}
            case ast.Call(
                func=ast.Name("__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(str(module)), *_],
            ):
                found.add(module)
            case _:
                pass
    return frozenset(found)


def functions(path: Path) -> Iterator[FunctionNode]:
    """Yield every function of a module, methods and nested ones included."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, FunctionNode))


def command(*arguments: str) -> list[str]:
    """Return the command line that starts `netpol-harness` with this interpreter, installed or not."""
    return [sys.executable, "-m", "harness", *arguments]


def _walk() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not _MADE.fullmatch(name)]
        yield from (Path(folder, name) for name in names)
