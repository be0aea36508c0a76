"""Do the same for several things at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

# Python runs signal handlers in its main thread only, and cannot wake it: a signal may come just before it sleeps,
# and of two that come together, as Prow sends them, the system may hand both to another thread.
_NAP: Final = 0.1


def side_by_side(work: Callable[[_T], _R], things: Iterable[_T], at_once: int) -> tuple[_R, ...]:
    """The results in the order of the things, with at most ``at_once`` at a time. Signal handlers run meanwhile."""
    with ThreadPoolExecutor(at_once, "side-by-side") as pool:
        futures = [pool.submit(work, thing) for thing in things]
        while wait(futures, _NAP).not_done:
            pass
    return tuple(future.result() for future in futures)
