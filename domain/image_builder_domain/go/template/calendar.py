"""The calendar of ``time.Time``: the Gregorian one, before the year 1 and after the year 9999 too.

Python's ``date`` ends there, but every 400 years are alike, weekdays included.
"""

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
    """A moment as people write it. ``weekday`` 0 is Sunday, ``year_day`` 1 is the first of January."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    weekday: int
    year_day: int


def from_datetime(time: datetime, nanosecond: int) -> Time:
    """The aware ``time`` with a finer fraction of its second."""
    days = time.toordinal() - 1
    offset = time.utcoffset()
    seconds = days * _DAY + time.hour * 3600 + time.minute * 60 + time.second
    return Time(seconds - (int(offset.total_seconds()) if offset is not None else 0), nanosecond)


def civil(time: Time) -> Civil:
    """What calendar and clock show."""
    days, seconds = divmod(time.seconds, _DAY)
    cycle, day_of_cycle = divmod(days, _CYCLE_DAYS)
    day = date.fromordinal(day_of_cycle + 1)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    year_day = day.toordinal() - date(day.year, 1, 1).toordinal() + 1
    year = day.year + cycle * _CYCLE_YEARS
    return Civil(year, day.month, day.day, hour, minute, second, day.isoweekday() % 7, year_day)


def add_date(time: Time, years: int, months: int, days: int) -> Time:
    """``Time.AddDate``: what is too large for its place carries over, the 31st of June is the 1st of July."""
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
    """Refuse what lies further away than a million years."""
    if abs(time.seconds) > _FARTHEST * 366 * _DAY:
        raise _too_far()
    return time


def _too_far() -> Refused:
    return Refused(f"times further away than {_FARTHEST} years are not supported")
