"""Programs that match: Thompson's construction, run over all ways at once, so that nothing is ever tried twice.

A fragment is a tuple of instructions with relative jumps: it can be joined and repeated as it is. Instructions are
``(CHARACTERS, bits)``, which takes one character whose bit is set; ``(SPLIT, one, other)`` and ``(JUMP, to)``;
``(ASSERT, what)``, which looks and takes nothing.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

CHARACTERS, SPLIT, JUMP, ASSERT = range(4)
BEGIN, END, LINE_BEGIN, LINE_END, BOUNDARY, NO_BOUNDARY = range(6)

Fragment: TypeAlias = tuple[tuple[int, ...], ...]
Program: TypeAlias = Fragment

ALL: Final = (1 << 128) - 1
"""Every ASCII character, one bit each."""

LARGEST: Final = 4000
"""Instructions: with a text of 128 characters, half a million steps at most."""


class TooLarge(Exception):  # noqa: N818 (a way out of the parser, which tells it as a failure)
    """A program that would grow beyond :data:`LARGEST`."""


def bits(characters: Iterable[str]) -> int:
    """The set of these ASCII characters."""
    found = 0
    for character in characters:
        found |= 1 << ord(character)
    return found


def folded(characters: int) -> int:
    """The set with both cases of each letter."""
    upper, lower = bits("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), bits("abcdefghijklmnopqrstuvwxyz")
    return characters | (characters & upper) << 32 | (characters & lower) >> 32


def joined(fragments: Iterable[Fragment]) -> Fragment:
    """One after the other."""
    found: list[tuple[int, ...]] = []
    for fragment in fragments:
        found += fragment
        if len(found) > LARGEST:
            raise TooLarge
    return tuple(found)


def either(one: Fragment, other: Fragment) -> Fragment:
    """One or the other."""
    return joined((((SPLIT, 1, len(one) + 2),), one, ((JUMP, len(other) + 1),), other))


def repeated(fragment: Fragment, least: int, most: int | None) -> Fragment:
    """At least and at most so many times; without a ``most``, for ever."""
    size = len(fragment)
    if size * (least if most is None else most) > LARGEST:
        raise TooLarge
    needed = [fragment] * least
    if most is None:
        return joined((*needed, ((SPLIT, 1, size + 2), *fragment, (JUMP, -size - 1))))
    # Each optional one may leave for the end of all.
    optional = [((SPLIT, 1, left * (size + 1)), *fragment) for left in range(most - least, 0, -1)]
    return joined((*needed, *optional))


def matches(program: Program, text: str) -> bool:
    """True when the program takes the whole text. Steps: at most instructions times characters."""
    states = {0}
    for index, character in enumerate(text):
        bit = 1 << ord(character)
        takers = _reached(program, states, text, index)
        states = {state + 1 for state in takers if state < len(program) and program[state][1] & bit}
        if not states:
            return False
    return len(program) in _reached(program, states, text, len(text))


def _reached(program: Program, starts: set[int], text: str, at: int) -> list[int]:
    """The instructions that take a character, and the end, as far as they are reached without taking any."""
    waiting, seen, found = list(starts), set(starts), []
    while waiting:
        state = waiting.pop()
        if state == len(program) or program[state][0] == CHARACTERS:
            found.append(state)
            continue
        for step in _steps(program[state], text, at):
            if state + step not in seen:
                seen.add(state + step)
                waiting.append(state + step)
    return found


def _steps(instruction: tuple[int, ...], text: str, at: int) -> tuple[int, ...]:
    """Where to go from an instruction that takes nothing, relative to it."""
    if instruction[0] == ASSERT:
        return (1,) if _holds(instruction[1], text, at) else ()
    return instruction[1:]


def _holds(what: int, text: str, at: int) -> bool:
    before, after = text[at - 1 : at] if at else "", text[at : at + 1]
    if what in (BEGIN, LINE_BEGIN):
        return not before or (what == LINE_BEGIN and before == "\n")
    if what in (END, LINE_END):
        return not after or (what == LINE_END and after == "\n")
    return (_is_word(before) != _is_word(after)) == (what == BOUNDARY)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
