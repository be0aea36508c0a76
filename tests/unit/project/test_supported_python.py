"""What the code may not use, because a supported Python gets it wrong.

CPython 3.11.0 to 3.11.4 match possessive quantifiers and atomic groups over alternatives wrongly (its issue 106052),
and Debian 12 ships 3.11.2. The parser of ``re`` says which texts in the code hold one.
"""

import ast
import importlib
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PRODUCT = ("domain", "adapters", "entrypoints", "contracts", "examples", "images", "pipelines", "scripts")
BROKEN = ("POSSESSIVE_REPEAT", "ATOMIC_GROUP")
_PARSER: Any = importlib.import_module("re._parser")


def test_no_pattern_of_ours_is_possessive_or_atomic() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for folder in PRODUCT
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line, text in _texts(ast.parse(file.read_text()))
        if _is_broken(text)
    ]
    assert not found


@pytest.mark.parametrize(
    ("text", "broken"), [("(?:a|b)*+", True), ("x(?>a|b)", True), ("(a+|(b?+))", True), ("a+", False)]
)
def test_the_rule_above_sees_such_a_pattern_wherever_it_stands(text: str, broken: bool) -> None:
    assert _is_broken(text) is broken


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _is_broken(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = _PARSER.parse(text)
    except (re.error, OverflowError):
        return False
    return any(name in repr(parsed.data) for name in BROKEN)
