"""Reads a template into its parts (Go ``text/template``: actions between ``{{`` and ``}}``)."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, final

from returns.result import Failure, Result, Success

FIELDS = ("CommitSHA", "Date", "PRNumber", "ShortSHA", "Time")

_FIELD = re.compile(r"[ \t\r\n]*\.([^\W\d]\w*)[ \t\r\n]*")
_FORMAT = re.compile(r'[ \t\r\n]*\.Time\.Format[ \t\r\n]+("(?:[^"\\\n]|\\.)*"|`[^`]*`)[ \t\r\n]*')
_TRIM = re.compile(r"-[ \t\r\n]|.*[ \t\r\n]-\Z", re.DOTALL)


@final
@dataclass(frozen=True, slots=True)
class TemplateError:
    """What is wrong, and at which character (from 0) of the template."""

    source: str
    position: int
    reason: str

    def __str__(self) -> str:
        line = self.source.replace("\n", " ").replace("\t", " ")
        fields = ", ".join(f".{name}" for name in FIELDS)
        return f"{self.reason}; there are {fields}\n    {line}\n    {' ' * self.position}^"


@final
@dataclass(frozen=True, slots=True)
class Text:
    """Literal text."""

    text: str


@final
@dataclass(frozen=True, slots=True)
class Field:
    """``{{ .name }}``; the name is a known text field."""

    name: str


@final
@dataclass(frozen=True, slots=True)
class TimeFormat:
    """``{{ .Time.Format "layout" }}``."""

    layout: str


Node: TypeAlias = Text | Field | TimeFormat


@lru_cache(maxsize=256)
def parse(source: str) -> Result[tuple[Node, ...], TemplateError]:
    """The parts in order; an unsupported or broken action is refused."""
    nodes: list[Node] = []
    position = 0
    while (start := source.find("{{", position)) >= 0:
        nodes.append(Text(source[position:start]))
        end = source.find("}}", start)
        if end < 0:
            return Failure(TemplateError(source, start, "'{{' is never closed"))
        node = _action(source[start + 2 : end])
        if isinstance(node, str):
            return Failure(TemplateError(source, start, node))
        nodes.append(node)
        position = end + 2
    nodes.append(Text(source[position:]))
    return Success(tuple(nodes))


def _action(inside: str) -> Node | str:
    """The node of one action, or the reason why there is none."""
    if _TRIM.match(inside):
        return "trim markers are not supported yet"
    if layout := _FORMAT.fullmatch(inside):
        text = layout[1][1:-1]
        if layout[1][0] == '"' and "\\" in text:
            return "escapes in a layout are not supported yet"
        return TimeFormat(text.replace("\r", "") if layout[1][0] == "`" else text)
    field = _FIELD.fullmatch(inside)
    if field is None:
        return f"the action {inside.strip()!r} is not supported yet: only a field or .Time.Format is"
    if field[1] == "Time":
        return 'a time needs a format: write {{ .Time.Format "20060102" }}'
    if field[1] not in FIELDS:
        return f"there is no field .{field[1]}"
    return Field(field[1])
