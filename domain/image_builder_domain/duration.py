"""Durations as Go writes them: ``10s``, ``1h30m``, ``1.5ms`` (Go's ``time.ParseDuration``)."""

import re
from dataclasses import dataclass
from typing import final

from returns.result import Failure, Result, Success

# Compiled when first used: most runs read no duration.
_PART = r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_WHOLE = rf"(?:{_PART})+"
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 2**63 / 1e9  # Go counts nanoseconds in 64 bits


@final
@dataclass(frozen=True, slots=True)
class MalformedDuration:
    """A text that is no positive duration."""

    text: str

    def __str__(self) -> str:
        return f"{self.text!r} is no duration; write a number and a unit, such as 10s, 5m or 1h30m"


def seconds(text: str) -> Result[float, MalformedDuration]:
    """The seconds of a Go duration; a sign is refused: nothing here waits for negative time."""
    if not re.fullmatch(_WHOLE, text):
        return Success(0.0) if text == "0" else Failure(MalformedDuration(text))
    total = sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, text))
    return Success(total) if total <= _LONGEST else Failure(MalformedDuration(text))
