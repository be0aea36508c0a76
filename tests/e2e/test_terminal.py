"""On a person's terminal: one live line instead of the engine's output, and all of a step that fails."""

import os
import pty
import re
from dataclasses import dataclass
from typing import final

import pytest

from tests.e2e.world import World, run_step

pytestmark = pytest.mark.e2e


@final
@dataclass(frozen=True, slots=True)
class Shown:
    code: int
    text: str


def run_on_terminal(world: World, *arguments: str) -> Shown:
    """Run the command with a terminal as its standard output and error; gives what the terminal received."""
    world.environment["TERM"] = "xterm"
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb", buffering=0) as screen:
        process = world.start(*arguments, out=screen, err=screen)
    received = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while True:
            try:
                block = terminal.read(65536)
            except OSError:  # the last process has closed it
                break
            if not block:
                break
            received += block
    return Shown(process.wait(60), received.decode(errors="replace"))


def test_terminal_shows_one_live_line_and_the_summary_instead_of_engine_output(world: World) -> None:
    world.dockerfile('RUN ["/bin/busybox", "sh", "-c", "echo seen by nobody; /bin/busybox sleep 1.2"]')
    shown = run_on_terminal(world)
    assert shown.code == 0, shown.text
    assert "\r\x1b[Kbuilding app" in shown.text
    assert "[2/2] RUN" in shown.text
    assert "#5 0." not in shown.text
    assert "pushed" in shown.text
    assert "seen by nobody\n" in (world.artifacts / "build_app.log").read_text()


def test_terminal_shows_the_last_lines_of_a_failing_step(world: World) -> None:
    world.dockerfile('RUN ["/bin/busybox", "sh", "-c", "echo before the end; exit 1"]')
    shown = run_on_terminal(world)
    assert shown.code == 3, shown.text
    assert "    before the end" in shown.text


def test_debugging_on_a_terminal_streams_the_engine_output(world: World) -> None:
    shown = run_on_terminal(world, "--debug")
    assert shown.code == 0, shown.text
    assert "hello from the RUN step\r\n" in shown.text
    assert "\r\x1b[K" not in shown.text


def test_terminal_shows_one_live_line_for_each_variant(world: World) -> None:
    world.variants("a", "b")
    world.dockerfile(run_step("$b sleep 1.2; [ $VERSION != b ]"))
    shown = run_on_terminal(world, "--max-parallel", "2")
    assert shown.code == 3, shown.text
    one_below_the_other = r"building app \(([ab])\)  +\d+ s[^\n]*\r?\n\r\x1b\[Kbuilding app \((?!\1)[ab]\)  +\d+ s"
    assert re.search(one_below_the_other, shown.text), repr(shown.text)
    assert "[b] the build failed" in shown.text
    assert "1 of 2 published" in shown.text
    assert not re.search(r"^\[a\] #\d", shown.text, re.MULTILINE)
