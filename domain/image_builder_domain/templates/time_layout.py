"""Go's time layouts: a layout is the reference time, Mon Jan 2 15:04:05 MST 2006, written as the result should look.

Source: package ``time``, "Constants" and ``Time.Format``: scanned left to right, the first chunk that fits is taken.
"""

import re
from datetime import datetime, timedelta

_CHUNK = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST"
    r"|0[1-6]|002|15|1|2006|2|_2006|_2|__2|3|4|5|PM|pm"
    r"|[-Z](?:070000|07:00:00|0700|07:00|07)"
    r"|[.,]0+(?![0-9])|[.,]9+(?![0-9])"
)
_MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def format_time(layout: str, time: datetime, nanosecond: int) -> str:
    """``time`` (aware) in ``layout``; ``nanosecond`` is the fraction of its second, 0 to 999,999,999."""
    return _CHUNK.sub(lambda chunk: _chunk(chunk[0], time, nanosecond), layout)


def _chunk(chunk: str, time: datetime, nanosecond: int) -> str:
    if chunk[0] in "-Z" and chunk[1:2] == "0":
        return _offset(chunk, time.utcoffset() or timedelta())
    if chunk[0] in ".,":
        digits = f"{nanosecond:09d}"[: len(chunk) - 1]
        digits = digits if chunk[1] == "0" else digits.rstrip("0")
        return f"{chunk[0]}{digits}" if digits else ""
    month, weekday, hour12 = _MONTHS[time.month - 1], _DAYS[time.weekday()], time.hour % 12 or 12
    values = {
        "January": month, "Jan": month[:3], "1": f"{time.month}", "01": f"{time.month:02d}",
        "Monday": weekday, "Mon": weekday[:3],
        "2": f"{time.day}", "_2": f"{time.day:2d}", "02": f"{time.day:02d}",
        "002": f"{time:%j}", "__2": f"{time.timetuple().tm_yday:3d}",
        "15": f"{time.hour:02d}", "3": f"{hour12}", "03": f"{hour12:02d}",
        "4": f"{time.minute}", "04": f"{time.minute:02d}", "5": f"{time.second}", "05": f"{time.second:02d}",
        "2006": f"{time.year:04d}", "06": f"{time.year % 100:02d}", "_2006": f"_{time.year:04d}",
        "PM": "PM" if time.hour >= 12 else "AM", "pm": "pm" if time.hour >= 12 else "am",
        "MST": time.tzname() or "UTC",
    }  # fmt: skip
    return values[chunk]


def _offset(chunk: str, offset: timedelta) -> str:
    total = int(offset.total_seconds())
    if chunk[0] == "Z" and total == 0:
        return "Z"
    sign, (minutes, seconds) = "-" if total < 0 else "+", divmod(abs(total), 60)
    parts = [f"{minutes // 60:02d}", f"{minutes % 60:02d}", f"{seconds:02d}"]
    wanted = (len(chunk.replace(":", "")) - 1) // 2
    return sign + (":" if ":" in chunk else "").join(parts[:wanted])
