"""The same work for several things at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final, TypeVar

_Item = TypeVar("_Item")
_Found = TypeVar("_Found")

_LOOK_UP: Final = 0.1


def side_by_side(
    work: Callable[[_Item], _Found], items: Sequence[_Item], at_once: int, name: str
) -> tuple[_Found, ...]:
    """What ``work`` gives for each item, in their order; at most ``at_once`` threads, called ``name``, do it.

    The caller looks up ten times a second. The system may hand a signal to any thread, and Python hears it only when
    the main one goes on: of two that come together, as Prow sends them, a sleeping main thread may hear neither.
    """
    with ThreadPoolExecutor(max(1, min(at_once, len(items))), name) as pool:
        futures = [pool.submit(work, item) for item in items]
        while wait(futures, _LOOK_UP).not_done:
            pass
        return tuple(future.result() for future in futures)
