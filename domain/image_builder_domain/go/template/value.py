"""The values of templates, each with the Go type that decides how it prints and compares.

``bool``, ``int``, ``float`` and ``str`` stand for themselves. A ``str`` holds Go's bytes: UTF-8, and a surrogate escape
for each byte that is not UTF-8 (PEP 383); :func:`canonical` restores this form. Go's ``nil`` is ``None``.
"""

from typing import Any, Final, TypeAlias, final

from image_builder_domain.go.template.refusal import Refused


@final
class Int64(int):
    """Go's ``int64``."""

    __slots__ = ()


@final
class Uint8(int):
    """Go's ``uint8``, which a byte of a text is."""

    __slots__ = ()


@final
class Month(int):
    """``time.Month``: 1 is January."""

    __slots__ = ()


@final
class Weekday(int):
    """``time.Weekday``: 0 is Sunday."""

    __slots__ = ()


@final
class Duration(int):
    """``time.Duration``, in nanoseconds."""

    __slots__ = ()


@final
class Time:
    """``time.Time`` in UTC: whole seconds since the start of the year 1, and nanoseconds (0 to 999,999,999)."""

    __slots__ = ("nanosecond", "seconds")

    def __init__(self, seconds: int, nanosecond: int) -> None:
        self.seconds = seconds
        self.nanosecond = nanosecond

    @property
    def moment(self) -> int:
        """Nanoseconds since the start of the year 1."""
        return self.seconds * 1_000_000_000 + self.nanosecond


@final
class Location:
    """``*time.Location``; there is only UTC."""

    __slots__ = ()


@final
class Root:
    """The initial value of ``.``, which has the fields."""

    __slots__ = ()


UTC: Final = Location()
ROOT: Final = Root()

Value: TypeAlias = bool | int | float | str | Time | Location | Root | None
"""Also the subclasses of ``int`` above."""

TYPE_NAMES: Final[dict[type[Any], str]] = {
    bool: "bool",
    int: "int",
    Int64: "int64",
    Uint8: "uint8",
    float: "float64",
    str: "string",
    Month: "time.Month",
    Weekday: "time.Weekday",
    Duration: "time.Duration",
    Time: "time.Time",
    Location: "*time.Location",
    Root: "*tags.Tagger",
    type(None): "<nil>",
}

INTEGERS: Final = frozenset({int, Int64, Uint8, Month, Weekday, Duration})


def type_name(value: Value) -> str:
    """The name that Go gives the type of ``value``."""
    return TYPE_NAMES[type(value)]


def is_true(value: Value) -> bool:
    """The truth value of ``if``: zeros, the empty text and nil are false; times, locations and the root are true."""
    return bool(value) if isinstance(value, int | float | str) else value is not None


def encoded(text: str) -> bytes:
    """The bytes of a Go string."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Refused("a text that holds half a character is not supported") from None


def canonical(text: str) -> str:
    """``text`` after concatenation: bytes that now form a character become that character."""
    return text if text.isascii() else encoded(text).decode("utf-8", "surrogateescape")
