"""A parsed YAML document: nodes that know their place, with every scalar kept as it was written.

Plain classes, not dataclasses: they are imported at every start, and a large file makes many nodes.
"""

from typing import TypeAlias, final


class _Place:
    """A node, which begins at ``where`` (``file:line:column``). Equal nodes have equal content and places."""

    __slots__ = ("where",)

    def __init__(self, where: str) -> None:
        self.where = where

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        parts = ", ".join(repr(getattr(self, name)) for name in (*self.__slots__, "where"))
        return f"{type(self).__name__}({parts})"


@final
class Scalar(_Place):
    """One value; ``plain`` if it is written without quotes, so that ``true`` may be a boolean."""

    __slots__ = ("plain", "text")

    def __init__(self, text: str, plain: bool, where: str) -> None:
        super().__init__(where)
        self.text = text
        self.plain = plain


@final
class Sequence(_Place):
    """A list."""

    __slots__ = ("items",)

    def __init__(self, items: "tuple[Node, ...]", where: str) -> None:
        super().__init__(where)
        self.items = items


@final
class Mapping(_Place):
    """Keys and values in order; keys are unique."""

    __slots__ = ("entries",)

    def __init__(self, entries: "tuple[tuple[Scalar, Node], ...]", where: str) -> None:
        super().__init__(where)
        self.entries = entries


Node: TypeAlias = Scalar | Sequence | Mapping


def place(node: Node, *steps: str | int) -> str:
    """``file:line:column`` of the node at these keys and indexes, or of its nearest parent that exists."""
    for step in steps:
        if isinstance(node, Mapping):
            node = next((child for key, child in node.entries if key.text == step), node)
        elif isinstance(node, Sequence) and isinstance(step, int):
            node = node.items[step]
    return node.where
