"""The public interface, as ``docs/public-api.md`` names it and the sources have it.

``python -m tests.public_api`` writes what the test compares with: run it when a change is meant, and say so in a note.
"""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "public-api.md"
SNAPSHOT = Path(__file__).parent / "unit" / "project" / "public_api.txt"
_ROW = re.compile(r"^\| `(image_builder_[\w.]+)` \| (.+?) \|", re.MULTILINE)


def documented() -> list[tuple[str, str]]:
    """Module and name of everything in the tables of the page."""
    rows = _ROW.findall(PAGE.read_text())
    return [(module, name) for module, names in rows for name in re.findall(r"`(\w+)`", names)]


def described() -> str:
    """Every name with its signature, members and fields; one line each."""
    return "".join(f"{line}\n" for module, name in documented() for line in _described(module, name))


def _described(module: str, name: str) -> Iterator[str]:
    node = definition(importlib.import_module(module), name)
    title = f"{module}.{name}"
    match node:
        case ast.ClassDef():
            yield f"{title}({', '.join(map(ast.unparse, node.bases))})"
            yield from (f"{title}.{line}" for member in node.body for line in _member(member))
        case ast.FunctionDef():
            yield f"{title}{_signature(node)}"
        case _:
            yield f"{title} = {ast.unparse(node.value) if node.value is not None else '…'}"


def definition(module: ModuleType, name: str) -> ast.ClassDef | ast.FunctionDef | ast.Assign | ast.AnnAssign:
    """Where a name is defined, in the module itself or where it imports it from."""
    found = getattr(module, name)
    home = getattr(found, "__module__", None)
    if inspect.isclass(found) or inspect.isfunction(found):
        module, name = sys.modules[str(home)], found.__name__
    source = inspect.getsource(module)
    for node in ast.parse(source).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name:
            return node
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            assert isinstance(node, (ast.Assign, ast.AnnAssign))
            return node
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and any(one.name == name for one in node.names):
            return definition(importlib.import_module(str(node.module)), name)
    raise LookupError(f"{module.__name__}.{name}")


def _member(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef() if not node.name.startswith("_") or node.name == "__init__":
            kinds = [ast.unparse(one) for one in node.decorator_list]
            shown = [kind for kind in kinds if kind in ("property", "classmethod", "staticmethod")]
            yield f"{' '.join([*shown, node.name])}{_signature(node)}"
        case ast.AnnAssign() if isinstance(node.target, ast.Name) and not node.target.id.startswith("_"):
            default = f" = {ast.unparse(node.value)}" if node.value is not None else ""
            yield f"{node.target.id}: {ast.unparse(node.annotation)}{default}"
        case ast.Assign() if isinstance(node.targets[0], ast.Name) and not node.targets[0].id.startswith("_"):
            yield f"{node.targets[0].id} = {ast.unparse(node.value)}"
        case _:
            return


def _signature(node: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"({ast.unparse(node.args)}){returns}"


if __name__ == "__main__":
    SNAPSHOT.write_text(described())
