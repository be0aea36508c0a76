"""Lines of a pipeline's log, as its agent writes them: a timestamp of seven digits and one blank, then the text.

Source: Azure Pipelines agent. Pages begin with a byte order mark, agents on Windows end lines with CRLF, and a message
with line breaks has its timestamp on the first line alone.
"""

import re
from typing import Final

_STAMP: Final = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z"
_AT_START: Final = re.compile(rb"^" + _STAMP + rb" ?", re.MULTILINE)
_MARK: Final = "\ufeff".encode()


def without_timestamps(lines: bytes) -> bytes:
    """Whole lines without their timestamps; lines that have none stay as they are."""
    return _AT_START.sub(b"", lines)


def plain_line(line: bytes) -> bytes:
    """A line without its end, without byte order marks at its start and without the carriage return at its end."""
    start = 0
    while line.startswith(_MARK, start):
        start += len(_MARK)
    return line[start:].removesuffix(b"\r")


def report_text(lines: bytes) -> str:
    """Lines as text without timestamps; bytes that are no UTF-8 are replaced."""
    return without_timestamps(lines).decode("utf-8", "replace")
