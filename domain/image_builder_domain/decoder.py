"""Decoders: from document nodes to typed values, with every problem of a document at once.

A decoder takes a node and the path of its key (``cache.enabled``) and gives a value or problems. Scalars are read as
Go's yaml.v3 reads them into typed fields: text stays as written, a boolean must be plain.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping as Dictionary
from typing import Any, TypeAlias, TypeVar

from returns.result import Result, Success

from image_builder_domain.document import Mapping, Node, Scalar, Sequence
from image_builder_domain.nearest import nearest
from image_builder_domain.problem import Problems, every, located, refuse, together

_T = TypeVar("_T")

Decoder: TypeAlias = Callable[[Node, str], Result[_T, Problems]]

_TRUE = frozenset(["true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON"])
_FALSE = frozenset(["false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF"])
_NULL = frozenset(("", "~", "null", "Null", "NULL"))


def text(node: Node, path: str) -> Result[str, Problems]:
    """A scalar as written, not empty."""
    if not isinstance(node, Scalar):
        return refuse(node.where, f"{path} must be text, not a {_kind(node)}", "write one value")
    if (node.plain and node.text in _NULL) or not node.text:
        return refuse(node.where, f"{path} has no value", "give one, or remove the key")
    return Success(node.text)


def boolean(node: Node, path: str) -> Result[bool, Problems]:
    """A plain boolean."""
    if isinstance(node, Scalar) and node.plain and node.text in _TRUE | _FALSE:
        return Success(node.text in _TRUE)
    return refuse(node.where, f"{path} must be true or false{_shown(node)}", "write true or false, without quotes")


def whole_number(node: Node, path: str) -> Result[int, Problems]:
    """A decimal number from 0 to 999,999,999."""
    if isinstance(node, Scalar) and re.fullmatch(r"[0-9]{1,9}", node.text):
        return Success(int(node.text))
    return refuse(node.where, f"{path} must be a whole number{_shown(node)}", "write digits")


def duration(node: Node, path: str) -> Result[float, Problems]:
    """Seconds, from a Go duration."""
    from image_builder_domain.duration import seconds  # most files hold none

    return text(node, path).bind(lambda written: located(seconds(written), node.where, f"this is {path}"))


def choice(*words: str) -> Decoder[str]:
    """One of the given words."""

    def decode(node: Node, path: str) -> Result[str, Problems]:
        return text(node, path).bind(
            lambda written: (
                Success(written)
                if written in words
                else refuse(node.where, f"{path} cannot be {written!r}", nearest(written, words))
            )
        )

    return decode


def list_of(item: Decoder[_T]) -> Decoder[tuple[_T, ...]]:
    """A list of at least one."""

    def decode(node: Node, path: str) -> Result[tuple[_T, ...], Problems]:
        if isinstance(node, Sequence) and not node.items:
            return refuse(node.where, f"{path} must be a list of at least one, not an empty list", "add an item")
        if not isinstance(node, Sequence):
            return refuse(node.where, f"{path} must be a list{_shown(node)}", "write one '- item' on each line")
        return every(item(child, f"{path}[{index}]") for index, child in enumerate(node.items))

    return decode


def one_or_list_of(item: Decoder[_T]) -> Decoder[tuple[_T, ...]]:
    """One value, or a list of at least one."""

    def decode(node: Node, path: str) -> Result[tuple[_T, ...], Problems]:
        if isinstance(node, Sequence):
            return list_of(item)(node, path)
        return item(node, path).map(lambda value: (value,))

    return decode


def map_of(value: Decoder[_T]) -> Decoder[dict[str, _T]]:
    """A mapping with free keys."""

    def decode(node: Node, path: str) -> Result[dict[str, _T], Problems]:
        if not isinstance(node, Mapping):
            return refuse(node.where, f"{path} must be a mapping{_shown(node)}", "write 'key: value' lines")
        return every(value(child, f"{path}.{key.text}") for key, child in node.entries).map(
            lambda values: dict(zip((key.text for key, _ in node.entries), values, strict=True))
        )

    return decode


def fields(known: Dictionary[str, Decoder[Any]], required: tuple[str, ...] = ()) -> Decoder[dict[str, Any]]:
    """A mapping of known keys; any other key is refused with the nearest known one."""

    def decode(node: Node, path: str) -> Result[dict[str, Any], Problems]:
        if not isinstance(node, Mapping):
            return refuse(
                node.where, f"{path or 'the file'} must be a mapping{_shown(node)}", "write 'key: value' lines"
            )
        names = {key.text for key, _ in node.entries}
        missing = every(
            refuse(node.where, f"{_join(path, name)} is missing", "add it") for name in required if name not in names
        )
        values = every(_entry(known, key, child, path) for key, child in node.entries).map(dict)
        return together(missing, values).map(lambda both: both[1])

    return decode


def _entry(
    known: Dictionary[str, Decoder[Any]], key: Scalar, child: Node, path: str
) -> Result[tuple[str, Any], Problems]:
    if key.text not in known:
        return refuse(key.where, f"unknown key {_join(path, key.text)!r}", nearest(key.text, known))
    return known[key.text](child, _join(path, key.text)).map(lambda value: (key.text, value))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _kind(node: Node) -> str:
    return "mapping" if isinstance(node, Mapping) else "list"


def _shown(node: Node) -> str:
    return f", not {node.text!r}" if isinstance(node, Scalar) else f", not a {_kind(node)}"
