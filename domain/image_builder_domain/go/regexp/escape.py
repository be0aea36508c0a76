"""What stands behind a backslash, and between brackets."""

from typing import Final

from image_builder_domain.go.regexp.character_class import PERL, POSIX
from image_builder_domain.go.regexp.program import ALL, folded
from image_builder_domain.go.regexp.source import Source

_CONTROL: Final = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_OCTAL: Final = r"\\(0[0-7]{0,2}|[1-7][0-7]{1,2})"
_HEXADECIMAL: Final = r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,8})\})"
_LARGEST: Final = 0x10FFFF


def escaped(source: Source, *, fold: bool) -> int:
    """The set behind a backslash, which comes next: a class such as ``\\d``, or one character."""
    letter = source.peek(1)
    if letter in PERL and letter:
        source.skip(2)
        return PERL[letter]
    return source.character(_code(source), fold=fold)


def _code(source: Source) -> int:
    """The one character that a backslash and what follows it stand for."""
    octal, hexadecimal = source.pattern(_OCTAL), source.pattern(_HEXADECIMAL)
    if octal is not None:
        source.skip(len(octal[0]))
        return int(octal[1], 8)
    if hexadecimal is not None and int(hexadecimal[1] or hexadecimal[2], 16) <= _LARGEST:
        source.skip(len(hexadecimal[0]))
        return int(hexadecimal[1] or hexadecimal[2], 16)
    letter = source.peek(1)
    if letter in _CONTROL and letter:
        source.skip(2)
        return _CONTROL[letter]
    if not letter:
        source.refuse("a single backslash stands at the end")
    if letter in "pP":
        source.refuse(f"\\{letter} (classes of Unicode) is not supported")
    if letter in "123456789":
        source.refuse(f"\\{letter} (a reference back) is not supported")
    if letter.isalnum() or not letter.isascii():
        source.refuse(f"\\{letter} is not known")
    source.skip(2)
    return ord(letter)


def bracketed(source: Source, *, fold: bool) -> int:
    """The set between brackets, which come next."""
    start = source.at
    source.takes("[")
    negated = source.takes("^")
    found = 0
    first = True
    while first or not source.sees("]"):
        if not source.left():
            source.at = start
            source.refuse("a ']' is missing")
        named = _named(source, fold=fold)
        found |= _range(source, fold=fold) if named is None else named
        first = False
    source.takes("]")
    found = folded(found) if fold else found
    return ALL & ~found if negated else found


def _named(source: Source, *, fold: bool) -> int | None:
    """A class such as ``[:alpha:]`` or ``\\d``; None for anything else."""
    letter = source.peek(1) if source.sees("\\") else ""
    if letter and letter in PERL:
        source.skip(2)
        return PERL[letter]
    named = source.pattern(r"\[:(\^?)(.*?):\]") if source.sees("[:") else None
    if named is None:
        return None
    if named[2] not in POSIX:
        source.refuse(f"[:{named[2]}:] is not known")
    source.skip(len(named[0]))
    found = folded(POSIX[named[2]]) if fold else POSIX[named[2]]
    return ALL & ~found if named[1] else found


def _range(source: Source, *, fold: bool) -> int:
    """One character, or all from one to another."""
    start = source.at
    low = _member(source)
    if not (source.sees("-") and source.peek(1) not in ("]", "")):
        return source.character(low, fold=fold)
    source.takes("-")
    high = _member(source)
    if high < low:
        source.at = start
        source.refuse("this range goes down")
    if fold and high > 127:
        source.at = start
        source.refuse("letters beyond ASCII are not supported under (?i)")
    return (2 << min(high, 127)) - (1 << low) if low < 128 else 0


def _member(source: Source) -> int:
    return _code(source) if source.sees("\\") else ord(source.next())
