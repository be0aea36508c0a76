"""A child's output on its way to a sink: read in a thread of its own, cut at line ends, its end remembered."""

import os
import select
import threading
from collections import deque
from typing import IO, Final, final

from image_builder_domain.ports import Cancellation, OutputSink

_CHUNK: Final = 64 * 1024
_LISTEN: Final = 0.1
# A pipe holds 64 KiB unless somebody raised it, at most to 1 MiB: that much of the child's own output may still wait.
_LARGEST_PIPE: Final = 1024 * 1024
_CUT: Final = b"(the beginning of a very long line is left out)"


@final
class Tail:
    """An output sink that keeps the end of what passes, at little cost: nothing is split until it is asked for.

    Of a line whose beginning was let go nothing is kept: half a secret would not be known as one.
    """

    def __init__(self, output: OutputSink, limit: int = 4 * _CHUNK) -> None:
        self._output = output
        self._limit = limit
        self._blocks: deque[bytes] = deque()
        self._size = 0
        self._is_cut = False

    def __call__(self, block: bytes) -> None:
        """Hand on, and keep."""
        self._blocks.append(block)
        self._size += len(block)
        while self._size - len(self._blocks[0]) >= self._limit:
            gone = self._blocks.popleft()
            self._size -= len(gone)
            self._is_cut = not gone.endswith(b"\n")
        self._output(block)

    def lines(self) -> tuple[str, ...]:
        """The lines in the last ``limit`` bytes or a little more, without their newlines; odd bytes are replaced."""
        kept = b"".join(self._blocks)
        if self._is_cut:
            kept = _CUT + kept[kept.find(b"\n") :] if b"\n" in kept else _CUT
        text = kept.decode("utf-8", "replace")
        return tuple(line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")) if text else ()


@final
class OutputReader:
    """Moves a child's output to the sink, in a thread of its own; ``at_end`` is set when nobody can write any more."""

    def __init__(self, pipe: IO[bytes], output: OutputSink) -> None:
        self.at_end = threading.Event()
        self._ended = threading.Event()
        self._pipe = pipe
        self._lines = _Lines(output)
        self._thread = threading.Thread(target=self._read, name="output", daemon=True)
        self._thread.start()

    def finish(self, cancellation: Cancellation) -> None:
        """Wait until all that the child wrote has been handed on; after a cancellation, 1 s at most."""
        self._ended.set()
        while self._thread.is_alive():
            cancelled = cancellation.reason() is not None
            self._thread.join(1.0 if cancelled else _LISTEN)
            if cancelled:
                return

    def _read(self) -> None:
        # Closed whatever happens: a child that nobody reads must end by SIGPIPE instead of waiting for ever.
        with self._pipe:
            self._pump(self._pipe.fileno())
            self.at_end.set()
            self._lines.end()

    def _pump(self, descriptor: int) -> None:
        left = _LARGEST_PIPE
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while left > 0:
            ended = self._ended.is_set()
            if not poll.poll(500):
                if ended:
                    return  # silent, and yet open: an orphan holds it
                continue
            chunk = os.read(descriptor, _CHUNK)
            if not chunk:
                return
            left -= len(chunk) if ended else 0
            self._lines.feed(chunk)


@final
class _Lines:
    """Cuts chunks at line ends, so that a sink only ever sees whole lines (or pieces of a very long one)."""

    def __init__(self, output: OutputSink) -> None:
        self._output = output
        self._rest = b""
        self._is_in_line = False

    def feed(self, chunk: bytes) -> None:
        """Hand on all lines that are complete."""
        cut = chunk.rfind(b"\n") + 1
        if cut:
            self._output(self._rest + chunk[:cut])
            self._rest, self._is_in_line = chunk[cut:], False
            return
        self._rest += chunk
        while len(self._rest) >= _CHUNK:
            self._output(self._rest[:_CHUNK])
            self._rest, self._is_in_line = self._rest[_CHUNK:], True

    def end(self) -> None:
        """Hand on the last line; it gets the newline it lacks."""
        if self._rest or self._is_in_line:
            self._output(self._rest + b"\n")
