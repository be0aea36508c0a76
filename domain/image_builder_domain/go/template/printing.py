"""How values print by themselves: Go's verb ``%v`` without flags, and the functions ``print`` and ``println``."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from image_builder_domain.go.template.calendar import DAYS, MONTHS
from image_builder_domain.go.template.float_format import shortest
from image_builder_domain.go.template.refusal import Refused
from image_builder_domain.go.template.time_layout import format_time
from image_builder_domain.go.template.value import (
    Duration,
    Int64,
    Location,
    Month,
    Root,
    Time,
    Uint8,
    Value,
    Weekday,
    canonical,
)

_UNSIGNED: Final = 1 << 64
_UNITS: Final = ((1_000, "ns"), (1_000_000, "\u00b5s"), (1_000_000_000, "ms"))


def plain(value: Value) -> str:
    """The text of a value; nil is ``<nil>``."""
    return _PRINTERS[type(value)](value)


def sprint(values: Iterable[Value]) -> str:
    """``print``: a blank only between two neighbours that are both no texts."""
    parts: list[str] = []
    blank_before = False
    for value in values:
        is_text = isinstance(value, str)
        if blank_before and not is_text:
            parts.append(" ")
        parts.append(plain(value))
        blank_before = not is_text
    return canonical("".join(parts))


def sprintln(values: Iterable[Value]) -> str:
    """``println``: blanks between all, and a newline."""
    return canonical(" ".join(map(plain, values)) + "\n")


def duration_text(duration: int) -> str:
    """Such as ``1h2m3.5s``; below one second in the largest unit that is not below one."""
    size, sign = abs(duration), "-" if duration < 0 else ""
    if size == 0:
        return "0s"
    for limit, unit in _UNITS:
        if size < limit:
            return f"{sign}{_with_fraction(size, limit // 1_000)}{unit}"
    minutes, rest = divmod(size, 60_000_000_000)
    text = f"{_with_fraction(rest, 1_000_000_000)}s"
    if minutes:
        hours, minute = divmod(minutes, 60)
        text = f"{hours}h{minute}m{text}" if hours else f"{minute}m{text}"
    return sign + text


def _with_fraction(size: int, unit: int) -> str:
    whole, rest = divmod(size, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else f"{whole}"


def _name(names: tuple[str, ...], first: int, type_name: str) -> Callable[[int], str]:
    def name(number: int) -> str:
        known = 0 <= number - first < len(names)
        return names[number - first] if known else f"%!{type_name}({number % _UNSIGNED})"

    return name


def _root(_: Root) -> str:
    raise Refused("printing the whole of '.' is not supported: name one of its fields")


_PRINTERS: Final[dict[type[Any], Callable[[Any], str]]] = {
    str: lambda text: text,
    bool: lambda truth: "true" if truth else "false",
    int: int.__repr__,
    Int64: int.__repr__,
    Uint8: int.__repr__,
    float: shortest,
    Month: _name(MONTHS, 1, "Month"),
    Weekday: _name(DAYS, 0, "Weekday"),
    Duration: duration_text,
    Time: lambda time: format_time("2006-01-02 15:04:05.999999999 -0700 MST", time),
    Location: lambda _: "UTC",
    Root: _root,
    type(None): lambda _: "<nil>",
}
