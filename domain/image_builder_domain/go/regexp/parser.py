"""The syntax of patterns: a parser that makes the program as it reads."""

import re
from typing import Final, NoReturn, final

from image_builder_domain.go.regexp import program as make
from image_builder_domain.go.regexp.character_class import NEWLINE
from image_builder_domain.go.regexp.escape import bracketed, escaped
from image_builder_domain.go.regexp.program import ALL, ASSERT, CHARACTERS, Fragment, Program
from image_builder_domain.go.regexp.source import Source, Unreadable

__all__ = ["Unreadable", "program"]

_DEEPEST: Final = 50
_MOST_REPEATED: Final = 1000
_COUNT: Final = r"\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}"
_NAME: Final = r"\(\?P?<[A-Za-z0-9_]+>"
_FLAGS: Final = r"\(\?([imsU]*)(-[imsU]+)?([:)])"
_LOOK_AROUND: Final = ("(?=", "(?!", "(?<=", "(?<!")
_ASSERTIONS: Final = {"A": make.BEGIN, "z": make.END, "b": make.BOUNDARY, "B": make.NO_BOUNDARY}


def program(text: str) -> Program:
    """The program of a pattern; raises :class:`Unreadable`."""
    parser = _Parser(text)
    try:
        found = parser.alternatives(frozenset(), 0)
        if parser.source.left():
            parser.source.refuse("there is no '(' for this ')'")
        return found
    except make.TooLarge:
        raise Unreadable(parser.source.at, "with its counts written out it is too large") from None


@final
class _Parser:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self.source = Source(text)

    def alternatives(self, flags: frozenset[str], depth: int) -> Fragment:
        """All up to the end of the group. Flags that are set in one alternative hold in those after it, as in Go."""
        if depth > _DEEPEST:
            self.source.refuse(f"groups are nested deeper than {_DEEPEST}")
        found: list[Fragment] = []
        branch: list[Fragment] = []
        while self.source.left() and not self.source.sees(")"):
            if self.source.takes("|"):
                found.append(make.joined(branch))
                branch = []
                continue
            setting = self.source.takes_pattern(_FLAGS) if self.source.sees("(?") else None
            if setting is not None:
                flags, group = self._flags(flags, setting, depth)
                branch += group
            else:
                branch += self._piece(flags, depth)
        return _any_of([*found, make.joined(branch)])

    def _flags(
        self, flags: frozenset[str], setting: re.Match[str], depth: int
    ) -> tuple[frozenset[str], list[Fragment]]:
        changed = (flags | set(setting[1])) - set(setting[2] or "")
        if setting[3] == ")":
            return changed, []
        group = self._closed(changed, depth)
        return flags, self._repeated([group])

    def _piece(self, flags: frozenset[str], depth: int) -> list[Fragment]:
        """One thing with its count; of ``\\Q...\\E`` the count is the last character's."""
        if self.source.sees("(?"):
            return self._repeated([self._named(flags, depth)])
        if self.source.takes("("):
            return self._repeated([self._closed(flags, depth)])
        if self.source.takes("\\Q"):
            return self._repeated([self._literal(letter, flags) for letter in self.source.quoted()])
        return self._repeated([self._single(flags)])

    def _named(self, flags: frozenset[str], depth: int) -> Fragment:
        if self.source.takes_pattern(_NAME) is None:
            looks = any(self.source.sees(start) for start in _LOOK_AROUND)
            self.source.refuse("look-around is not supported" if looks else "this kind of group is not supported")
        return self._closed(flags, depth)

    def _closed(self, flags: frozenset[str], depth: int) -> Fragment:
        inner = self.alternatives(flags, depth + 1)
        if not self.source.takes(")"):
            self.source.refuse("a ')' is missing")
        return inner

    def _single(self, flags: frozenset[str]) -> Fragment:
        source = self.source
        if source.sees("*") or source.sees("+") or source.sees("?"):
            self._nothing_to_repeat()
        if source.sees("{") and source.pattern(_COUNT):
            self._nothing_to_repeat()
        if source.takes("."):
            return ((CHARACTERS, ALL if "s" in flags else ALL & ~NEWLINE),)
        if source.takes("^"):
            return ((ASSERT, make.LINE_BEGIN if "m" in flags else make.BEGIN),)
        if source.takes("$"):
            return ((ASSERT, make.LINE_END if "m" in flags else make.END),)
        if source.sees("["):
            return ((CHARACTERS, bracketed(source, fold="i" in flags)),)
        if not source.sees("\\"):
            return self._literal(source.next(), flags)
        assertion = _ASSERTIONS.get(source.peek(1))
        if assertion is not None:
            source.skip(2)
            return ((ASSERT, assertion),)
        return ((CHARACTERS, escaped(source, fold="i" in flags)),)

    def _nothing_to_repeat(self) -> NoReturn:
        self.source.refuse(f"there is nothing that {self.source.peek(0)!r} could repeat")

    def _literal(self, letter: str, flags: frozenset[str]) -> Fragment:
        return ((CHARACTERS, self.source.character(ord(letter), fold="i" in flags)),)

    def _repeated(self, pieces: list[Fragment]) -> list[Fragment]:
        """Apply the count that follows to the last piece; lazy forms match the same whole texts."""
        count = self._count()
        if count is None:
            return pieces
        if not pieces:
            self.source.refuse("there is nothing to repeat before this")
        self.source.takes("?")
        if self._count() is not None:
            self.source.refuse("a repetition of a repetition needs a group")
        return [*pieces[:-1], make.repeated(pieces[-1], *count)]

    def _count(self) -> tuple[int, int | None] | None:
        for sign, count in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.source.takes(sign):
                return count
        found = self.source.takes_pattern(_COUNT) if self.source.sees("{") else None
        if found is None:
            return None
        least, most = int(found[1][:5]), int((found[3] or found[1])[:5])
        if max(least, most) > _MOST_REPEATED or least > most:
            self.source.refuse(f"counts go from 0 to {_MOST_REPEATED}, the smaller one first")
        return (least, None) if found[2] == "," else (least, most)


def _any_of(branches: list[Fragment]) -> Fragment:
    found = branches[-1]
    for branch in reversed(branches[:-1]):
        found = make.either(branch, found)
    return found
