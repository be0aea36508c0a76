"""Built-in functions except ``and`` and ``or``, which do not evaluate all their arguments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, final

from image_builder_domain.go.template.literal import is_printable
from image_builder_domain.go.template.printf import sprintf
from image_builder_domain.go.template.printing import sprint, sprintln
from image_builder_domain.go.template.refusal import Refused
from image_builder_domain.go.template.value import (
    INTEGERS,
    Location,
    Root,
    Time,
    Uint8,
    Value,
    encoded,
    is_true,
    type_name,
)


@final
class Builtin(NamedTuple):
    """``parameters`` are the types of the first arguments (None: any); with ``more``, others may follow."""

    parameters: tuple[type[Any] | None, ...]
    more: bool
    call: Callable[..., Value]


def _escaped(escape: Callable[[str], str]) -> Callable[..., str]:
    """Print first, then escape; here nil prints as ``<no value>``."""
    return lambda *values: escape(sprint("<no value>" if value is None else value for value in values))


def _length(value: Value) -> int:
    if not isinstance(value, str):
        raise Refused(f"len counts the bytes of a text; this is {type_name(value)}")
    return len(encoded(value))


def _place(value: Value, last: int) -> int:
    if type(value) not in INTEGERS or not isinstance(value, int):
        raise Refused(f"a position in a text is a number, not {type_name(value)}")
    if not 0 <= value <= last:
        raise Refused(f"position {value} is outside a text of {last} bytes")
    return int(value)


def _index(value: Value, *places: Value) -> Value:
    if value is None:
        raise Refused("index of nil")
    for place in places:
        if not isinstance(value, str):
            raise Refused(f"index looks into texts; this is {type_name(value)}")
        data = encoded(value)
        found = _place(place, len(data))
        if found == len(data):
            raise Refused(f"position {found} is outside a text of {found} bytes")
        value = Uint8(data[found])
    return value


def _slice(value: Value, *places: Value) -> str:
    if not isinstance(value, str):
        raise Refused(f"slice cuts texts; this is {type_name(value)}")
    if len(places) > 2:
        raise Refused("slice takes at most two positions of a text")
    data = encoded(value)
    found: Sequence[int] = [_place(place, len(data)) for place in places]
    start, end = found[0] if found else 0, found[1] if len(found) > 1 else len(data)
    if start > end:
        raise Refused(f"slice cannot cut from {start} to {end}")
    return data[start:end].decode("utf-8", "surrogateescape")


def _call(*_: Value) -> Value:
    raise Refused("call needs a function value, which tags do not have")


# --- comparison: only values of one kind compare; all integers are of one kind --------------------------------------

_KINDS: Final[dict[type[Any], str]] = {
    bool: "truth",
    float: "float",
    str: "text",
    **dict.fromkeys(INTEGERS, "integer"),
}
_ORDERED: Final = frozenset({"float", "text", "integer"})


def _equals_any(first: Value, *others: Value) -> bool:
    """``eq``: whether ``first`` equals one of the others. The first equal one ends the comparison."""
    if not others:
        raise Refused("eq needs something to compare with")
    return any(_equal(first, other) for other in others)


def _equal(first: Value, other: Value) -> bool:
    kinds = _KINDS.get(type(first)), _KINDS.get(type(other))
    if first is None or other is None:
        return first is other
    if kinds[0] != kinds[1]:
        raise _incomparable(first, other)
    if kinds[0] is not None:
        return first == other
    if isinstance(first, Time) and isinstance(other, Time):
        return first.moment == other.moment
    if isinstance(first, Location | Root) and isinstance(other, Location | Root):
        return first is other
    raise _incomparable(first, other)


def _unequal(first: Value, other: Value) -> bool:
    """``ne``."""
    return not _equal(first, other)


def _less(first: Value, other: Value) -> bool:
    """``lt``; texts by their bytes."""
    kind = _KINDS.get(type(first))
    if kind not in _ORDERED or kind != _KINDS.get(type(other)):
        raise _incomparable(first, other)
    if isinstance(first, str) and isinstance(other, str):
        return encoded(first) < encoded(other)
    if isinstance(first, int | float) and isinstance(other, int | float):
        return first < other
    raise _incomparable(first, other)


def _less_or_equal(first: Value, other: Value) -> bool:
    """``le``."""
    return _less(first, other) or _equal(first, other)


def _greater(first: Value, other: Value) -> bool:
    """``gt``."""
    return not _less_or_equal(first, other)


def _greater_or_equal(first: Value, other: Value) -> bool:
    """``ge``."""
    return not _less(first, other)


def _incomparable(first: Value, other: Value) -> Refused:
    return Refused(f"{type_name(first)} and {type_name(other)} cannot be compared like that")


# --- escaping: text made safe for other languages --------------------------------------------------------------------

_HTML: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;", "\0": "\ufffd"},
)
_JS: Final = {
    "\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D",
}  # fmt: skip
_KEPT_IN_URLS: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")


def _html(text: str) -> str:
    """For HTML."""
    return text.translate(_HTML)


def _js(text: str) -> str:
    """For a string of JavaScript; bytes that make no character stay."""
    return "".join(_JS.get(char) or _js_character(char) for char in text)


def _js_character(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return f"\\u00{code:02X}"
    is_byte = 0xDC80 <= code <= 0xDCFF
    return char if char.isascii() or is_byte or is_printable(char) else f"\\u{code:04X}"


def _urlquery(text: str) -> str:
    """For a query of a URL: a blank becomes ``+``."""
    return "".join(
        chr(byte) if byte in _KEPT_IN_URLS else "+" if byte == 0x20 else f"%{byte:02X}" for byte in encoded(text)
    )


BUILTINS: Final[Mapping[str, Builtin]] = {
    "call": Builtin((None,), True, _call),
    "eq": Builtin((None,), True, _equals_any),
    "ge": Builtin((None, None), False, _greater_or_equal),
    "gt": Builtin((None, None), False, _greater),
    "html": Builtin((), True, _escaped(_html)),
    "index": Builtin((None,), True, _index),
    "js": Builtin((), True, _escaped(_js)),
    "le": Builtin((None, None), False, _less_or_equal),
    "len": Builtin((None,), False, _length),
    "lt": Builtin((None, None), False, _less),
    "ne": Builtin((None, None), False, _unequal),
    "not": Builtin((None,), False, lambda value: not is_true(value)),
    "print": Builtin((), True, lambda *values: sprint(values)),
    "printf": Builtin((str,), True, lambda form, *values: sprintf(form, values)),
    "println": Builtin((), True, lambda *values: sprintln(values)),
    "slice": Builtin((None,), True, _slice),
    "urlquery": Builtin((), True, _escaped(_urlquery)),
}
