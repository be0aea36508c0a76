"""Methods of times, durations, months, weekdays and locations (Go, package ``time``)."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, final

from image_builder_domain.go.template.calendar import MONTHS, UNIX, add_date, at, checked, civil, format_time
from image_builder_domain.go.template.printing import plain
from image_builder_domain.go.template.refusal import Refused
from image_builder_domain.go.template.value import UTC, Duration, Int64, Location, Month, Time, Value, Weekday

_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_LONGEST: Final = (1 << 63) - 1
_SHORTEST: Final = -(1 << 63)


@final
class Method(NamedTuple):
    """The types of its parameters (None: any), and what it does with a receiver and as many arguments."""

    parameters: tuple[type[Any] | None, ...]
    call: Callable[..., Value]


def _refused(*_: Value) -> Value:
    raise Refused("methods that take or give bytes are not supported")


def _several(*_: Value) -> Value:
    raise Refused("a method that gives several values cannot be used in a template")


def _within_64_bits(number: int) -> Int64:
    """As a counter of 64 bits would show it after running over."""
    return Int64((number + _LONGEST + 1) % (1 << 64) - _LONGEST - 1)


# --- times --------------------------------------------------------------------------------------------------------


def _unix(unit: int) -> Callable[[Time], Value]:
    """Whole units of so many nanoseconds since 1970, rounded down."""
    return lambda time: _within_64_bits((time.moment - UNIX * _SECOND) // unit)


def _subtract(time: Time, other: Time) -> Duration:
    return Duration(max(_SHORTEST, min(_LONGEST, time.moment - other.moment)))


def _truncate_time(time: Time, unit: Duration) -> Time:
    return time if unit <= 0 else at(time.moment - time.moment % unit)


def _round_time(time: Time, unit: Duration) -> Time:
    if unit <= 0:
        return time
    rest = time.moment % unit
    return at(time.moment - rest if rest + rest < unit else time.moment + unit - rest)


def _compare(time: Time, other: Time) -> int:
    return (time.moment > other.moment) - (time.moment < other.moment)


def _go_string(time: Time) -> str:
    now = civil(time)
    clock = f"{now.hour}, {now.minute}, {now.second}, {time.nanosecond}"
    return f"time.Date({now.year}, time.{MONTHS[now.month - 1]}, {now.day}, {clock}, time.UTC)"


def _in(time: Time, _: Location) -> Time:
    return time


_TIME: Final = {
    "Year": Method((), lambda time: civil(time).year),
    "Month": Method((), lambda time: Month(civil(time).month)),
    "Day": Method((), lambda time: civil(time).day),
    "Hour": Method((), lambda time: civil(time).hour),
    "Minute": Method((), lambda time: civil(time).minute),
    "Second": Method((), lambda time: civil(time).second),
    "Nanosecond": Method((), lambda time: time.nanosecond),
    "Weekday": Method((), lambda time: Weekday(civil(time).weekday)),
    "YearDay": Method((), lambda time: civil(time).year_day),
    "Unix": Method((), _unix(_SECOND)),
    "UnixMilli": Method((), _unix(1_000_000)),
    "UnixMicro": Method((), _unix(1_000)),
    "UnixNano": Method((), _unix(1)),
    "IsZero": Method((), lambda time: time.moment == 0),
    "IsDST": Method((), lambda _: False),
    "Location": Method((), lambda _: UTC),
    "String": Method((), plain),
    "GoString": Method((), _go_string),
    "Format": Method((str,), lambda time, layout: format_time(layout, time)),
    "UTC": Method((), lambda time: time),
    "Local": Method((), lambda time: time),
    "In": Method((Location,), _in),
    "Add": Method((Duration,), lambda time, duration: at(time.moment + duration)),
    "AddDate": Method((int, int, int), lambda time, *numbers: checked(add_date(time, *numbers))),
    "Round": Method((Duration,), _round_time),
    "Truncate": Method((Duration,), _truncate_time),
    "Sub": Method((Time,), _subtract),
    "Before": Method((Time,), lambda time, other: time.moment < other.moment),
    "After": Method((Time,), lambda time, other: time.moment > other.moment),
    "Equal": Method((Time,), lambda time, other: time.moment == other.moment),
    "Compare": Method((Time,), _compare),
    "Date": Method((), _several),
    "Clock": Method((), _several),
    "ISOWeek": Method((), _several),
    "Zone": Method((), _several),
    "ZoneBounds": Method((), _several),
    "MarshalText": Method((), _refused),
    "MarshalJSON": Method((), _refused),
    "MarshalBinary": Method((), _refused),
    "GobEncode": Method((), _refused),
    "AppendText": Method((None,), _refused),
    "AppendBinary": Method((None,), _refused),
    "AppendFormat": Method((None, None), _refused),
    "UnmarshalText": Method((None,), _refused),
    "UnmarshalJSON": Method((None,), _refused),
    "UnmarshalBinary": Method((None,), _refused),
    "GobDecode": Method((None,), _refused),
}


# --- durations ----------------------------------------------------------------------------------------------------


def _units(unit: int) -> Callable[[Duration], float]:
    """Whole units and the rest are converted apart, as Go does; the last digits depend on it."""

    def count(duration: Duration) -> float:
        whole = abs(duration) // unit * (1 if duration >= 0 else -1)
        return float(whole) + float(duration - whole * unit) / float(unit)

    return count


def _toward_zero(number: int, unit: int) -> int:
    return math.trunc(number // unit) if number >= 0 else -(-number // unit)


def _truncate(duration: Duration, unit: Duration) -> Duration:
    return duration if unit <= 0 else Duration(_toward_zero(duration, unit) * unit)


def _round(duration: Duration, unit: Duration) -> Duration:
    """Halves go away from zero."""
    if unit <= 0:
        return duration
    rest = abs(duration) % unit
    size = abs(duration) - rest if rest + rest < unit else abs(duration) - rest + unit
    return Duration(max(_SHORTEST, min(_LONGEST, size if duration >= 0 else -size)))


_DURATION: Final = {
    "Hours": Method((), _units(_HOUR)),
    "Minutes": Method((), _units(_MINUTE)),
    "Seconds": Method((), _units(_SECOND)),
    "Milliseconds": Method((), lambda duration: Int64(_toward_zero(duration, 1_000_000))),
    "Microseconds": Method((), lambda duration: Int64(_toward_zero(duration, 1_000))),
    "Nanoseconds": Method((), lambda duration: Int64(duration)),
    "Round": Method((Duration,), _round),
    "Truncate": Method((Duration,), _truncate),
    "Abs": Method((), lambda duration: Duration(min(_LONGEST, abs(duration)))),
    "String": Method((), plain),
}

_STRING: Final = {"String": Method((), plain)}

METHODS: Final[Mapping[type[Any], Mapping[str, Method]]] = {
    Time: _TIME,
    Duration: _DURATION,
    Month: _STRING,
    Weekday: _STRING,
    Location: _STRING,
}
"""The methods of each type, by name."""


def names_of(kind: type[Any]) -> str:
    """The methods of a type that a template can use, for messages; may be empty."""
    methods = METHODS.get(kind, {})
    return ", ".join(f".{name}" for name, method in methods.items() if method.call not in (_refused, _several))
