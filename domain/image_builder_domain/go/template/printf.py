"""``printf``: reads the format and hands each value to its verb (Go, package ``fmt``).

A mistake in a format is no failure: Go writes it into the text, such as ``%!d(string=x)``, and so do we.
"""

from collections.abc import Sequence
from typing import Final, final

from image_builder_domain.go.template.refusal import Refused
from image_builder_domain.go.template.value import INTEGERS, TYPE_NAMES, Value, canonical
from image_builder_domain.go.template.verb import Flags, format_value

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
        told = (
            "<nil>" if value is None else f"{TYPE_NAMES[type(value)]}={format_value(value, 'v', Flags())}"
            for value in self._values[self._next :]
        )
        return f"%!(EXTRA {', '.join(told)})"

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
        """A width or precision that is one of the values; None when that is no integer."""
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
