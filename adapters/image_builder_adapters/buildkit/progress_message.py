"""One line of BuildKit's structured progress, decoded; pure.

``buildctl --progress=rawjson`` writes one JSON object a line: what changed since the last one. Source: BuildKit's
``client/graph.go`` (``SolveStatus``). A line that is anything else is not a message.
"""

import json
from binascii import a2b_base64
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar, final

_KEYS: Final = frozenset(("vertexes", "statuses", "logs", "warnings"))
_BITS: Final = 63  # Go's `int64`
_Element = TypeVar("_Element")


@final
class VertexUpdate(NamedTuple):
    """A vertex as it is now: a step, or something that BuildKit does by itself. Times are seconds since 1970.

    BuildKit may make several vertices of one instruction (``COPY --link``); ``group`` and ``group_name`` are theirs.
    """

    digest: str
    name: str
    started: float | None
    completed: float | None
    is_cached: bool
    error: str
    group: str
    group_name: str


@final
class StatusUpdate(NamedTuple):
    """How far a part of a vertex is, such as one layer that is pushed. ``total`` is 0 if it is not known."""

    vertex: str
    identifier: str
    current: int
    total: int
    time: float
    started: float | None
    completed: float | None


@final
class LogPart(NamedTuple):
    """A piece of a step's output, cut anywhere. ``timestamp`` is text, for :func:`seconds`: most are never needed."""

    vertex: str
    data: bytes
    timestamp: str


@final
class WarningUpdate(NamedTuple):
    """A warning of the frontend; ``line`` is None if it has no place."""

    vertex: str
    text: str
    url: str
    file: str
    line: int | None


@final
class Message(NamedTuple):
    """One line of progress."""

    vertexes: tuple[VertexUpdate, ...]
    statuses: tuple[StatusUpdate, ...]
    logs: tuple[LogPart, ...]
    warnings: tuple[WarningUpdate, ...]


def parse_message(line: bytes) -> Message | None:
    """The message, or None if the line is not one as a whole: torn, of another program, or of unknown types."""
    try:
        document = json.loads(line.decode())
        if not isinstance(document, dict) or (document and not _KEYS.intersection(document)):
            return None
        return Message(
            _read(_vertex, document, "vertexes"),
            _read(_status, document, "statuses"),
            _read(_log, document, "logs"),
            _read(_warning, document, "warnings"),
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def seconds(timestamp: str) -> float:
    """RFC 3339 as seconds since 1970; raises ``ValueError`` or ``OverflowError``."""
    return datetime.fromisoformat(timestamp).timestamp()


def _read(one: Callable[[dict[str, Any]], _Element], document: dict[str, Any], key: str) -> tuple[_Element, ...]:
    return tuple(map(one, _typed(list, document[key]))) if key in document else ()


def _vertex(fields: dict[str, Any]) -> VertexUpdate:
    group = fields.get("progressGroup") or {}
    return VertexUpdate(
        _required(fields, "digest"),
        _text(fields, "name"),
        _time(fields, "started"),
        _time(fields, "completed"),
        _typed(bool, fields.get("cached", False)),
        _text(fields, "error"),
        _text(group, "id"),
        _text(group, "name"),
    )


def _status(fields: dict[str, Any]) -> StatusUpdate:
    return StatusUpdate(
        _text(fields, "vertex"),
        _required(fields, "id"),
        _number(fields["current"]),
        _number(fields.get("total", 0)),
        seconds(fields["timestamp"]),
        _time(fields, "started"),
        _time(fields, "completed"),
    )


def _log(fields: dict[str, Any]) -> LogPart:
    timestamp: str = fields["timestamp"]
    seconds(timestamp)
    # Go writes `null` for output that is empty.
    return LogPart(_text(fields, "vertex"), a2b_base64(fields["data"] or "", strict_mode=True), timestamp)


def _warning(fields: dict[str, Any]) -> WarningUpdate:
    source = fields.get("sourceInfo") or {}
    lines = tuple(_lines(fields.get("range") or ()))
    text = a2b_base64(fields.get("short") or "", strict_mode=True).decode("utf-8", "replace")
    return WarningUpdate(
        _text(fields, "vertex"), text, _text(fields, "url"), _text(source, "filename"), min(lines, default=None)
    )


def _lines(ranges: Any) -> Iterator[int]:
    for each in ranges:
        yield _number(each["start"]["line"])


def _text(fields: dict[str, Any], key: str) -> str:
    return _required(fields, key) if key in fields else ""


def _required(fields: dict[str, Any], key: str) -> str:
    text: str = _typed(str, fields[key])
    if not text.isascii():
        text.encode()  # half a surrogate pair is an error here, where it makes the line none of BuildKit's
    return text


def _number(value: Any) -> int:
    number: int = _typed(int, value)
    if number.bit_length() > _BITS:
        raise OverflowError
    return number


def _time(fields: dict[str, Any], key: str) -> float | None:
    value = fields.get(key)
    return None if value is None else seconds(value)


def _typed(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value
