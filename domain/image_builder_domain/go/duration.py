"""Durations as Go writes them: ``10s``, ``1h30m``, ``1.5ms`` (Go's ``time.ParseDuration``, to the nanosecond)."""

import re
from dataclasses import dataclass
from typing import Final, final

from returns.result import Failure, Result, Success

# Compiled when first used: most runs read no duration.
_UNITS: Final = "ns|us|µs|μs|ms|s|m|h"
_PART: Final = rf"([0-9]*)(\.[0-9]*)?({_UNITS})"
_ONE: Final = rf"([0-9]+(\.[0-9]*)?|\.[0-9]+)({_UNITS})"
PATTERN: Final = rf"^\+?(0|({_ONE})+)$"
"""Every duration that is not negative, for a JSON Schema."""

POSITIVE_PATTERN: Final = rf"^\+?(?=.*[1-9])({_ONE})+$"
"""The same without 0; only the loader rejects values such as ``0.0000000001ns`` that round to 0."""

_NANOSECONDS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_LONGEST: Final = 2**63 - 1  # Go counts nanoseconds in 64 bits with a sign
_MOST_DIGITS: Final = 10_000


@final
@dataclass(frozen=True, slots=True)
class MalformedDuration:
    """A text that is not a duration."""

    text: str

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 80 else f"{self.text[:80]}…"
        return f"{shown!r} is not a duration; write a number and a unit, such as 10s, 5m or 1h30m"


def seconds(text: str) -> Result[float, MalformedDuration]:
    """The seconds of a Go duration, negative with a ``-``; at most about 292 years, as in Go."""
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    if unsigned == "0":
        return Success(0.0)
    if len(text) > _MOST_DIGITS or not re.fullmatch(f"({_ONE})+", unsigned):
        return Failure(MalformedDuration(text))
    total = sum(_nanoseconds(*part) for part in re.findall(_PART, unsigned))
    if total > _LONGEST + (text[0] == "-"):
        return Failure(MalformedDuration(text))
    return Success((-total if text[0] == "-" else total) / 1e9)


def _nanoseconds(whole: str, fraction: str, unit: str) -> int:
    """Go truncates each part of a sum to nanoseconds, and computes the fraction in floating point."""
    size, digits = _NANOSECONDS[unit], fraction[1:]
    kept, scale = 0, 1.0
    for digit in digits:
        if kept * 10 + int(digit) > _LONGEST + 1:
            break
        kept, scale = kept * 10 + int(digit), scale * 10
    return int(whole or "0") * size + int(kept * (size / scale))
