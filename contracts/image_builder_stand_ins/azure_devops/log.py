"""A log as the service keeps it: lines with timestamps, which clients see page by page; and the times themselves.

The agent uploads a page when it is full (8 MiB) or the record ends, so a running task's lines are not there before. A
log lives in a file, with an index, so that a gibibyte costs no memory and a range of lines no search.
"""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, final

PAGE_BYTES = 8 << 20
_INDEX_EVERY = 1024
NEVER = "0001-01-01T00:00:00"
"""What a time that was never set looks like, without a zone."""


def now() -> int:
    """Nanoseconds since 1970."""
    return time.time_ns()


def full_time(nanoseconds: int) -> str:
    """With 7 digits, as in log lines."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 100:07d}Z"


def short_time(nanoseconds: int) -> str:
    """As JSON answers have it: trailing zeros go, and the point with the last of them."""
    return full_time(nanoseconds)[:-1].rstrip("0").rstrip(".") + "Z"


def day(nanoseconds: int) -> str:
    """The date part of a build number."""
    return f"{datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC):%Y%m%d}"


@final
@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes ``start`` to ``end`` (not included) of a file, sent without reading them into memory."""

    path: Path
    start: int
    end: int

    def read(self) -> bytes:
        """All of it at once."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.end - self.start)


@final
class Log:
    """One log. Thread-safe. Lines are numbered from 1."""

    def __init__(self, path: Path, page_bytes: int = PAGE_BYTES) -> None:
        self.created = self.changed = now()
        self._path = path
        self._page_bytes = page_bytes
        self._lock = threading.Lock()
        self._file: BinaryIO = path.open("wb", buffering=1 << 16)
        self._size = self._lines = 0
        self._shown_size = self._shown_lines = 0
        self._offsets = [0]

    @property
    def line_count(self) -> int:
        """How many lines clients can see."""
        return self._shown_lines

    def write(self, message: str, *, stamped: bool = True) -> None:
        """Add a message; line breaks inside it stay as they are, with no timestamp behind them."""
        text = f"{full_time(now())} {message}\n" if stamped else f"{message}\n"
        self.write_bytes(text.encode("utf-8", "surrogateescape"))

    def write_bytes(self, content: bytes) -> None:
        """Add whole lines of any bytes."""
        with self._lock:
            if self._file.closed:
                return
            self._file.write(content)
            self._remember(content)
            if self._size - self._shown_size >= self._page_bytes:
                self._show()

    def _remember(self, content: bytes) -> None:
        end = content.find(b"\n")
        while end >= 0:
            self._lines += 1
            if self._lines % _INDEX_EVERY == 0:
                self._offsets.append(self._size + end + 1)
            end = content.find(b"\n", end + 1)
        self._size += len(content)

    def _show(self) -> None:
        self._file.flush()
        self._shown_size, self._shown_lines, self.changed = self._size, self._lines, now()

    def publish(self) -> None:
        """Let clients see everything so far."""
        with self._lock:
            if not self._file.closed:
                self._show()

    def close(self) -> None:
        """The record ended: publish the last page."""
        self.publish()
        with self._lock:
            self._file.close()

    def part(self, first: int | None, last: int | None) -> FilePart:
        """Lines ``first`` to ``last``, both included; None means from the beginning, or to the end."""
        with self._lock:
            size, lines, offsets = self._shown_size, self._shown_lines, tuple(self._offsets)
        start = self._offset((first or 1) - 1, lines, size, offsets)
        end = size if last is None else self._offset(last, lines, size, offsets)
        return FilePart(self._path, start, max(start, end))

    def _offset(self, skipped: int, lines: int, size: int, offsets: tuple[int, ...]) -> int:
        """Where the line after ``skipped`` lines begins."""
        if skipped >= lines:
            return size
        block = max(skipped, 0) // _INDEX_EVERY
        with self._path.open("rb") as file:
            file.seek(offsets[block])
            for _ in range(max(skipped, 0) - block * _INDEX_EVERY):
                file.readline()
            return file.tell()
