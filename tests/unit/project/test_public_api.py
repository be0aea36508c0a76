"""The public interface is what the documentation names, and does not change by accident."""

import ast
import difflib
import importlib
import inspect
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.public_api import ROOT, SNAPSHOT, described, documented

MEANT = "if this is meant: python -m tests.public_api, and a note in changelog/ that says what changes for whom"
SOURCES = [*ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/src/**/*.py"), *ROOT.glob("examples/*/tests/*.py")]


def imported(file: Path) -> set[tuple[str, str]]:
    """What a page's code, or an example, imports from our packages."""
    text = file.read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL) if file.suffix == ".md" else [text]
    found = set()
    for block in blocks:
        if block.startswith(" "):  # part of a class
            continue
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("image_builder_"):
                found |= {(str(node.module), one.name) for one in node.names}
    return found


def test_nothing_of_it_changes_by_accident() -> None:
    was, now = SNAPSHOT.read_text().splitlines(), described().splitlines()
    changed = [line for line in difflib.unified_diff(was, now, lineterm="", n=0) if line[:3] not in ("---", "+++")]
    assert not changed, "\n".join([*changed, MEANT])


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_the_pages_and_the_examples_use_is_listed(file: Path) -> None:
    known = {*documented(), ("image_builder_domain.configuration", "decoder")}
    assert imported(file) - known == set()


@pytest.mark.parametrize(("module", "name"), documented())
def test_it_is_documented_and_typed(module: str, name: str) -> None:
    found = getattr(importlib.import_module(module), name)
    if inspect.isclass(found):
        assert found.__doc__
        members = [one for key, one in vars(found).items() if inspect.isfunction(one) and not key.startswith("_")]
        assert all(one.__doc__ or _is_said_above(found) for one in members), f"{name} has a method without a docstring"
        functions = members
    else:
        functions = [found] if inspect.isfunction(found) else []
        assert all(one.__doc__ for one in functions)
    for function in functions:
        wanted = [key for key in inspect.signature(function).parameters if key not in ("self", "cls")]
        assert set(wanted) | {"return"} <= set(inspect.unwrap(function).__annotations__), function.__qualname__


def _is_said_above(found: type) -> bool:
    """A protocol may say in one place what its methods do."""
    return bool(getattr(found, "_is_protocol", False)) and "Takes" in (found.__doc__ or "")


def test_each_name_is_listed_once() -> None:
    listed = documented()
    assert len(listed) == len(set(listed)) > 100


def test_the_extra_brings_what_the_suites_and_servers_import() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    brought = {
        re.split(r"[>=<]", one)[0] for one in (*project["dependencies"], *project["optional-dependencies"]["contracts"])
    }
    names = {"pyyaml": "yaml"}
    allowed = {names.get(one, one) for one in brought} | {
        "image_builder_contracts",
        "image_builder_domain",
        "image_builder_stand_ins",
    }
    for file in (ROOT / "contracts").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            modules = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            modules += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            used = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
            assert used <= allowed, f"{file.relative_to(ROOT)} imports {used - allowed}"
