"""Start another program to the end, with its output kept for the message when it fails."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolchain.pins import SourceError


def run(command: Sequence[str | Path], seconds: float, where: Path, environment: Mapping[str, str]) -> str:
    """Standard output; :class:`SourceError` with the last line of standard error when anything goes wrong."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command,
            cwd=where,
            env=environment,
            timeout=seconds,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise SourceError(f"{name} does not run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{name} did not finish within {seconds:.0f} s") from error
    if done.returncode != 0:
        raise SourceError(f"{name} failed: {_last_line(done.stderr or done.stdout)}")
    return done.stdout


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
