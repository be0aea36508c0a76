"""The nearest known word: what was probably meant."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

_MOST_SHOWN: Final = 16
_MOST_COMPARED, _LONGEST_COMPARED, _MOST_HINTS = 1_000, 64, 50
_NONE_IS_LIKE_IT: Final = "check its spelling; no known name is similar"
_CHECK: Final = "check its spelling"


def nearest(word: str, known: Iterable[str], before: int = 0) -> str:
    """A remedy that names the known word most like ``word``, or all of a few when none is near.

    Comparing costs time, and a file from a pull request may hold any number of mistakes: a word of more than 64
    characters is not compared, nor are more than 1,000 known words. ``before`` counts the mistakes of the same text
    that were reported before this one; after 50 of them, nothing is compared any more.
    """
    names = sorted(islice(known, _MOST_COMPARED + 1)) if before < _MOST_HINTS else None
    if names is None or len(names) > _MOST_COMPARED or len(word) > _LONGEST_COMPARED:
        return _CHECK
    if not names:
        return "there are none here; remove it"
    from difflib import get_close_matches  # only a mistake pays for it

    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are {', '.join(names)}" if len(names) <= _MOST_SHOWN else _NONE_IS_LIKE_IT
