"""Texts, characters and numbers as Go writes them (specification, "Lexical elements"): reading, and quoting."""

import re
from typing import Final, NamedTuple, final

from image_builder_domain.go.template.refusal import Refused, shown

# The expressions are compiled when they are first used: most templates have no numbers and no escapes.
_SIMPLE_ESCAPES: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\",
}  # fmt: skip
_ESCAPE: Final = (
    r"\\(?:x(?P<byte>[0-9a-fA-F]{2})|(?P<octal>[0-7]{3})"
    r"|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<simple>(?s:.?)))"
)
_INTEGER: Final = (
    r"(?P<sign>[+-]?)(?:0[xX](?P<hex>(?:_?[0-9a-fA-F])+)|0[bB](?P<binary>(?:_?[01])+)|0[oO](?P<octal>(?:_?[0-7])+)"
    r"|0(?P<old>(?:_?[0-7])*)|(?P<decimal>[1-9](?:_?[0-9])*))"
)
_BASES: Final = {"hex": 16, "binary": 2, "octal": 8, "old": 8, "decimal": 10}
_DECIMAL_FLOAT: Final = (
    r"[+-]?(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?"
)
_HEX_FLOAT: Final = (
    r"[+-]?0[xX](?:(?:_?[0-9a-fA-F])+\.?(?:[0-9a-fA-F](?:_?[0-9a-fA-F])*)?|\.[0-9a-fA-F](?:_?[0-9a-fA-F])*)"
    r"[pP][+-]?[0-9](?:_?[0-9])*"
)

_INT64: Final = 1 << 63
_UINT64: Final = 1 << 64


@final
class Constant(NamedTuple):
    """A number as written. ``value`` is its value where any type is accepted; None when it does not fit an ``int``.

    ``integer`` is its value for a parameter of an integer type; None when it is not a whole number of 64 bits.
    """

    value: int | float | None
    integer: int | None


def text_literal(token: str, position: int) -> str:
    """The text of a token in double quotes or in back quotes."""
    inside = token[1:-1]
    if token[0] == "`":
        return inside.replace("\r", "")
    if "\\" not in inside and inside.isascii():
        return inside
    made = bytearray()
    place = 0
    while place < len(inside):
        code, length, raw = _character(inside, place, '"', position + 1)
        made += bytes((code,)) if raw else chr(code).encode()
        place += length
    return made.decode("utf-8", "surrogateescape")


def character_literal(token: str, position: int) -> Constant:
    """The number of the one character between single quotes."""
    inside = token[1:-1]
    if not inside:
        raise Refused("these quotes need a character between them", position)
    code, length, _ = _character(inside, 0, "'", position + 1)
    if length != len(inside):
        raise Refused("more than one character between single quotes", position)
    return Constant(code, code)


def _character(text: str, place: int, quote: str, position: int) -> tuple[int, int, bool]:
    """A character's code, its length as written, and whether it is a byte."""
    char = text[place]
    if char != "\\":
        code = ord(char)
        return (0xFFFD if 0xD800 <= code < 0xE000 else code), 1, False
    escape = re.match(_ESCAPE, text[place : place + 10])
    kind, digits = (escape.lastgroup, escape[escape.lastgroup]) if escape and escape.lastgroup else ("simple", "")
    length = len(escape[0]) if escape else 1
    meant = _escaped(kind, digits, quote)
    if meant is None:
        raise Refused(f"Go knows no escape {shown(text[place : place + length])} here", position + place)
    return meant, length, kind in ("byte", "octal")


def _escaped(kind: str, digits: str, quote: str) -> int | None:
    if kind == "simple":
        known = _SIMPLE_ESCAPES.get(digits, quote if digits == quote else "")
        return ord(known) if known else None
    code = int(digits, 8 if kind == "octal" else 16)
    if kind == "octal":
        return code if code < 256 else None
    return code if code < 0xD800 or 0xE000 <= code <= 0x10FFFF else None


def number_literal(text: str, position: int) -> Constant:
    """The number as Go understands it; an ``int`` that is too large is refused where it is used."""
    if text[-1] == "i":
        raise Refused("complex numbers are not supported", position)
    if found := re.fullmatch(_INTEGER, text):
        return _integer(text, found, position)
    value = _float(text)
    if value is None or not _looks_like_a_float(text):
        raise Refused(f"{shown(text)} is not a number", position)
    whole = int(value) if value.is_integer() and -_INT64 <= value < _INT64 else None
    return Constant(value, whole)


def _integer(text: str, found: re.Match[str], position: int) -> Constant:
    base = _BASES[found.lastgroup or "decimal"]
    value = int(found[found.lastgroup or 0].replace("_", "") or "0", base)
    value = -value if found["sign"] == "-" else value
    if -_INT64 <= value < _INT64:
        return Constant(float(value) if _is_float_by_its_letters(text) else value, value)
    if value < 0 or value >= _UINT64 or found["sign"]:
        raise Refused(f"{shown(text)} does not fit into 64 bits", position)
    return Constant(float(value) if _is_float_by_its_letters(text) else None, None)


def _is_float_by_its_letters(text: str) -> bool:
    """Go looks for one of these letters, also among the digits of a hexadecimal number that has a sign."""
    return text[:2] not in ("0x", "0X") and _looks_like_a_float(text)


def _looks_like_a_float(text: str) -> bool:
    return any(letter in text for letter in ".eEpP")


def _float(text: str) -> float | None:
    plain = text.replace("_", "")
    if re.fullmatch(_HEX_FLOAT, text):
        try:
            return float.fromhex(plain)
        except OverflowError:
            return None
    if not re.fullmatch(_DECIMAL_FLOAT, text):
        return None
    value = float(plain)
    return None if value in (float("inf"), float("-inf")) else value


# --- quoting: text as Go writes it in its sources (``%q``, package ``strconv``) --------------------------------------

REPLACEMENT: Final = 0xFFFD
"""U+FFFD, which replaces an invalid character."""

_LARGEST: Final = 0x10FFFF
_NAMED: Final = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def quote(text: str, *, ascii_only: bool) -> str:
    """``text`` in double quotes."""
    return f'"{"".join(_escape(char, chr(34), ascii_only) for char in text)}"'


def quote_character(code: int, *, ascii_only: bool) -> str:
    """The character of that code in single quotes."""
    return f"'{_escape(character(code), chr(39), ascii_only)}'"


def character(code: int) -> str:
    """The character of that code, or the replacement character."""
    return chr(code if 0 <= code < 0xD800 or 0xE000 <= code <= _LARGEST else REPLACEMENT)


def can_be_in_back_quotes(text: str) -> bool:
    """True when back quotes can hold the text unchanged in one line."""
    return all(
        char == "\t" or (char >= " " and char not in "`\x7f\ufeff" and not 0xDC80 <= ord(char) <= 0xDCFF)
        for char in text
    )


def is_printable(char: str) -> bool:
    """Whether Go's Unicode tables call it printable; raises :class:`Refused` where Unicode versions may differ."""
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
