"""The text of a pattern and the place that a parser has come to."""

import re
from typing import NoReturn, final

from image_builder_domain.go.regexp.program import folded


class Unreadable(Exception):  # noqa: N818 (a way out of the recursion, seen in this package only)
    """Why the pattern cannot be read, and at which character."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at = at
        self.reason = reason


@final
class Source:
    """A text and a place in it."""

    __slots__ = ("_text", "at")

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def left(self) -> bool:
        """Whether there is more."""
        return self.at < len(self._text)

    def peek(self, ahead: int) -> str:
        """The character so far ahead, empty behind the end."""
        return self._text[self.at + ahead : self.at + ahead + 1]

    def sees(self, word: str) -> bool:
        """Whether this comes next."""
        return self._text.startswith(word, self.at)

    def takes(self, word: str) -> bool:
        """Skip this if it comes next."""
        seen = self.sees(word)
        self.at += len(word) * seen
        return seen

    def pattern(self, pattern: str) -> re.Match[str] | None:
        """What comes next, if it looks like this."""
        return re.compile(pattern).match(self._text, self.at)

    def takes_pattern(self, pattern: str) -> re.Match[str] | None:
        """Skip what comes next if it looks like this."""
        found = self.pattern(pattern)
        self.at += len(found[0]) if found else 0
        return found

    def next(self) -> str:
        """Take one character."""
        if not self.left():
            self.refuse("it ends too early")
        self.at += 1
        return self._text[self.at - 1]

    def skip(self, count: int) -> None:
        """Go on."""
        self.at += count

    def quoted(self) -> str:
        """Take the text up to ``\\E``, or all that is left."""
        rest, end, _ = self._text[self.at :].partition("\\E")
        self.at += len(rest) + len(end)
        return rest

    def refuse(self, reason: str) -> NoReturn:
        """Tell why it cannot go on from here."""
        raise Unreadable(self.at, reason)

    def character(self, code: int, *, fold: bool) -> int:
        """The set of one character; the empty set beyond ASCII, which no text to match holds."""
        if code < 128:
            return folded(1 << code) if fold else 1 << code
        if fold:
            self.refuse("letters beyond ASCII are not supported under (?i)")
        return 0
