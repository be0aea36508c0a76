"""Measure how the work of a parser grows with its input, and how much 1 MiB costs.

Processor time of this thread decides, so a busy machine changes nothing. The sizes grow by four from 16 KiB to 1 MiB,
and the first one that is wrong ends it: what grows quadratically is seen at a size that takes a fraction of a second.
A parser that sleeps costs no processor time, so the clock on the wall has a bound of its own, a wide one.
"""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, final

SIZES: Final = (16 << 10, 64 << 10, 256 << 10, 1 << 20)
"""Bytes."""

MOST_SECONDS: Final = 2.0
"""Of processor time, for the largest input and so for each."""

MOST_GROWTH: Final = 10.0
"""How much longer four times the input may take: linear is 4 and a little more for memory, quadratic 16."""

_TOO_SHORT_TO_COMPARE: Final = 0.02
_MOST_WAITING: Final = 5.0
_TRIES: Final = 3
"""What other work on the machine may spoil, by taking the caches, is tried again; what is slow is slow each time."""


@final
@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds of processor time, and of time."""

    processor: Callable[[], float] = time.thread_time
    wall: Callable[[], float] = time.monotonic


def excess(parse: Callable[[Any], object], make: Callable[[int], Any], clock: Clock | None = None) -> str:
    """Why ``parse`` costs too much for what ``make`` gives for a number of bytes; empty when it does not."""
    measured, before = clock or Clock(), 0.0
    for size in SIZES:
        given, found, seconds = make(size), "", 0.0
        for _ in range(_TRIES):
            seconds, waited = _seconds(parse, given, measured)
            found = _judged(size, seconds, waited, before)
            if not found:
                break
        if found:
            return found
        before = seconds
    return ""


def _judged(size: int, seconds: float, waited: float, before: float) -> str:
    """What is wrong with one size; ``before`` are the seconds of a quarter of it."""
    if seconds > MOST_SECONDS:
        return f"{size} bytes cost {seconds:.2f} s"
    if waited > _MOST_WAITING + 20 * seconds:
        return f"{size} bytes took {waited:.1f} s, and {seconds:.2f} s of processor time"
    if before > _TOO_SHORT_TO_COMPARE and seconds > MOST_GROWTH * before:
        return f"{size} bytes cost {seconds:.2f} s, and a quarter of them {before:.3f} s"
    return ""


def _seconds(parse: Callable[[Any], object], given: Any, clock: Clock) -> tuple[float, float]:
    gc.disable()  # as the command does while it reads
    try:
        wall, processor = clock.wall(), clock.processor()
        parse(given)
        return clock.processor() - processor, clock.wall() - wall
    finally:
        gc.enable()
