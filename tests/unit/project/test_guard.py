"""No test and no script starts a program that nothing brings and no list names."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import guard

ROOT = Path(guard.__file__).parents[1]


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with one link, to a program outside it; beside it a temporary folder."""
    (tmp_path / "tmp").mkdir()
    shell = shutil.which("sh")
    assert shell
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "sh").symlink_to(shell)
    return tmp_path / "tools"


def guarded(code: str, tools: Path | None, **more: str) -> str:
    """Standard output of this code in a guarded Python of its own, whose temporary folder is ``tools``' neighbour."""
    script = f"import os, subprocess, sys\nfrom tests import guard\nguard.install()\n{code}"
    folder = (
        {} if tools is None else {guard.FOLDER: str(tools), "TMPDIR": str(tools.parent / "tmp"), "PATH": str(tools)}
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={**folder, **more}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr.strip().rpartition("\n")[2]


@pytest.fixture
def foreign(tmp_path: Path) -> str:
    """A program that nobody lists."""
    program = tmp_path / "elsewhere" / "lathe"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho turned\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    "code",
    [
        "subprocess.run([PROGRAM])",
        "subprocess.run([os.fsencode(PROGRAM)], env={})",
        "subprocess.run(['lathe'], env={'PATH': os.path.dirname(PROGRAM)})",
        "subprocess.run(['./lathe'], cwd=os.path.dirname(PROGRAM))",
        "subprocess.run(['sh'], executable=PROGRAM)",
        "os.symlink(PROGRAM, os.environ['TMPDIR'] + '/sh'); subprocess.run([os.environ['TMPDIR'] + '/sh'])",
        "os.posix_spawn(PROGRAM, ['lathe'], {})",
        "os.execv(PROGRAM, ['lathe'])",
        "os.system('true')",
        "subprocess.run(PROGRAM, shell=True, executable=PROGRAM)",
    ],
)
def test_a_program_from_elsewhere_is_refused_however_it_is_started(code: str, tools: Path, foreign: str) -> None:
    if "os.system" in code:
        (tools / "sh").unlink()
    assert "which scripts/tools.toml does not list" in guarded(f"PROGRAM = {foreign!r}\n{code}", tools)


@pytest.mark.parametrize(
    "command",
    ["['sh', '-c', 'echo fine']", "[sys.executable, '-c', 'print(\"fine\")']", "[os.environ['TMPDIR'] + '/made']"],
)
def test_what_is_listed_and_what_a_test_makes_is_started(command: str, tools: Path) -> None:
    made = tools.parent / "tmp" / "made"
    made.write_text("#!/bin/sh\necho fine\n")
    made.chmod(0o755)
    assert guarded(f"subprocess.run({command})", tools) == "fine\n"


def test_a_program_that_is_not_there_is_simply_not_there(tools: Path) -> None:
    assert "FileNotFoundError" in guarded("subprocess.run(['lathe'])", tools)


def test_without_the_promise_nothing_is_refused(foreign: str) -> None:
    assert guarded(f"subprocess.run([{foreign!r}])", None) == "turned\n"


def test_a_test_fails_that_catches_the_refusal(tools: Path, foreign: str) -> None:
    test = tools.parent / "tmp" / "test_swallows.py"
    test.write_text(
        f"import contextlib, subprocess\nfrom tests.conftest import *\n\ndef test_it():\n"
        f"    with contextlib.suppress(Exception):\n        subprocess.run([{foreign!r}])\n"
    )
    command = f"import pytest\nsys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', {str(test)!r}]))"
    assert "error" in guarded(command, tools, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")


@pytest.mark.skipif(guard.FOLDER not in os.environ, reason="scripts/test alone promises the tools")
def test_this_very_run_is_guarded_and_finds_programs_nowhere_else() -> None:
    *environments, tools = os.environ["PATH"].split(os.pathsep)
    assert tools == os.environ[guard.FOLDER]
    assert all(Path(folder, "python").exists() for folder in environments)
    before = len(guard.refused)
    with pytest.raises(guard.NotListedError):
        subprocess.run(["/usr/bin/env"], check=False)
    del guard.refused[before:]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_unit_test_opens_no_network_socket(family: int) -> None:
    with pytest.raises(guard.NetworkRefusedError):
        socket.socket(family)
    assert guard.refused.pop() == "a network socket"
    with socket.socket(socket.AF_UNIX):
        pass
