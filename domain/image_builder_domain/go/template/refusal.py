"""Errors of templates: the failure that users see, and the exception that carries it out of the interpreter."""

from dataclasses import dataclass
from typing import Final, final

FIELDS: Final = ("CommitSHA", "Date", "Env", "PRNumber", "ShortSHA", "Time")

LONGEST_SHOWN: Final = 60
"""Characters of a template that a message shows before and after the position, and of any quoted piece."""


@final
@dataclass(frozen=True, slots=True)
class TemplateError:
    """The reason, the character (from 0) of the template, and the names that are available there."""

    source: str
    position: int
    reason: str
    names: str = ""

    def __str__(self) -> str:
        names = self.names or ", ".join(f".{name}" for name in FIELDS)
        start = max(0, self.position - LONGEST_SHOWN)
        before = self.source[start : self.position]
        after = self.source[self.position : self.position + LONGEST_SHOWN]
        before = f"...{before}" if start else before
        after = f"{after}..." if self.position + LONGEST_SHOWN < len(self.source) else after
        return f"{self.reason}; available: {names}\n    {_one_line(before + after)}\n    {' ' * len(before)}^"


@final
class Refused(Exception):  # noqa: N818 - it ends a template, as StopIteration ends a loop
    """Ends the interpreter from any depth; :func:`interpret` catches it, so it never leaves this package."""

    def __init__(self, reason: str, position: int | None = None, names: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position
        self.names = names

    def error(self, source: str, position: int) -> TemplateError:
        """The failure for the user; ``position`` is used if the exception has none."""
        return TemplateError(source, position if self.position is None else self.position, self.reason, self.names)


def shown(text: str) -> str:
    """A piece of a template, quoted and cut for messages."""
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}...")


def _one_line(text: str) -> str:
    """One column for each character, so that the mark below points at the right character."""
    return "".join(char if char.isprintable() else " " for char in text)
