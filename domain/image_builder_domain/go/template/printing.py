"""Default formats of values: Go's verb ``%v`` without flags, and the functions ``print`` and ``println``."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from image_builder_domain.go.template.calendar import DAYS, MONTHS, format_time
from image_builder_domain.go.template.refusal import Refused
from image_builder_domain.go.template.value import (
    Duration,
    Int64,
    Location,
    Month,
    Root,
    Time,
    Uint8,
    Value,
    Weekday,
    canonical,
)

# --- numbers: ``strconv.FormatFloat``, for numbers that are finite ---------------------------------------------------

_FRACTION_BITS: Final = 52
_SMALLEST_EXPONENT: Final = -1074
_SHORTEST_LIMIT: Final = 6
"""From this decimal exponent on, the shortest form has an exponent."""


def shortest(number: float) -> str:
    """``%v``: the fewest digits that identify the number."""
    digits, exponent = shortest_digits(number)
    sign = "-" if _is_negative(number) else ""
    if exponent < -4 or exponent >= _SHORTEST_LIMIT:
        return f"{sign}{_scientific(digits, exponent)}"
    return f"{sign}{_positional(digits, exponent)}"


def shortest_digits(number: float) -> tuple[str, int]:
    """The significant digits without zeros at the end, and the decimal exponent of the first one."""
    if number == 0:
        return "0", 0
    mantissa, exponent = f"{abs(number)!r}".partition("e")[::2]
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    leading = len(digits) - len(digits.lstrip("0"))
    return digits.strip("0") or "0", len(whole) - 1 - leading + int(exponent or "0")


def format_float(number: float, verb: str, precision: int | None) -> str:
    """One of the verbs ``e E f g G b x X``; without precision the shortest form (of ``e`` and ``f``: six digits)."""
    match verb:
        case "b":
            return _binary(number)
        case "x" | "X":
            text = _hexadecimal(number, precision)
            return text.upper() if verb == "X" else text
        case "g" | "G" if precision is None:
            return shortest(number).upper() if verb == "G" else shortest(number)
        case _:
            return f"{number:.{6 if precision is None else precision}{verb}}"


def _is_negative(number: float) -> bool:
    return f"{number!r}"[0] == "-"


def _scientific(digits: str, exponent: int) -> str:
    point = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{point}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _positional(digits: str, exponent: int) -> str:
    if exponent < 0:
        return f"0.{'0' * (-exponent - 1)}{digits}"
    whole, fraction = digits[: exponent + 1].ljust(exponent + 1, "0"), digits[exponent + 1 :]
    return f"{whole}.{fraction}" if fraction else whole


def _parts(number: float) -> tuple[int, int]:
    """The mantissa as an integer and the binary exponent, as in the 64 bits."""
    mantissa, exponent = abs(number).hex().partition("p")[::2]
    whole, _, fraction = mantissa[2:].partition(".")
    power = int(exponent) - _FRACTION_BITS
    bits = (int(whole, 16) << _FRACTION_BITS) | int((fraction or "0").ljust(13, "0"), 16)
    return bits, power if bits else _SMALLEST_EXPONENT


def _binary(number: float) -> str:
    mantissa, power = _parts(number)
    sign = "-" if _is_negative(number) else ""
    return f"{sign}{mantissa}p{power:+d}"


def _hexadecimal(number: float, precision: int | None) -> str:
    mantissa, power = _parts(number)
    sign = "-" if _is_negative(number) else ""
    if mantissa == 0:
        return f"{sign}0x0{'.' + '0' * precision if precision else ''}p+00"
    shift = _FRACTION_BITS + 1 - mantissa.bit_length()
    mantissa, power = mantissa << shift, power - shift + _FRACTION_BITS
    if precision is not None and precision < 13:
        mantissa = _rounded(mantissa, 4 * (13 - precision))
        if mantissa.bit_length() > _FRACTION_BITS + 1:
            mantissa, power = mantissa >> 1, power + 1
    fraction = f"{mantissa & ((1 << _FRACTION_BITS) - 1):013x}"
    fraction = fraction.rstrip("0") if precision is None else fraction[:precision].ljust(precision, "0")
    return f"{sign}0x1{'.' + fraction if fraction else ''}p{'-' if power < 0 else '+'}{abs(power):02d}"


def _rounded(number: int, bits: int) -> int:
    """Without the last ``bits`` bits, to the nearest; a half goes to the even one."""
    kept, rest, half = number >> bits, number & ((1 << bits) - 1), 1 << (bits - 1)
    return (kept + (rest > half or (rest == half and kept & 1))) << bits


# --- all values ------------------------------------------------------------------------------------------------------

_UNSIGNED: Final = 1 << 64
_UNITS: Final = ((1_000, "ns"), (1_000_000, "\u00b5s"), (1_000_000_000, "ms"))


def plain(value: Value) -> str:
    """The text of a value; nil is ``<nil>``."""
    return _PRINTERS[type(value)](value)


def sprint(values: Iterable[Value]) -> str:
    """``print``: a blank only between two neighbours that are both not strings."""
    parts: list[str] = []
    blank_before = False
    for value in values:
        is_text = isinstance(value, str)
        if blank_before and not is_text:
            parts.append(" ")
        parts.append(plain(value))
        blank_before = not is_text
    return canonical("".join(parts))


def sprintln(values: Iterable[Value]) -> str:
    """``println``: blanks between all, and a newline."""
    return canonical(" ".join(map(plain, values)) + "\n")


def duration_text(duration: int) -> str:
    """Such as ``1h2m3.5s``; below one second, in the largest unit of which there is at least one."""
    size, sign = abs(duration), "-" if duration < 0 else ""
    if size == 0:
        return "0s"
    for limit, unit in _UNITS:
        if size < limit:
            return f"{sign}{_with_fraction(size, limit // 1_000)}{unit}"
    minutes, rest = divmod(size, 60_000_000_000)
    text = f"{_with_fraction(rest, 1_000_000_000)}s"
    if minutes:
        hours, minute = divmod(minutes, 60)
        text = f"{hours}h{minute}m{text}" if hours else f"{minute}m{text}"
    return sign + text


def _with_fraction(size: int, unit: int) -> str:
    whole, rest = divmod(size, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else f"{whole}"


def _name(names: tuple[str, ...], first: int, type_name: str) -> Callable[[int], str]:
    def name(number: int) -> str:
        known = 0 <= number - first < len(names)
        return names[number - first] if known else f"%!{type_name}({number % _UNSIGNED})"

    return name


def _root(_: Root) -> str:
    raise Refused("printing the whole of '.' is not supported: name one of its fields")


_PRINTERS: Final[dict[type[Any], Callable[[Any], str]]] = {
    str: lambda text: text,
    bool: lambda truth: "true" if truth else "false",
    int: int.__repr__,
    Int64: int.__repr__,
    Uint8: int.__repr__,
    float: shortest,
    Month: _name(MONTHS, 1, "Month"),
    Weekday: _name(DAYS, 0, "Weekday"),
    Duration: duration_text,
    Time: lambda time: format_time("2006-01-02 15:04:05.999999999 -0700 MST", time),
    Location: lambda _: "UTC",
    Root: _root,
    type(None): lambda _: "<nil>",
}
