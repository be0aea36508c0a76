"""The Gregorian calendar and layouts of ``time.Time``, also before the year 1 and after the year 9999.

Python's ``date`` ends there, but every 400 years are alike, weekdays included.
"""

import re
from datetime import date, datetime
from typing import Final, NamedTuple, final

from image_builder_domain.go.template.refusal import Refused
from image_builder_domain.go.template.value import Time

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
UNIX: Final = 62_135_596_800
"""Seconds from the start of the year 1 to that of 1970."""

_DAY: Final = 86_400
_CYCLE_YEARS: Final = 400
_CYCLE_DAYS: Final = 146_097
_FARTHEST: Final = 1_000_000
"""Years; Go's own arithmetic overflows beyond millions of times that."""


@final
class Civil(NamedTuple):
    """Date and time of day. ``weekday`` 0 is Sunday, ``year_day`` 1 is the first of January."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    weekday: int
    year_day: int


def from_datetime(time: datetime, nanosecond: int) -> Time:
    """The aware ``time``, with a fraction of its second in nanoseconds."""
    days = time.toordinal() - 1
    offset = time.utcoffset()
    seconds = days * _DAY + time.hour * 3600 + time.minute * 60 + time.second
    return Time(seconds - (int(offset.total_seconds()) if offset is not None else 0), nanosecond)


def civil(time: Time) -> Civil:
    """The date and time of day."""
    days, seconds = divmod(time.seconds, _DAY)
    cycle, day_of_cycle = divmod(days, _CYCLE_DAYS)
    day = date.fromordinal(day_of_cycle + 1)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    year_day = day.toordinal() - date(day.year, 1, 1).toordinal() + 1
    year = day.year + cycle * _CYCLE_YEARS
    return Civil(year, day.month, day.day, hour, minute, second, day.isoweekday() % 7, year_day)


def add_date(time: Time, years: int, months: int, days: int) -> Time:
    """``Time.AddDate``: a value beyond its range carries over: the 31st of June is the 1st of July."""
    now = civil(time)
    carried, month = divmod(now.month - 1 + months, 12)
    year = now.year + years + carried
    if abs(year) > _FARTHEST or abs(days) > _FARTHEST * 366:
        raise _too_far()
    cycle, year_of_cycle = divmod(year - 1, _CYCLE_YEARS)
    first = date(year_of_cycle + 1, month + 1, 1).toordinal() - 1 + cycle * _CYCLE_DAYS
    return checked(Time((first + now.day - 1 + days) * _DAY + time.seconds % _DAY, time.nanosecond))


def at(moment: int) -> Time:
    """The time at a number of nanoseconds since the start of the year 1."""
    return checked(Time(*divmod(moment, 1_000_000_000)))


def checked(time: Time) -> Time:
    """The time; raises :class:`Refused` beyond a million years."""
    if abs(time.seconds) > _FARTHEST * 366 * _DAY:
        raise _too_far()
    return time


def _too_far() -> Refused:
    return Refused(f"times further away than {_FARTHEST} years are not supported")


# --- layouts: the reference time, Mon Jan 2 15:04:05 MST 2006, written as the result should look ---------------------

# Source: package ``time``, "Constants" and ``Time.Format``: scanned left to right, the first chunk that fits is taken.
_CHUNK: Final = (
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST"
    r"|0[1-6]|002|15|1|2006|2|_2006|_2|__2|3|4|5|PM|pm"
    r"|[-Z](?:070000|07:00:00|0700|07:00|07)"
    r"|[.,]0+(?![0-9])|[.,]9+(?![0-9])"
)


def format_time(layout: str, time: Time) -> str:
    """``time`` in ``layout``; text that is not a chunk of the reference time stays as it is."""
    now = civil(time)
    return re.sub(_CHUNK, lambda chunk: _chunk(chunk[0], now, time.nanosecond), layout)


def _chunk(chunk: str, now: Civil, nanosecond: int) -> str:
    if chunk[0] in "-Z":
        return _offset(chunk)
    if chunk[0] in ".,":
        return _fraction(chunk, nanosecond)
    month, weekday, hour12 = MONTHS[now.month - 1], DAYS[now.weekday], now.hour % 12 or 12
    year = f"{now.year:04d}" if now.year >= 0 else f"-{-now.year:04d}"
    values = {
        "January": month, "Jan": month[:3], "1": f"{now.month}", "01": f"{now.month:02d}",
        "Monday": weekday, "Mon": weekday[:3],
        "2": f"{now.day}", "_2": f"{now.day:2d}", "02": f"{now.day:02d}",
        "002": f"{now.year_day:03d}", "__2": f"{now.year_day:3d}",
        "15": f"{now.hour:02d}", "3": f"{hour12}", "03": f"{hour12:02d}",
        "4": f"{now.minute}", "04": f"{now.minute:02d}", "5": f"{now.second}", "05": f"{now.second:02d}",
        "2006": year, "06": f"{abs(now.year) % 100:02d}", "_2006": f"_{year}",
        "PM": "PM" if now.hour >= 12 else "AM", "pm": "pm" if now.hour >= 12 else "am",
        "MST": "UTC",
    }  # fmt: skip
    return values[chunk]


def _offset(chunk: str) -> str:
    """Times are in UTC: chunks with a ``Z`` become ``Z``, others a zero offset."""
    return "Z" if chunk[0] == "Z" else "+" + chunk[1:].replace("7", "0")


def _fraction(chunk: str, nanosecond: int) -> str:
    digits = f"{nanosecond:09d}"[: len(chunk) - 1]
    digits = digits if chunk[1] == "0" else digits.rstrip("0")
    return f"{chunk[0]}{digits}" if digits else ""
