"""Cuts a template into tokens (Go ``text/template``: text, and actions between ``{{`` and ``}}``).

The trim markers ``{{- `` and `` -}}`` and comments are removed here; the parser does not see them.
"""

import re
from typing import Final, NamedTuple, final

from image_builder_domain.go.template.refusal import Refused, shown

TEXT: Final = "text"
OPEN: Final = "{{"
CLOSE: Final = "}}"
FIELD: Final = "field"
DOT: Final = "dot"
VARIABLE: Final = "variable"
WORD: Final = "word"
BOOL: Final = "bool"
STRING: Final = "string"
RAW: Final = "raw"
CHAR: Final = "char"
NUMBER: Final = "number"
END: Final = "end of the template"

KEYWORDS: Final = frozenset(
    {"block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"}
)

_BLANKS: Final = " \t\r\n"
_LETTERS: Final = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd"})


@final
class Token(NamedTuple):
    """A token. The ``kind`` of keywords and punctuation is their text; ``spaced`` if a blank precedes it."""

    kind: str
    text: str
    position: int
    spaced: bool


_AFTER_NAME = r"(?=[ \t\r\n.,|:()]|\}\}|\Z)"
_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+?(?=[ \t\r\n]-\}\})|[ \t\r\n]+(?!-\}\}))"
    r"|(?P<close>[ \t\r\n]-\}\}[ \t\r\n]*|\}\})"
    rf"|(?P<field>\.(?![0-9])\w+{_AFTER_NAME})"
    rf"|(?P<dot>\.{_AFTER_NAME})"
    r"|(?P<number>[+-]?\.?[0-9](?:[0-9A-Za-z_.]|(?<=[eEpP])[+-])*(?:[+-][0-9A-Za-z_.]+i)?)"
    rf"|(?P<variable>\$\w*{_AFTER_NAME})"
    rf"|(?P<word>\w+{_AFTER_NAME})"
    r'|(?P<string>"(?:[^"\\\n]|\\[^\n])*")'
    r"|(?P<raw>`[^`]*`)"
    r"|(?P<char>'(?:[^'\\\n]|\\[^\n])*')"
    r"|(?P<punctuation>:=|[=|(),])"
)
_COMMENT = re.compile(r"(?:-[ \t\r\n])?/\*")
_COMMENT_END = re.compile(r"[ \t\r\n]-\}\}[ \t\r\n]*|\}\}")
_LEFT_TRIM = re.compile(r"-[ \t\r\n]")
_UNCLOSED: Final = {
    '"': "this text is never closed on its line",
    "`": "this text is never closed",
    "'": "this character is never closed on its line",
}


def tokens(source: str) -> list[Token]:
    """All tokens, and one of kind :data:`END` at the end; :class:`Refused` where Go's lexer stops."""
    found: list[Token] = []
    position = 0
    while (start := source.find(OPEN, position)) >= 0:
        trims = _LEFT_TRIM.match(source, start + 2)
        text = source[position:start].rstrip(_BLANKS) if trims else source[position:start]
        if text:
            found.append(Token(TEXT, text, position, False))
        if comment := _COMMENT.match(source, start + 2):
            position = _after_comment(source, start, comment.end())
        else:
            found.append(Token(OPEN, OPEN, start, False))
            position = _action(source, trims.end() if trims else start + 2, start, found)
    if position < len(source):
        found.append(Token(TEXT, source[position:], position, False))
    found.append(Token(END, "", len(source), False))
    return found


def _after_comment(source: str, start: int, inside: int) -> int:
    stars = source.find("*/", inside)
    if stars < 0:
        raise Refused("this comment is never closed", start)
    end = _COMMENT_END.match(source, stars + 2)
    if end is None:
        raise Refused("a comment must end right before '}}' or ' -}}'", stars)
    return end.end()


def _action(source: str, position: int, start: int, found: list[Token]) -> int:
    """Append the tokens of one action, and return the position after it."""
    spaced = False
    while token := _TOKEN.match(source, position):
        kind, text, at = token.lastgroup, token[0], position
        position = token.end()
        if kind == "blank":
            spaced = True
            continue
        if kind == "close":
            found.append(Token(CLOSE, CLOSE, at, spaced))
            return position
        found.append(Token(_kind(kind or "", text, at), text, at, spaced))
        spaced = False
    raise _not_a_token(source, position, start)


def _kind(group: str, text: str, position: int) -> str:
    if group == "punctuation":
        return text
    if group == WORD and text in KEYWORDS:
        return text
    if group == WORD and text in ("true", "false"):
        return BOOL
    if group in (WORD, FIELD, VARIABLE) and not text.isascii():
        _check_letters(text, position)
    return group


def _check_letters(text: str, position: int) -> None:
    """Go uses the letters of its own Unicode version; only letters of every version are accepted."""
    import unicodedata

    for index, char in enumerate(text):
        known = {unicodedata.category(char), unicodedata.ucd_3_2_0.category(char)}
        if not char.isascii() and not known <= _LETTERS:
            raise Refused(f"the character U+{ord(char):04X} in a name is not supported", position + index)


def _not_a_token(source: str, position: int, start: int) -> Refused:
    rest = source[position:]
    if CLOSE not in rest and rest[:1] not in _UNCLOSED:
        return Refused("'{{' is never closed", start)
    name = re.match(r"[.$]?\w+", rest)
    if name:
        return Refused(f"unexpected {rest[name.end()]!r} after {shown(name[0])}", position + name.end())
    return Refused(_UNCLOSED.get(rest[0], f"unexpected {rest[0]!r}"), position)
