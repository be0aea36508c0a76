"""Start an installed command as a job would, wait for its end, and read what it left.

Every end-to-end test runs the commands here.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias, final

Process: TypeAlias = "subprocess.Popen[str]"
SECONDS = 120.0
"""After this time a command hangs, even on a busy machine."""


@final
@dataclass(frozen=True, slots=True)
class Finished:
    """The result of one run. ``code`` is minus the number of the signal that killed the process, if one did."""

    code: int
    out: str
    err: str
    artifacts: Path

    @property
    def report(self) -> dict[str, Any]:
        """The build report."""
        found: dict[str, Any] = json.loads((self.artifacts / "report.json").read_text())
        return found

    def log(self, name: str = "app") -> str:
        """The engine's or the pipeline's log of an image."""
        return (self.artifacts / f"build_{name}.log").read_text()


def start(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    python: str = sys.executable,
    out: IO[Any] | None = None,
    err: IO[Any] | None = None,
    pipe_size: int = -1,
) -> Process:
    """Start the command ``words[0]`` in ``folder`` with exactly this environment.

    ``out`` and ``err`` replace the pipes. ``pipe_size`` is the capacity of the pipes in bytes, -1 for the system's.
    """
    return subprocess.Popen(
        [python, str(Path(sys.executable).with_name(words[0])), *words[1:]],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if out is None else out,
        stderr=subprocess.PIPE if err is None else err,
        text=True,
        errors="backslashreplace",
        pipesize=pipe_size,
    )


def finished(process: Process, artifacts: Path, seconds: float = SECONDS) -> Finished:
    """Wait for the end of a command, kill it after ``seconds``."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Finished(process.returncode, out or "", err or "", artifacts)


def read_until(stream: Iterable[str] | None, pattern: str) -> str:
    """Read the output of a running command up to the first line in which ``pattern`` is found. Returns this line."""
    assert stream is not None
    for line in stream:
        if re.search(pattern, line.rstrip()):
            return line
    raise AssertionError(f"the command printed no line like {pattern}")
