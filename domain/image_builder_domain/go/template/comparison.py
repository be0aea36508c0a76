"""The functions ``eq ne lt le gt ge``: only values of one kind compare; all integers are of one kind."""

from typing import Any, Final

from image_builder_domain.go.template.refusal import Refused
from image_builder_domain.go.template.value import INTEGERS, Location, Root, Time, Value, encoded, type_name

_KINDS: Final[dict[type[Any], str]] = {
    bool: "truth",
    float: "float",
    str: "text",
    **dict.fromkeys(INTEGERS, "integer"),
}
_ORDERED: Final = frozenset({"float", "text", "integer"})


def equal(first: Value, *others: Value) -> bool:
    """Whether ``first`` equals one of the others; those after it are not looked at."""
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


def unequal(first: Value, other: Value) -> bool:
    """``ne``."""
    return not equal(first, other)


def less(first: Value, other: Value) -> bool:
    """``lt``; texts by their bytes."""
    kind = _KINDS.get(type(first))
    if kind not in _ORDERED or kind != _KINDS.get(type(other)):
        raise _incomparable(first, other)
    if isinstance(first, str) and isinstance(other, str):
        return encoded(first) < encoded(other)
    if isinstance(first, int | float) and isinstance(other, int | float):
        return first < other
    raise _incomparable(first, other)


def less_or_equal(first: Value, other: Value) -> bool:
    """``le``."""
    return less(first, other) or equal(first, other)


def greater(first: Value, other: Value) -> bool:
    """``gt``."""
    return not less_or_equal(first, other)


def greater_or_equal(first: Value, other: Value) -> bool:
    """``ge``."""
    return not less(first, other)


def _incomparable(first: Value, other: Value) -> Refused:
    return Refused(f"{type_name(first)} and {type_name(other)} cannot be compared like that")
