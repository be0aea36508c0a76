"""The build arguments that a Dockerfile declares with ``ARG``, and where.

Read as BuildKit's parser reads it (Dockerfile reference, "Format", "Parser directives", "Here-documents"): comments
and blank lines vanish, also between continued lines; the escape character ends a line that goes on; lines of a
here-document are not instructions. Nothing is expanded, and nothing is rejected: the engine reports errors of the
Dockerfile.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

from image_builder_domain.source.build_argument import is_argument_name

_DIRECTIVES = frozenset(["syntax", "escape", "check"])
_ESCAPES = frozenset(["\\", "`"])
# Blanks after "<<" belong to the word.
_SHELL_WORD = re.compile(r"""\s*((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|<<\s*|[^\s'"\\])+)""", re.DOTALL)
_TAKES_HEREDOCS = frozenset(["add", "copy", "run"])
_STAGE = re.compile(r"\sas\s+(\S+)\s*$", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


@final
@dataclass(frozen=True, slots=True)
class DeclaredArguments:
    """The names that ``ARG`` declares: before the first ``FROM``, and in each stage in order.

    ``used_by_from`` are the names that a ``FROM``, or an ``ARG`` before the first one, substitutes for ``$NAME``.
    ``stage_names`` are the names that ``FROM … AS`` gives, in lower case.
    """

    before_from: tuple[str, ...] = ()
    stages: tuple[tuple[str, ...], ...] = ()
    used_by_from: frozenset[str] = frozenset()
    stage_names: tuple[str, ...] = ()
    names: frozenset[str] = field(init=False, repr=False, compare=False)
    """Every declared name."""

    _unseen: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Once, as thousands of arguments may be looked up.
        before, in_a_stage = frozenset(self.before_from), frozenset[str]().union(*self.stages)
        object.__setattr__(self, "names", before | in_a_stage)
        object.__setattr__(self, "_unseen", before - in_a_stage - self.used_by_from)

    def reaches_nothing(self, name: str) -> bool:
        """True when ``name`` is declared before the first ``FROM`` alone, and no ``FROM`` uses it: no stage sees it."""
        return name in self._unseen


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Each instruction of the text in lower case with the rest of its line, continued lines joined; never fails."""
    return _Lines(dockerfile).instructions()


def declared_arguments(dockerfile: str) -> DeclaredArguments:
    """The declarations in the text of a Dockerfile; never fails."""
    before: list[str] = []
    stages: list[list[str]] = []
    used: set[str] = set()
    stage_names: list[str] = []
    lines = _Lines(dockerfile)
    for instruction, rest in lines.instructions():
        if instruction == "from":
            stages.append([])
            stage_names += [name.lower() for name in _STAGE.findall(rest)]
        elif instruction == "arg":
            (stages[-1] if stages else before).extend(_names(rest, lines.escape))
        if instruction == "from" or (instruction == "arg" and not stages):
            used.update(_VARIABLE.findall(rest))
    return DeclaredArguments(tuple(before), tuple(map(tuple, stages)), frozenset(used), tuple(stage_names))


def _names(rest: str, escape: str) -> list[str]:
    """The names of ``ARG a=1 b="x y" c``."""
    mark = re.escape(escape)
    words = re.findall(rf"""(?:'[^']*'?|"(?:{mark}.|[^"{mark}])*"?|{mark}.?|[^\s'"{mark}])+""", rest, re.DOTALL)
    names = (word.partition("=")[0] for word in words)
    return [name for name in names if is_argument_name(name)]


@final
class _Lines:
    """Cuts a Dockerfile into instructions. ``escape`` is correct after the first instruction was read."""

    def __init__(self, text: str) -> None:
        self.escape = "\\"
        self._lines = (line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n"))
        self._is_head = True

    def instructions(self) -> Iterator[tuple[str, str]]:
        """Each instruction in lower case with the rest of its line, continued lines joined."""
        for line in self._lines:
            text = line.lstrip()
            self._look_for_directive(text)
            if not text or text.startswith("#"):
                continue
            name, *rest = self._joined(text).strip().split(None, 1) or [""]
            found = name.lower(), rest[0] if rest else ""
            self._skip_heredocs(*found)
            yield found

    def _look_for_directive(self, line: str) -> None:
        if not self._is_head:
            return
        mark, _, rest = line.partition("#")
        name, _, value = (part.strip() for part in rest.partition("="))
        self._is_head = not mark and name.lower() in _DIRECTIVES and bool(value)
        if self._is_head and name.lower() == "escape" and value in _ESCAPES:
            self.escape = value

    def _joined(self, line: str) -> str:
        """The line and those that continue it; between them comments and blank lines do not count."""
        text, goes_on = self._without_mark(line)
        parts = [text]
        while goes_on:
            following = next(self._lines, None)
            if following is None:
                break
            if following.strip() and not following.lstrip().startswith("#"):
                text, goes_on = self._without_mark(following)
                parts.append(text)
        return "".join(parts)

    def _without_mark(self, line: str) -> tuple[str, bool]:
        """The line without the escape character at its end, and whether there was one; a doubled one is text."""
        text = line.rstrip(" \t")
        goes_on = text.endswith(self.escape) and not text.endswith(self.escape * 2)
        return (text[:-1], True) if goes_on else (line, False)

    def _skip_heredocs(self, name: str, rest: str) -> None:
        if name == "onbuild":
            name, *more = rest.split(None, 1) or [""]
            name, rest = name.lower(), more[0] if more else ""
        if name in _TAKES_HEREDOCS and "<<" in rest:
            for chomp, terminator in _heredocs(rest):
                self._skip_to(terminator, chomp=chomp)

    def _skip_to(self, terminator: str, *, chomp: bool) -> None:
        for line in self._lines:
            if (line.lstrip("\t") if chomp else line) == terminator:
                return


def _heredocs(rest: str) -> list[tuple[bool, str]]:
    """For each ``<<WORD``: whether leading tabs go, and the word that ends it; empty where a quote stays open."""
    words, end = [], 0
    while match := _SHELL_WORD.match(rest, end):
        words.append(match[1])
        end = match.end()
    return [] if rest[end:].strip() else [found for word in words if (found := _heredoc(word)) is not None]


def _heredoc(word: str) -> tuple[bool, str] | None:
    """The same for one word; None if it does not begin a here-document."""
    descriptor, mark, rest = word.partition("<<")
    if not mark or descriptor.strip("0123456789"):
        return None
    chomp = rest.startswith("-")
    terminator = rest[chomp:].lstrip()
    if not terminator or "<" in terminator:
        return None
    return chomp, re.sub(r"\\(.)|['\"]", r"\1", terminator)
