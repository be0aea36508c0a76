"""What each mode prints, its exit code and its files, as examples in the folder ``modes``; see ``mode_example``."""

import os
from collections.abc import Collection
from difflib import unified_diff
from pathlib import Path

import pytest

from tests.e2e.mode_example import Example, Names, Step, observed
from tests.e2e.mode_given import give
from tests.e2e.mode_world import ModeWorld, mode_world

pytestmark = pytest.mark.e2e
FOLDER = Path(__file__).with_name("modes")
EXAMPLES = sorted(FOLDER.glob("*.txt"))
REWRITES = os.environ.get("IMAGE_BUILDER_REWRITE_EXAMPLES") == "1"


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_mode_does_what_its_example_says(file: Path, tmp_path: Path) -> None:
    example = Example.read(file)
    with mode_world(tmp_path) as world:
        give(world, example.given)
        names = Names(world.places)
        found = Example(
            example.heading,
            example.given,
            tuple(_carried_out(step, world, names, example.given.get("unread", ())) for step in example.steps),
        )
    if REWRITES:
        file.write_text(str(found))
        return
    different = "\n".join(
        unified_diff(str(example).splitlines(), str(found).splitlines(), "expected", "found", lineterm="")
    )
    if different:
        pytest.fail(f"{file.name}; mode_example.py says how to rewrite it\n{different}", pytrace=False)


def test_every_example_is_written_as_it_is_read() -> None:
    assert [file.name for file in EXAMPLES if str(Example.read(file)) != file.read_text()] == []


def _carried_out(step: Step, world: ModeWorld, names: Names, unread: Collection[str]) -> Step:
    before = _files(world)
    ended = world.run(step.words)
    after = _files(world)
    changed = {path: after.get(path) for path in sorted({*before, *after}) if before.get(path) != after.get(path)}
    shown = {path: content if path not in unread else b"(not shown)\n" for path, content in changed.items()}
    return observed(step.command, ended, shown, names)


def _files(world: ModeWorld) -> dict[str, bytes]:
    """All but the layouts, which the engine of the examples makes."""
    return {path: content for path, content in world.files().items() if not path.startswith("layouts/")}
