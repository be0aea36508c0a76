"""Where the process runs: files of container runtimes, and a terminal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from image_builder_adapters.job_surroundings import find_place

SHOWN = "import os; from image_builder_adapters.job_surroundings import find_place; "
SHOWN += "os.write({}, str(find_place()).encode())"


@pytest.mark.parametrize("name", [".dockerenv", "run/.containerenv"])
def test_a_file_of_a_runtime_is_a_container(tmp_path: Path, name: str) -> None:
    assert not find_place(str(tmp_path)).in_container
    (tmp_path / "run").mkdir()
    (tmp_path / name).touch()
    assert find_place(str(tmp_path)).in_container


def shown(terminal: str | None = None) -> str:
    """What a process says of its place that has at most one terminal, as this standard stream."""
    reads, writes = os.pipe()
    ours, theirs = os.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL) | (
        {terminal: theirs} if terminal else {}
    )
    command = [sys.executable, "-c", SHOWN.format(writes)]
    done = subprocess.run(command, **streams, pass_fds=[writes], check=False)  # type: ignore[call-overload] # streams
    for end in (writes, ours, theirs):
        os.close(end)
    with os.fdopen(reads) as answer:
        assert done.returncode == 0
        return answer.read()


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_one_stream_that_is_a_terminal_is_enough(stream: str) -> None:
    assert "has_terminal=True" in shown(stream)


def test_without_any_terminal_there_is_none() -> None:
    assert "has_terminal=False" in shown()
