"""Regular expressions in Go's syntax (RE2), for the ``validation`` of a tag.

Supported: literals, ``.``, classes (``[a-z]``, ``[^x]``, ``[[:alpha:]]``, ``\\d``, ``\\w``, ``\\s``), groups, ``|``,
``*``, ``+``, ``?`` and ``{n,m}`` with their lazy forms, ``^``, ``$``, ``\\A``, ``\\z``, ``\\b``, ``\\B``, the flags
``imsU`` and ``\\Q...\\E``. Go's Unicode classes (``\\p{...}``) and letters beyond ASCII under ``(?i)`` are rejected,
as is everything that Go rejects (look-around, backreferences).

Python's ``re`` only finds single characters and boundaries here. In whole patterns it backtracks:
``^([a-z]+-?)+$`` takes minutes for 40 letters and a dot, and the text may be a branch's name, which the author of a
pull request chooses. Instead, each part of a pattern is a function from all places where it may begin to all places
where it may end.

Source: https://github.com/google/re2/wiki/Syntax and Go's ``regexp/syntax``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Final, NoReturn, Self, TypeAlias, final

from returns.result import Failure, Result, Success

LONGEST: Final = 1000
"""Characters of a pattern."""

_DEEPEST: Final = 50
_MOST_REPEATED: Final = 1000
_LARGEST_CODE: Final = 0x10FFFF

# What follows in Go's syntax, as patterns of Python.
_COUNT: Final = r"\*|\+|\?|\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}"
_FLAGS: Final = r"\(\?([imsU]*)(-[imsU]+)?([:)])"
_OPEN: Final = r"\((?!\?)|\(\?P?<[A-Za-z0-9_]+>"
_CODE: Final = r"\\(?:(0[0-7]{0,2}|[1-7][0-7]{1,2})|x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,8})\})"

# What Python's ``re`` calls the same, with the flag ASCII.
_CONTROL: Final = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_ASSERTIONS: Final = {"\\A": r"\A", "\\z": r"\Z", "\\b": r"\b", "\\B": r"(?!\b)", "^": r"\A", "$": r"\Z"}
_MULTILINE: Final = {"^": "(?m:^)", "$": "(?m:$)"}
_PERL: Final = {"d": r"\d", "D": r"\D", "s": r"\t\n\f\r ", "S": r"\S\v", "w": r"\w", "W": r"\W"}
_POSIX: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "word": r"\w",
    "xdigit": "0-9A-Fa-f",
}


@final
@dataclass(frozen=True, slots=True)
class MalformedPattern:
    """A text that is not a pattern; ``at`` counts its characters from 0."""

    text: str
    at: int
    reason: str

    def __str__(self) -> str:
        return f"this is not a Go regular expression: {self.reason} at character {self.at + 1}"


@final
@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that can be matched. Made by :meth:`parse`."""

    text: str
    _part: "_Part"

    @classmethod
    def parse(cls, text: str) -> Result[Self, MalformedPattern]:
        """Accept Go's syntax, up to :data:`LONGEST` characters."""
        if len(text) > LONGEST:
            return Failure(MalformedPattern(text[:LONGEST], LONGEST, f"it is longer than {LONGEST} characters"))
        try:
            return Success(cls(text, _Parser(text).whole()))
        except _RejectedError as error:
            return Failure(MalformedPattern(text, error.at, error.reason))

    def is_in(self, text: str) -> bool:
        """True when the pattern matches anywhere in the text; False for a text beyond ASCII, which is never a tag.

        The time grows with the length of the text to the power of how deeply repetitions are nested. Callers bound the
        length: a tag has at most 128 characters.
        """
        whole = _Text(text)
        return text.isascii() and bool(self._part.ends(whole, (1 << whole.count) - 1))


# --- matching -----------------------------------------------------------------------------------------------------


@final
class _Text:
    """A text to match. Sets of places in it are bits: bit ``n`` stands for the place before character ``n``."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[str, int] = {}
        self.count = len(text) + 1

    def places(self, pattern: str) -> int:
        """The places where this pattern of Python, which takes at most one character, matches."""
        if pattern not in self._known:
            found = re.finditer(pattern, self._text, re.ASCII)
            self._known[pattern] = sum(1 << match.start() for match in found)
        return self._known[pattern]


_Ends: TypeAlias = Callable[[_Text, int], int]
"""From the places where a part may begin to the places where it may end."""


@final
@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a pattern; ``repeats`` is how often its counts, multiplied, repeat what is innermost."""

    ends: _Ends
    repeats: int = 1


def _single(pattern: str, width: int = 1) -> _Part:
    return _Part(lambda text, starts: (starts & text.places(pattern)) << width)


def _sequence(parts: list[_Part]) -> _Part:
    def ends(text: _Text, starts: int) -> int:
        return reduce(lambda places, part: part.ends(text, places), parts, starts)

    return _Part(ends, max((part.repeats for part in parts), default=1))


def _alternatives(parts: list[_Part]) -> _Part:
    def ends(text: _Text, starts: int) -> int:
        return reduce(lambda places, part: places | part.ends(text, starts), parts, 0)

    return _Part(ends, max(part.repeats for part in parts))


def _repeated(part: _Part, least: int, most: int | None) -> _Part:
    def ends(text: _Text, starts: int) -> int:
        for _ in range(least):
            previous, starts = starts, part.ends(text, starts)
            if starts in (0, previous):
                break
        fresh = starts
        for _ in range(text.count if most is None else most - least):
            fresh = part.ends(text, fresh) & ~starts
            if not fresh:
                break
            starts |= fresh
        return starts

    return _Part(ends, 1 if most == 0 else part.repeats * max(least if most is None else most, 1))


# --- syntax -------------------------------------------------------------------------------------------------------


class _RejectedError(Exception):
    """Why the pattern cannot be read, and at which character."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at, self.reason = at, reason


@final
class _Parser:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def whole(self) -> _Part:
        """The whole pattern; raises :class:`_RejectedError`."""
        part = self._group(frozenset(), 0)
        if self._at < len(self._text):
            self._reject("this ')' has no '('")
        return part

    def _reject(self, reason: str, at: int | None = None) -> NoReturn:
        raise _RejectedError(self._at if at is None else at, reason)

    def _take(self, pattern: str) -> re.Match[str] | None:
        """Consume what matches this pattern of Python here, if anything does."""
        found = re.compile(pattern, re.DOTALL).match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found

    def _next(self) -> str:
        """The next character, empty at the end."""
        return self._text[self._at : self._at + 1]

    def _group(self, flags: frozenset[str], depth: int) -> _Part:
        """All up to the end of the group. Flags that are set in one alternative hold in those after it, as in Go."""
        if depth > _DEEPEST:
            self._reject(f"groups are nested deeper than {_DEEPEST}")
        branches: list[list[_Part]] = [[]]
        while self._next() not in ("", ")"):
            if self._take(r"\|"):
                branches.append([])
                continue
            setting = self._take(_FLAGS)
            inner = flags if setting is None else (flags | set(setting[1])) - set(setting[2] or "")
            if setting is None:
                branches[-1] += self._counted(self._pieces(flags, depth))
            elif setting[3] == ":":
                branches[-1] += self._counted([self._closed(inner, depth)])
            else:
                flags = inner
        return _alternatives([_sequence(parts) for parts in branches])

    def _closed(self, flags: frozenset[str], depth: int) -> _Part:
        """A group whose beginning was consumed."""
        part = self._group(flags, depth + 1)
        if not self._take(r"\)"):
            self._reject("a ')' is missing")
        return part

    def _pieces(self, flags: frozenset[str], depth: int) -> list[_Part]:
        """One group, character or assertion, or the characters of ``\\Q...\\E``, whose count is the last one's."""
        at, fold = self._at, "i" in flags
        if self._take(_OPEN):
            return [self._closed(flags, depth)]
        if self._take(r"\(\?<?[=!]"):
            self._reject("look-around is not supported", at)
        if self._take(r"\("):
            self._reject("this kind of group is not supported", at)
        if quoted := self._take(r"\\Q(.*?)(?:\\E|\Z)"):
            return [_single(self._character(ord(letter), fold=fold)) for letter in quoted[1]]
        if self._take(_COUNT):
            self._reject(f"{self._text[at]!r} has nothing to repeat", at)
        if assertion := self._take(r"\\[AzbB]|[\^$]"):
            known = _ASSERTIONS | _MULTILINE if "m" in flags else _ASSERTIONS
            return [_single(known[assertion[0]], width=0)]
        if self._take(r"\."):
            return [_single("(?s:.)" if "s" in flags else ".")]
        if opening := self._take(r"\[\^?"):
            return [_single(self._bracketed(opening, fold=fold))]
        if perl := self._take(r"\\([dDsSwW])"):
            return [_single(f"[{_PERL[perl[1]]}]")]
        return [_single(self._character(self._code(), fold=fold))]

    def _counted(self, parts: list[_Part]) -> list[_Part]:
        """Apply the count that follows to the last part; lazy forms match the same whole texts."""
        at = self._at
        count = self._take(_COUNT)
        if count is None:
            return parts
        if not parts:
            self._reject("this has nothing to repeat", at)
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(count[0]) or self._counts(count, at)
        self._take(r"\?")
        if self._take(_COUNT):
            self._reject("a repetition of a repetition needs a group", at)
        part = _repeated(parts[-1], least, most)
        if part.repeats > _MOST_REPEATED and max(least, most or 0) > 1:
            self._reject(f"counts within counts repeat more than {_MOST_REPEATED} times", at)
        return [*parts[:-1], part]

    def _counts(self, count: re.Match[str], at: int) -> tuple[int, int | None]:
        least, most = int(count[1][:5]), int((count[3] or count[1])[:5])
        if max(least, most) > _MOST_REPEATED or least > most:
            self._reject(f"counts go from 0 to {_MOST_REPEATED}, the smaller one first", at)
        return least, None if count[2] == "," else most

    def _code(self) -> int:
        """The code point of one character, as it is or behind a backslash."""
        at = self._at
        if code := self._take(_CODE):
            number = int(code[1], 8) if code[1] else int(code[2] or code[3], 16)
            if number > _LARGEST_CODE:
                self._reject("this code point is too large", at)
            return number
        escaped, letter = bool(self._take(r"\\")), self._next()
        if not letter:
            self._reject("a single backslash stands at the end", at)
        self._at += 1
        if escaped and letter in _CONTROL:
            return _CONTROL[letter]
        if escaped and (letter.isalnum() or not letter.isascii()):
            kind = " (a Unicode class)" if letter in "pP" else " (a backreference)" if letter in "123456789" else ""
            self._reject(f"\\{letter}{kind} is not supported", at)
        return ord(letter)

    def _character(self, code: int, *, fold: bool) -> str:
        """A character as Python's ``re`` writes it."""
        if code > 127 and fold:
            self._reject("letters beyond ASCII are not supported under (?i)")
        return f"(?i:\\U{code:08x})" if fold else f"\\U{code:08x}"

    def _bracketed(self, opening: re.Match[str], *, fold: bool) -> str:
        """A set as Python's ``re`` writes it; its bracket was consumed. A ``]`` that comes first is a member."""
        members = ""
        while not members or self._next() != "]":
            if not self._next():
                self._reject("a ']' is missing", opening.start())
            if perl := self._take(r"\\([dDsSwW])"):
                members += _PERL[perl[1]]
            elif named := self._take(r"\[:(\^?)(.*?):\]"):
                members += self._named(named, fold=fold)
            else:
                members += self._range(fold=fold)
        self._at += 1
        return f"(?i:{opening[0]}{members}])" if fold else f"{opening[0]}{members}]"

    def _named(self, named: re.Match[str], *, fold: bool) -> str:
        """The members of a class such as ``[:alpha:]``; of ``[:^ascii:]`` one that no text to match holds."""
        if named[2] not in _POSIX:
            self._reject(f"[:{named[2]}:] is not known", named.start())
        members = re.compile(f"[{_POSIX[named[2]]}]", re.ASCII | (re.IGNORECASE if fold else re.NOFLAG))
        codes = [code for code in range(129) if bool(members.match(chr(code))) != bool(named[1])]
        return "".join(f"\\x{code:02x}" for code in codes)

    def _range(self, *, fold: bool) -> str:
        """One character, or all from one to another."""
        at = self._at
        low = high = self._code()
        if self._take(r"-(?=[^\]])"):
            high = self._code()
        if high < low:
            self._reject("this range goes down", at)
        if fold and high > 127:
            self._reject("letters beyond ASCII are not supported under (?i)", at)
        return f"\\U{low:08x}-\\U{high:08x}"
