"""The functions of the language, but ``and`` and ``or``, which do not evaluate all that they are given."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, final

from image_builder_domain.go.template import comparison, escaping
from image_builder_domain.go.template.printf import sprintf
from image_builder_domain.go.template.printing import sprint, sprintln
from image_builder_domain.go.template.refusal import Refused
from image_builder_domain.go.template.value import INTEGERS, Uint8, Value, encoded, is_true, type_name


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
        raise Refused(f"a place in a text is a number, not {type_name(value)}")
    if not 0 <= value <= last:
        raise Refused(f"there is no place {value} in a text of {last} bytes")
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
            raise Refused(f"there is no place {found} in a text of {found} bytes")
        value = Uint8(data[found])
    return value


def _slice(value: Value, *places: Value) -> str:
    if not isinstance(value, str):
        raise Refused(f"slice cuts texts; this is {type_name(value)}")
    if len(places) > 2:
        raise Refused("slice takes at most two places of a text")
    data = encoded(value)
    found: Sequence[int] = [_place(place, len(data)) for place in places]
    start, end = found[0] if found else 0, found[1] if len(found) > 1 else len(data)
    if start > end:
        raise Refused(f"slice cannot cut from {start} to {end}")
    return data[start:end].decode("utf-8", "surrogateescape")


def _call(*_: Value) -> Value:
    raise Refused("there is no function value to call")


BUILTINS: Final[Mapping[str, Builtin]] = {
    "call": Builtin((None,), True, _call),
    "eq": Builtin((None,), True, comparison.equal),
    "ge": Builtin((None, None), False, comparison.greater_or_equal),
    "gt": Builtin((None, None), False, comparison.greater),
    "html": Builtin((), True, _escaped(escaping.html)),
    "index": Builtin((None,), True, _index),
    "js": Builtin((), True, _escaped(escaping.js)),
    "le": Builtin((None, None), False, comparison.less_or_equal),
    "len": Builtin((None,), False, _length),
    "lt": Builtin((None, None), False, comparison.less),
    "ne": Builtin((None, None), False, comparison.unequal),
    "not": Builtin((None,), False, lambda value: not is_true(value)),
    "print": Builtin((), True, lambda *values: sprint(values)),
    "printf": Builtin((str,), True, lambda form, *values: sprintf(form, values)),
    "println": Builtin((), True, lambda *values: sprintln(values)),
    "slice": Builtin((None,), True, _slice),
    "urlquery": Builtin((), True, _escaped(escaping.urlquery)),
}
