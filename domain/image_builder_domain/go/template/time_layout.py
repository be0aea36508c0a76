"""Go's time layouts: a layout is the reference time, Mon Jan 2 15:04:05 MST 2006, written as the result should look.

Source: package ``time``, "Constants" and ``Time.Format``: scanned left to right, the first chunk that fits is taken.
"""

import re
from typing import Final

from image_builder_domain.go.template.calendar import DAYS, MONTHS, Civil, civil
from image_builder_domain.go.template.value import Time

_CHUNK: Final = (
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST"
    r"|0[1-6]|002|15|1|2006|2|_2006|_2|__2|3|4|5|PM|pm"
    r"|[-Z](?:070000|07:00:00|0700|07:00|07)"
    r"|[.,]0+(?![0-9])|[.,]9+(?![0-9])"
)


def format_time(layout: str, time: Time) -> str:
    """``time`` in ``layout``; what is no chunk of the reference time stays as it is."""
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
    """Times are in UTC: the chunks with a ``Z`` say just that, the others say plus nothing."""
    return "Z" if chunk[0] == "Z" else "+" + chunk[1:].replace("7", "0")


def _fraction(chunk: str, nanosecond: int) -> str:
    digits = f"{nanosecond:09d}"[: len(chunk) - 1]
    digits = digits if chunk[1] == "0" else digits.rstrip("0")
    return f"{chunk[0]}{digits}" if digits else ""
