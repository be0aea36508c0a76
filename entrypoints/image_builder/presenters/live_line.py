"""One live line per build on a terminal: the step that runs, and for how long."""

import re
import threading
import time
from collections.abc import Callable
from typing import Final, final

_STEP: Final = re.compile(rb"^#\d+ (\[[^\]\n]*\][^\n]*|exporting to image|pushing [^\n]*)$", re.MULTILINE)
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
_WIDTH: Final = 100


@final
class LiveLine:
    """Redraws itself once a second until stopped. ``write`` takes bytes for the terminal."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._step = ""
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, what: str) -> None:
        """Begin to show ``what``."""
        self._done.clear()
        self._thread = threading.Thread(target=self._draw, args=(what, time.monotonic()), daemon=True)
        self._thread.start()

    def show(self, lines: bytes) -> None:
        """Take the step that these lines of engine output begin."""
        steps = _STEP.findall(lines)
        if steps:
            self._step = _UNPRINTABLE.sub("?", steps[-1].decode(errors="replace"))

    def stop(self) -> None:
        """Take the line away."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _draw(self, what: str, since: float) -> None:
        while True:
            line = f"{what}  {time.monotonic() - since:4.0f} s  {self._step}"[:_WIDTH]
            self._write(b"\r\x1b[K" + line.encode())
            if self._done.wait(1.0):
                self._write(b"\r\x1b[K")
                return
