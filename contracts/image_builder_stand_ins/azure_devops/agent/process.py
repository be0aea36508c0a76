"""A step's process: its own group, its output line by line, and an end as the agent makes it."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import final

_LOOK_SECONDS = 0.02
_LEFT_BEHIND_SECONDS = 0.5


@final
class StepProcess:
    """Runs one command. Standard error goes where standard output goes.

    ``stop_seconds`` are the seconds between SIGINT, SIGTERM and SIGKILL, sent to the whole group.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], stop_seconds: float
    ) -> None:
        self._stop_seconds = stop_seconds
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def follow(self, line: Callable[[str], None], should_stop: Callable[[], bool]) -> int:
        """Give each line as it comes, until the end; returns the exit code, negative for a signal."""
        reader = threading.Thread(target=self._read, args=(line,))
        reader.start()
        try:
            while self._process.poll() is None:
                if should_stop():
                    self._stop()
                time.sleep(_LOOK_SECONDS)
            reader.join(_LEFT_BEHIND_SECONDS)
        finally:
            self._signal(signal.SIGKILL)  # what a step leaves behind would hold the pipe for ever
            code = self._process.wait()
            reader.join()
        return code

    def _read(self, line: Callable[[str], None]) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        with stream:
            for raw in stream:
                line(raw.decode("utf-8", "replace").rstrip("\n").removesuffix("\r"))

    def _stop(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._signal(number)
            end = time.monotonic() + self._stop_seconds
            while time.monotonic() < end:
                if self._process.poll() is not None:
                    return
                time.sleep(_LOOK_SECONDS)
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return
