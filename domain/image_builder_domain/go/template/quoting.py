"""Texts and characters as Go writes them in its sources: the verb ``%q`` (package ``strconv``)."""

from typing import Final

from image_builder_domain.go.template.refusal import Refused

REPLACEMENT: Final = 0xFFFD
"""The character that stands for what is none."""

_LARGEST: Final = 0x10FFFF
_NAMED: Final = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def quote(text: str, *, ascii_only: bool) -> str:
    """``text`` in double quotes."""
    return f'"{"".join(_escape(char, chr(34), ascii_only) for char in text)}"'


def quote_character(code: int, *, ascii_only: bool) -> str:
    """The character of that code in single quotes."""
    return f"'{_escape(character(code), chr(39), ascii_only)}'"


def character(code: int) -> str:
    """The character of that code, or the one that stands for what is none."""
    return chr(code if 0 <= code < 0xD800 or 0xE000 <= code <= _LARGEST else REPLACEMENT)


def can_be_in_back_quotes(text: str) -> bool:
    """True when back quotes can hold it in one line, as it is."""
    return all(
        char == "\t" or (char >= " " and char not in "`\x7f\ufeff" and not 0xDC80 <= ord(char) <= 0xDCFF)
        for char in text
    )


def is_printable(char: str) -> bool:
    """What Go's Unicode tables say; refused where Unicode versions may differ."""
    if char.isascii():
        return char.isprintable()
    import unicodedata

    if unicodedata.ucd_3_2_0.category(char) == "Cn":
        raise Refused(f"escaping of the character U+{ord(char):04X} is not supported")
    return char.isprintable()


def _escape(char: str, quotes: str, ascii_only: bool) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char in (quotes, "\\"):
        return f"\\{char}"
    if (char.isascii() or not ascii_only) and is_printable(char):
        return char
    if char in _NAMED:
        return _NAMED[char]
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
