"""``printf``: reads the format and hands each value to its verb (Go, package ``fmt``).

A mistake in a format is not a failure: Go writes it into the text, such as ``%!d(string=x)``, and so do we.
"""

from collections.abc import Sequence
from typing import Final, final

from image_builder_domain.go.template.literal import (
    can_be_in_back_quotes,
    character,
    is_printable,
    quote,
    quote_character,
)
from image_builder_domain.go.template.printing import format_float, plain
from image_builder_domain.go.template.refusal import Refused
from image_builder_domain.go.template.value import (
    INTEGERS,
    TYPE_NAMES,
    Location,
    Root,
    Time,
    Uint8,
    Value,
    canonical,
    encoded,
)

_UNSIGNED: Final = 1 << 64
_BASES: Final = {"v": "d", "d": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_PREFIXES: Final = {"b": "0b", "x": "0x", "X": "0X"}
_SHORT_FORM_DIGITS: Final = 6


@final
class Flags:
    """Flags, width and precision of a verb. ``plus_v`` and ``go_syntax`` are ``+`` and ``#`` before ``v``."""

    __slots__ = ("blank", "go_syntax", "minus", "plus", "plus_v", "precision", "sharp", "width", "zero")

    def __init__(self) -> None:
        self.plus = self.minus = self.sharp = self.blank = self.zero = False
        self.plus_v = self.go_syntax = False
        self.width: int | None = None
        self.precision: int | None = None

    def pad(self, text: str, *, zeros: bool = True) -> str:
        """``text`` padded to the width; with zeros only on the left."""
        missing = (self.width or 0) - len(text)
        if missing <= 0:
            return text
        if self.minus:
            return text + " " * missing
        return ("0" if self.zero and zeros else " ") * missing + text


def format_value(value: Value, verb: str, flags: Flags) -> str:
    """``value`` formatted by ``verb``; a verb that does not suit the type gives Go's text for the mistake."""
    if verb == "T":
        return _text_of_type(value, flags)
    if value is None:
        return flags.pad("<nil>") if verb == "v" else f"%!{verb}(<nil>)"
    if isinstance(value, Root):
        raise Refused("printing the whole of '.' is not supported: name one of its fields")
    if isinstance(value, str):
        return _text(value, value, verb, flags)
    if type(value) is int or isinstance(value, bool | float | Uint8) or TYPE_NAMES[type(value)] == "int64":
        return _number(value, verb, flags)
    return _with_a_text(value, verb, flags)


def _text_of_type(value: Value, flags: Flags) -> str:
    if isinstance(value, Root):
        raise Refused("the type of '.' is not supported")
    if value is None:
        return flags.pad("<nil>")
    name = TYPE_NAMES[type(value)]
    return flags.pad(name if flags.precision is None else name[: flags.precision])


def _with_a_text(value: Value, verb: str, flags: Flags) -> str:
    """Months, times and other Stringers: their text for string verbs, else their number."""
    if verb in "vsxXq" and not flags.go_syntax:
        return _text(value, plain(value), verb, flags)
    if isinstance(value, Time) and verb == "v":
        from image_builder_domain.go.template.member import METHODS

        made = METHODS[Time]["GoString"].call(value)
        return flags.pad(plain(made)[: flags.precision])
    if isinstance(value, int):
        return _number(value, verb, flags)
    raise Refused(f"the verb %{verb} shows the inside of {TYPE_NAMES[type(value)]}, which is not supported")


def _number(value: Value, verb: str, flags: Flags) -> str:
    if isinstance(value, bool):
        return flags.pad(plain(value)) if verb in "tv" else _bad(value, verb, flags)
    if isinstance(value, float):
        return _float(value, verb, flags)
    return _integer(value, verb, flags) if isinstance(value, int) else _bad(value, verb, flags)


def _bad(value: Value, verb: str, flags: Flags) -> str:
    """Go's text for a verb that does not suit the type: the type, and the value without its ``String`` text."""
    if isinstance(value, Time | Location):
        raise Refused(f"the verb %{verb} shows the inside of {TYPE_NAMES[type(value)]}, which is not supported")
    shown = _text(value, value, "v", flags) if isinstance(value, str) else _number(value, "v", flags)
    return f"%!{verb}({TYPE_NAMES[type(value)]}={shown})"


# --- texts --------------------------------------------------------------------------------------------------------


def _text(value: Value, text: str, verb: str, flags: Flags) -> str:
    match verb:
        case "v" if flags.go_syntax:
            return _quoted(text, flags)
        case "v" | "s":
            return flags.pad(text[: flags.precision])
        case "q":
            return _quoted(text, flags)
        case "x" | "X":
            return _bytes(encoded(text)[: flags.precision], verb, flags)
        case _:
            return _bad(value, verb, flags)


def _quoted(text: str, flags: Flags) -> str:
    text = text[: flags.precision]
    if flags.sharp and can_be_in_back_quotes(text):
        return flags.pad(f"`{text}`")
    return flags.pad(quote(text, ascii_only=flags.plus))


def _bytes(data: bytes, verb: str, flags: Flags) -> str:
    prefix = f"0{verb}" if flags.sharp and data else ""
    pairs = data.hex(" ") if flags.blank else data.hex()
    pairs = pairs.upper() if verb == "X" else pairs
    return flags.pad(prefix + (pairs.replace(" ", f" {prefix}") if prefix else pairs))


# --- numbers ------------------------------------------------------------------------------------------------------


def _integer(value: int, verb: str, flags: Flags) -> str:
    number = int(value)
    match verb:
        case "c":
            return flags.pad(character(number))
        case "q":
            return flags.pad(quote_character(number, ascii_only=flags.plus))
        case "U":
            return _code_point(number % _UNSIGNED, flags)
        case "v" if flags.go_syntax and isinstance(value, Uint8):
            return _digits(number, "x", True, flags)
        case _:
            return _digits(number, verb, flags.sharp, flags) if verb in _BASES else _bad(value, verb, flags)


def _digits(number: int, verb: str, sharp: bool, flags: Flags) -> str:
    if flags.precision == 0 and number == 0:
        return flags.pad("", zeros=False)
    base = _BASES[verb]
    sign = "-" if number < 0 else "+" if flags.plus else " " if flags.blank else ""
    least = flags.precision or 0
    if flags.precision is None and flags.zero and not flags.minus and flags.width is not None:
        least = flags.width - len(sign)
    digits = f"{abs(number):{base}}".rjust(least, "0")
    if sharp:
        digits = _PREFIXES.get(base, "0" if base == "o" and digits[0] != "0" else "") + digits
    if verb == "O":
        digits = f"0o{digits}"
    return flags.pad(sign + digits, zeros=False)


def _code_point(number: int, flags: Flags) -> str:
    least = max(4, flags.precision or 0)
    text = f"U+{number:0{least}X}"
    if flags.sharp and number <= 0x10FFFF and not 0xD800 <= number < 0xE000 and is_printable(chr(number)):
        text += f" '{chr(number)}'"
    return flags.pad(text, zeros=False)


def _float(value: float, verb: str, flags: Flags) -> str:
    if verb not in "vbgGxXfFeE":
        return _bad(value, verb, flags)
    form = {"v": "g", "F": "f"}.get(verb, verb)
    text = format_float(value, form, flags.precision)
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("+", text)
    if flags.sharp and form != "b":
        digits = _with_point(digits, form, flags.precision)
    if sign == "+" and not flags.plus:
        sign = " " if flags.blank else ""
    missing = (flags.width or 0) - len(sign) - len(digits)
    if sign and flags.zero and not flags.minus and missing > 0:
        return f"{sign}{'0' * missing}{digits}"
    return flags.pad(sign + digits)


def _with_point(digits: str, form: str, precision: int | None) -> str:
    """With ``#`` there is always a point, and the zeros at the end stay."""
    marks = "pP" if form in "xX" else "eE"
    cut = next((place for place, char in enumerate(digits) if char in marks), len(digits))
    number, tail = digits[:cut], digits[cut:]
    wanted = (_SHORT_FORM_DIGITS if precision is None else precision) if form in "gGx" else 0
    significant = number.replace(".", "").lstrip("0")
    wanted -= len(significant)
    if "." not in number:
        wanted -= number == "0"
        number += "."
    return f"{number}{'0' * max(0, wanted)}{tail}"


# --- formats ---------------------------------------------------------------------------------------------------------

_WIDEST: Final = 1_000
"""Go allows a million; a tag has 128 characters."""

_LARGEST_INDEX: Final = 1_000_000
"""Go stops reading a number once it is larger than this."""

_FLAGS: Final = {"#": "sharp", "0": "zero", "+": "plus", "-": "minus", " ": "blank"}


def sprintf(form: str, values: Sequence[Value]) -> str:
    """``form`` with the values in the places of its verbs."""
    return canonical(_Format(form, values).text())


@final
class _Format:
    def __init__(self, form: str, values: Sequence[Value]) -> None:
        self._form = form
        self._values = values
        self._place = 0
        self._next = 0
        self._reordered = False
        self._good_index = True
        self._after_index = False
        self._parts: list[str] = []

    def text(self) -> str:
        while (percent := self._form.find("%", self._place)) >= 0:
            self._parts.append(self._form[self._place : percent])
            self._place = percent + 1
            self._good_index = True
            if not self._verb():
                self._parts.append("%!(NOVERB)")
                break
        else:
            self._parts.append(self._form[self._place :])
        if not self._reordered and self._next < len(self._values):
            self._parts.append(self._extra())
        return "".join(self._parts)

    def _extra(self) -> str:
        extra = (
            "<nil>" if value is None else f"{TYPE_NAMES[type(value)]}={format_value(value, 'v', Flags())}"
            for value in self._values[self._next :]
        )
        return f"%!(EXTRA {', '.join(extra)})"

    def _verb(self) -> bool:
        """Format one value; False when the format ends before its verb."""
        flags = Flags()
        while name := _FLAGS.get(self._char()):
            setattr(flags, name, True)
            self._place += 1
        self._index()
        self._width(flags)
        self._precision(flags)
        if not self._after_index:
            self._index()
        verb = self._char()
        if not verb:
            return False
        self._place += 1
        self._parts.append(self._formatted(verb, flags))
        return True

    def _formatted(self, verb: str, flags: Flags) -> str:
        if verb == "%":
            return "%"
        shown = "\ufffd" if 0xDC80 <= ord(verb) <= 0xDCFF else verb
        if not self._good_index:
            return f"%!{shown}(BADINDEX)"
        if self._next >= len(self._values):
            return f"%!{shown}(MISSING)"
        if verb in "vw":
            flags.go_syntax, flags.sharp = flags.sharp, False
            flags.plus_v, flags.plus = flags.plus, False
        value = self._values[self._next]
        self._next += 1
        return format_value(value, shown, flags)

    def _char(self) -> str:
        return self._form[self._place : self._place + 1]

    def _number(self) -> int | None:
        start = self._place
        while (char := self._char()) and char in "0123456789":
            self._place += 1
        digits = self._form[start : self._place]
        return _small(int(digits.lstrip("0")[:9] or "0")) if digits else None

    def _width(self, flags: Flags) -> None:
        if self._char() == "*":
            self._place += 1
            flags.width = self._star()
            if flags.width is None:
                self._parts.append("%!(BADWIDTH)")
            elif flags.width < 0:
                flags.width, flags.minus, flags.zero = -flags.width, True, False
            self._after_index = False
            return
        flags.width = self._number()
        if self._after_index and flags.width is not None:
            self._good_index = False

    def _precision(self, flags: Flags) -> None:
        if self._char() != "." or self._place + 1 >= len(self._form):
            return
        self._place += 1
        if self._after_index:
            self._good_index = False
        self._index()
        if self._char() != "*":
            flags.precision = self._number() or 0
            return
        self._place += 1
        number = self._star()
        flags.precision = number if number is not None and number >= 0 else None
        if flags.precision is None:
            self._parts.append("%!(BADPREC)")
        self._after_index = False

    def _star(self) -> int | None:
        """A width or precision that is one of the values; None when that value is not an integer."""
        if self._next >= len(self._values):
            return None
        value = self._values[self._next]
        self._next += 1
        return _small(int(value)) if type(value) in INTEGERS and isinstance(value, int) else None

    def _index(self) -> None:
        """Read ``[n]``, the number of the value that comes next, from 1."""
        self._after_index = False
        if self._char() != "[":
            return
        self._reordered = True
        end = self._form.find("]", self._place)
        if end < 0 or len(self._form) - self._place < 3:
            self._place += 1
            self._good_index = False
            return
        digits = self._form[self._place + 1 : end]
        self._place = end + 1
        significant = digits.lstrip("0")[:9]
        is_number = digits.isascii() and digits.isdecimal() and int(significant[:-1] or "0") <= _LARGEST_INDEX
        number = int(significant or "0") if is_number else 0
        if 1 <= number <= len(self._values):
            self._next, self._after_index = number - 1, True
            return
        self._good_index = False
        self._after_index = is_number


def _small(number: int) -> int:
    if abs(number) > _WIDEST:
        raise Refused(f"a width or precision of more than {_WIDEST} in printf is not supported")
    return number
