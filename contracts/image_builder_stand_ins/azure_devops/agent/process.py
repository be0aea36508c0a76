"""A step's process: a session of its own, its output line by line, and an end as the agent makes it.

The agent waits for the process, and a little longer for its output. What the process leaves behind goes on until the
job ends.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, final

_LOOK_SECONDS: Final = 0.02
_LEFT_BEHIND_SECONDS: Final = 0.2
"""How long output is read that somebody else keeps open (the real agent: 10 s)."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


@final
class StepProcess:
    """Runs one command. Standard error goes where standard output goes.

    ``stop_seconds`` are the seconds between SIGINT, SIGTERM and SIGKILL, sent to the whole group.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], stop_seconds: float
    ) -> None:
        self._stop_seconds = stop_seconds
        self._sent = 0
        self._next_signal = 0.0
        self._rest = b""
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def session(self) -> int:
        """The number of the process, its group and its session."""
        return self._process.pid

    def follow(self, line: Callable[[str], None], should_stop: Callable[[], bool]) -> int:
        """Give each line as it comes, until the end; returns the exit code, negative for a signal."""
        stream = self._process.stdout
        if stream is None:
            return self._process.wait()
        with stream:
            end, is_open = None, True
            while end is None or (is_open and time.monotonic() < end):
                if is_open:
                    is_open = self._read(stream.fileno(), line)
                else:
                    time.sleep(_LOOK_SECONDS / 4)
                if end is None and self._process.poll() is not None:
                    end = time.monotonic() + _LEFT_BEHIND_SECONDS
                if end is None and (self._sent or should_stop()):
                    self._stop()
        if self._rest:
            line(_text(self._rest))
        return self._process.wait()

    def _read(self, number: int, line: Callable[[str], None]) -> bool:
        """Read what there is; False at the end of the output."""
        if not select.select([number], [], [], _LOOK_SECONDS)[0]:
            return True
        piece = os.read(number, 1 << 16)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for each in lines:
            line(_text(each))
        return bool(piece)

    def _stop(self) -> None:
        """Send the next signal when its time has come."""
        if self._sent < len(_SIGNALS) and time.monotonic() >= self._next_signal:
            self._next_signal = time.monotonic() + self._stop_seconds
            try:
                os.killpg(self._process.pid, _SIGNALS[self._sent])
            except ProcessLookupError:
                return
            finally:
                self._sent += 1


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").removesuffix("\r")
