"""What each mode prints, its exit code and its files, as examples and tables in the folder ``modes``.

``mode_example`` says how an example is written, and how expected values are rewritten; ``mode_behaviour`` has what is
tried in every mode.
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from difflib import unified_diff
from fcntl import LOCK_EX, flock
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import yaml

from tests.e2e.mode_behaviour import BEHAVIOURS, is_tried
from tests.e2e.mode_example import Example, Names, Step, observed
from tests.e2e.mode_given import give
from tests.e2e.mode_trial import MODES, WITH_METADATA, TooSlowError, Trial
from tests.e2e.mode_world import ModeWorld, mode_world

pytestmark = pytest.mark.e2e
FOLDER = Path(__file__).with_name("modes")
EXAMPLES = sorted(FOLDER.glob("*.txt"))
REWRITES = os.environ.get("IMAGE_BUILDER_REWRITE_EXAMPLES") == "1"
DIFFERS = "differs: "
"""Before what a mode does otherwise than the others, which a user would call inconsistent."""
TABLE = FOLDER / "behaviours.yaml"
CELLS = [(behaviour, mode) for behaviour in BEHAVIOURS for mode in MODES if is_tried(behaviour, mode)]
EXIT_CODES = (0, 2, 3, 4, 5, 6, 7, 8, 130, 143)
"""All but 1, a bug in the tool."""
WITHOUT_CODES = ("schema", "help", "admission")
CODES = [
    (mode, code, proof)
    for mode, codes in yaml.safe_load((FOLDER / "exit_codes.yaml").read_text()).items()
    for code, proof in codes.items()
]
_DURATION = re.compile(rb'("duration": "|<dt>time</dt><dd>| time=")[0-9.]+( s|")')
_DEADLINES = (2.0, 4.0, 7.0, 11.0, 16.0, 22.0)
"""Seconds. The mode ``doctor`` gives two registries up after 3 seconds each, so the deadline must come soon after the
start; a busy machine starts late."""


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_mode_does_what_its_example_says(file: Path, tmp_path: Path) -> None:
    example = Example.read(file)
    with mode_world(tmp_path) as world:
        give(world, example.given)
        names = Names(world.places)
        found = Example(
            example.heading,
            example.given,
            tuple(_carried_out(step, world, names, example.given) for step in example.steps),
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


def _carried_out(step: Step, world: ModeWorld, names: Names, given: Mapping[str, Any]) -> Step:
    unread, lenses = given.get("unread", ()), given.get("lenses", False)
    before = _files(world, lenses)
    ended = world.run(step.words)
    after = _files(world, lenses)
    changed = {path: after.get(path) for path in sorted({*before, *after}) if before.get(path) != after.get(path)}
    shown = {path: content if path not in unread else b"(not shown)\n" for path, content in changed.items()}
    return observed(step.command, ended, shown, names)


def _files(world: ModeWorld, lenses: bool) -> dict[str, bytes]:
    """All but the layouts, which the engine of the examples makes, and without ``lenses`` what only Prow's lenses read.

    Durations in files that are written again would make every run a change.
    """
    hidden = () if lenses else tuple(f"artifacts/{name}" for name in WITH_METADATA)
    return {
        path: _DURATION.sub(rb"\g<1>0.0\g<2>", content) if path.startswith("artifacts/") else content
        for path, content in world.files().items()
        if not path.startswith(("layouts/", *hidden))
    }


@pytest.mark.parametrize(("behaviour", "mode"), CELLS, ids=lambda name: name)
def test_mode_behaves_as_the_table_says(behaviour: str, mode: str, tmp_path: Path) -> None:
    found = _tried(behaviour, mode, tmp_path)
    if REWRITES:
        with TABLE.open() as table:
            flock(table, LOCK_EX)
            _rewrite(behaviour, mode, found)
        return
    assert found == _table()[behaviour][mode].removeprefix(DIFFERS)


def test_table_has_exactly_what_is_tried() -> None:
    assert [(behaviour, mode) for behaviour, cells in _table().items() for mode in cells] == CELLS


@pytest.mark.parametrize(("mode", "code", "proof"), CODES, ids=str)
def test_mode_gives_each_exit_code_or_says_why_not(mode: str, code: int, proof: str) -> None:
    kind, _, name = proof.partition(" ")
    seen = {behaviour: cells.get(mode, "").removeprefix(DIFFERS) for behaviour, cells in _table().items()}
    if kind == "example":
        steps = Example.read(FOLDER / f"{name}.txt").steps
        assert [step for step in steps if f"exit code {code}" in step.blocks]
    elif kind == "behaviour":
        assert seen[name].startswith(f"exit {code},")
    else:
        assert kind == "never:"
        assert [behaviour for behaviour, cell in seen.items() if cell.startswith(f"exit {code},")] == []


def test_every_mode_and_exit_code_has_a_row() -> None:
    expected = [(mode, code) for mode in MODES if mode not in WITHOUT_CODES for code in EXIT_CODES]
    assert [(mode, code) for mode, code, _ in CODES] == expected


def _tried(behaviour: str, mode: str, folder: Path) -> str:
    """What is seen; a deadline that leaves no time to begin is tried again with a later one."""
    for seconds in _DEADLINES:
        place = Path(mkdtemp(dir=folder))
        with mode_world(place) as world, suppress(TooSlowError):
            return BEHAVIOURS[behaviour](Trial(world, MODES[mode], seconds))
    pytest.fail("every deadline passed before the run waited for anything")


@cache
def _table() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = yaml.safe_load(TABLE.read_text())
    return found


def _rewrite(behaviour: str, mode: str, found: str) -> None:
    """Keep the comment at the beginning, and what is marked as a difference unless it changed."""
    comment = "".join(line for line in TABLE.read_text().splitlines(keepends=True) if line.startswith("#"))
    old = _table.__wrapped__()
    cell = old.get(behaviour, {}).get(mode, "")
    new = {**old, behaviour: {**old.get(behaviour, {}), mode: cell if cell.removeprefix(DIFFERS) == found else found}}
    ordered = {
        name: {mode: new[name][mode] for mode in MODES if mode in new[name]} for name in BEHAVIOURS if name in new
    }
    TABLE.write_text(comment + yaml.safe_dump(ordered, sort_keys=False, width=1000))
