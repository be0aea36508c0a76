"""Patterns for the values of tags: regular expressions in Go's syntax, matched in time that grows with the text alone.

The syntax is that of Go's package ``regexp`` (RE2), since configuration files were written for a tool in Go: literals,
``.``, classes (``[a-z]``, ``[^x]``, ``[[:alpha:]]``, ``\\d``, ``\\w``, ``\\s``), groups, ``|``, ``*``, ``+``, ``?`` and
``{n,m}`` with their lazy forms, ``^``, ``$``, ``\\A``, ``\\z``, ``\\b``, ``\\B``, the flags ``imsU`` and
``\\Q...\\E``. What Go knows and this does not (``\\p{...}``, letters beyond ASCII under ``(?i)``) is refused by name,
as is what Go refuses (look-around, references back).

Source: https://github.com/google/re2/wiki/Syntax and Go's ``regexp/syntax``.
"""

from typing import Final, Self, final

from returns.result import Failure, Result, Success

from image_builder_domain.go.regexp.parser import Unreadable, program
from image_builder_domain.go.regexp.program import Program, matches

LONGEST: Final = 1000
"""Characters of a pattern."""


@final
class MalformedPattern:
    """A text that is no pattern; ``at`` counts its characters from 0."""

    __slots__ = ("at", "reason", "text")

    def __init__(self, text: str, at: int, reason: str) -> None:
        self.text, self.at, self.reason = text, at, reason

    def __str__(self) -> str:
        return f"this is no regular expression of Go: {self.reason} at character {self.at + 1}"


@final
class Pattern:
    """A pattern that can be matched. Made by :meth:`parse`."""

    __slots__ = ("_program", "text")

    def __init__(self, text: str, program: Program) -> None:
        self.text, self._program = text, program

    @classmethod
    def parse(cls, text: str) -> Result[Self, MalformedPattern]:
        """Accept Go's syntax, up to :data:`LONGEST` characters and a bounded size when counts are written out."""
        if len(text) > LONGEST:
            return Failure(MalformedPattern(text[:LONGEST], LONGEST, f"it is longer than {LONGEST} characters"))
        try:
            return Success(cls(text, program(text)))
        except Unreadable as error:
            return Failure(MalformedPattern(text, error.at, error.reason))

    def matches(self, text: str) -> bool:
        """True when the pattern matches the whole text. Of text beyond ASCII, which no tag holds, none matches."""
        return text.isascii() and matches(self._program, text)
