"""The nearest known word: what was probably meant."""

from collections.abc import Iterable

_MOST_SHOWN = 16


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy that names the known word most like ``word``, or all of a few when none is near."""
    from difflib import get_close_matches  # only a mistake pays for it

    names = sorted(known)
    if not names:
        return "there are none here; remove it"
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are {', '.join(names)}" if len(names) <= _MOST_SHOWN else "check its spelling; none is like it"
