"""One live line for each build on a terminal: the step that runs, and for how long.

They are the last lines of the screen. All other output is printed above them.
"""

import os
import re
import threading
import time
from collections.abc import Callable
from typing import Final, final

# kaniko's log in its three formats, `text`, `json` and `color`: it reports no position.
_STEP: Final = re.compile(
    rb'^(?:time="[^"\n]*" level=info msg="|\{"level":"info","msg":"|\x1b\[36mINFO\x1b\[0m\[\d+\] )'
    rb"((?:RUN|COPY|ADD|Building stage|Pushing image to) [^\n]*?)"
    rb'(?:"|","time":"[^"\n]*"\})? *$',
    re.MULTILINE,
)
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")
_WIDTH: Final = 100


@final
class LiveLine:
    """One build. Changed by the thread that reads its engine's output."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._since = time.monotonic()
        self._step = ""

    def show(self, lines: bytes) -> None:
        """Take the step that these lines of engine output begin."""
        steps = _STEP.findall(lines)
        if steps:
            self._step = _UNPRINTABLE.sub("?", steps[-1].decode(errors="replace"))

    def at(self, position: str) -> None:
        """Take the step that runs now."""
        self._step = _UNPRINTABLE.sub("?", position)

    def text(self) -> str:
        """The text of the line now."""
        return f"{self._what}  {time.monotonic() - self._since:4.0f} s  {self._step}"


@final
class LiveLines:
    """Redraws all lines once a second. ``write`` takes bytes for the terminal, ``size`` gives its columns and rows."""

    def __init__(self, write: Callable[[bytes], None], size: Callable[[], tuple[int, int]]) -> None:
        self._write = write
        self._size = size
        self._lines: list[LiveLine] = []
        self._drawn = 0
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, what: str) -> LiveLine:
        """Add a line below the others."""
        line = LiveLine(what)
        with self._lock:
            self._lines.append(line)
            self._redraw()
            if self._thread is None:
                self._thread = threading.Thread(target=self._tick, args=(self._done,), daemon=True)
                self._thread.start()
        return line

    def end(self, line: LiveLine) -> None:
        """Remove a line; a second call does nothing."""
        with self._lock:
            if line not in self._lines:
                return
            self._lines.remove(line)
            self._redraw()
            if not self._lines:
                self._done.set()
                self._done, self._thread = threading.Event(), None

    def print(self, text: bytes) -> None:
        """Write whole lines above the live ones."""
        with self._lock:
            self._redraw(text)

    def _tick(self, done: threading.Event) -> None:
        while not done.wait(1.0):
            with self._lock:
                if not done.is_set():
                    self._redraw()

    def _redraw(self, above: bytes = b"") -> None:
        """Replace the lines in one write, so that nothing flickers."""
        columns, rows = self._size()
        texts = [line.text() for line in self._lines]
        if len(texts) > rows - 1:
            shown = max(1, rows - 2)
            texts = [*texts[:shown], f"and {len(texts) - shown} more"]
        away = b"\r\x1b[K" + b"\x1b[A\x1b[K" * (self._drawn - 1) if self._drawn else b""
        drawn = b"\n".join(b"\r\x1b[K" + text[: min(_WIDTH, columns - 1)].encode() for text in texts)
        self._drawn = len(texts)
        self._write(away + above + drawn)


def terminal_size(descriptor: int) -> tuple[int, int]:
    """Columns and rows; 80 and 24 where the terminal does not know."""
    try:
        columns, rows = os.get_terminal_size(descriptor)
    except OSError:
        columns = rows = 0
    return columns or 80, rows or 24
