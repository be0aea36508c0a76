"""The position in one log: each line is printed once and in order, however often and from where the log is read.

A log is read again from the last printed line: receiving that line again proves that the service honours the range.
Lines are compared by their first 64 KiB. Lines are handled in blocks; memory does not depend on the size of a log or a
line.
"""

import hashlib
import re
from typing import Final, final

from image_builder_domain.ports import OutputSink

_PIECE: Final = 64 * 1024
_MARK: Final = b"\xef\xbb\xbf"
_MARKS_AFTER_END: Final = re.compile(rb"(?<=\n)(?:\xef\xbb\xbf)+")


@final
class LogCursor:
    """One log. ``lines`` counts the printed lines. ``output`` takes whole lines, or pieces of a very long one."""

    def __init__(self, output: OutputSink) -> None:
        self.lines = 0
        self._output = output
        self._first: bytes | None = None
        self._last: bytes | None = None
        self._begun: bytes | None = None
        self._sent_of_line = 0  # printed bytes of the line after `lines`
        self._rest = bytearray()
        self._compares = False
        self._skip_lines = 0
        self._skip_bytes = 0

    def begin(self) -> int | None:
        """Prepare for an answer: the number of the first line to request (from 1), None for the whole log."""
        self._rest.clear()
        self._skip_lines, self._skip_bytes = 0, self._sent_of_line
        self._compares = self.lines > 0
        return self.lines or None

    def take(self, piece: bytes) -> None:
        """Take the next bytes of the answer."""
        self._rest += piece
        if (self._compares and not self._compared()) or not self._skipped():
            return
        cut = self._rest.rfind(b"\n") + 1
        if cut:
            block = bytes(self._rest[:cut])
            del self._rest[:cut]
            self._lines(block)
        while len(self._rest) >= _PIECE:
            self._part_of_line(bytes(self._rest[:_PIECE]))
            del self._rest[:_PIECE]

    def end(self) -> None:
        """Take the end of a complete answer: the remaining bytes are a line."""
        if self._compares:
            if self._rest:
                self.take(b"\n")
        elif (self._rest or self._sent_of_line > 0) and self._skipped():
            self._lines(bytes(self._rest) + b"\n")
        self._rest.clear()

    def _compared(self) -> bool:
        """Whether the first line of the answer has been identified; usually it is the last printed one."""
        cut = self._rest.find(b"\n", 0, _PIECE) + 1
        if not cut and len(self._rest) < _PIECE:
            return False
        seen = _digest(self._rest[: cut or _PIECE])
        if seen == self._last:
            self._skip_lines = 1
        elif seen == self._first:  # the service ignored the range
            self._skip_lines = self.lines
        self._compares = False
        return True

    def _skipped(self) -> bool:
        """Skip what was printed before; True at its end."""
        while self._skip_lines:
            cut = self._rest.find(b"\n") + 1
            if not cut:
                self._rest.clear()
                return False
            del self._rest[:cut]
            self._skip_lines -= 1
        cut = min(self._skip_bytes, len(self._rest))
        del self._rest[:cut]
        self._skip_bytes -= cut
        return self._skip_bytes == 0

    def _lines(self, block: bytes) -> None:
        """Print whole lines; a part of the first one may have been printed before."""
        count = block.count(b"\n")
        begun = self._sent_of_line > 0
        if not begun:
            self._first = self._first or _digest(block[: block.find(b"\n") + 1])
        if not begun or count > 1:
            self._last = _digest(block[block.rfind(b"\n", 0, -1) + 1 :])
        else:
            self._last = self._begun
        self.lines += count
        self._sent_of_line = 0
        self._output(_clean(block, at_start=not begun))

    def _part_of_line(self, piece: bytes) -> None:
        at_start = self._sent_of_line == 0
        if at_start:
            self._begun = _digest(piece)
            self._first = self._first or self._begun
        self._sent_of_line += len(piece)
        self._output(_clean(piece, at_start=at_start))


def _digest(line: bytes | bytearray) -> bytes:
    return hashlib.blake2b(bytes(line[:_PIECE]).lstrip(_MARK).rstrip(b"\r\n"), digest_size=16).digest()


def _clean(block: bytes, *, at_start: bool) -> bytes:
    """The block without byte order marks at the start of lines, and with LF at their ends."""
    if _MARK in block:
        start = 0
        while at_start and block.startswith(_MARK, start):
            start += len(_MARK)
        block = _MARKS_AFTER_END.sub(b"", block[start:])
    return block.replace(b"\r\n", b"\n") if b"\r\n" in block else block
