"""A parsed configuration document: nodes that know their place, with every scalar kept as it was written."""

from dataclasses import dataclass
from typing import TypeAlias, final


@final
@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; ``plain`` when it stands without quotes, so that ``true`` may be a boolean."""

    text: str
    plain: bool
    where: str


@final
@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: "tuple[Node, ...]"
    where: str


@final
@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in order; keys are unique. ``where`` of each node is ``file:line:column``."""

    entries: "tuple[tuple[Scalar, Node], ...]"
    where: str


Node: TypeAlias = Scalar | Sequence | Mapping


def place(node: Node, *steps: str | int) -> str:
    """``file:line:column`` of what lies below these keys and indexes, or of the last thing on the way that is there."""
    for step in steps:
        if isinstance(node, Mapping):
            node = next((child for key, child in node.entries if key.text == step), node)
        elif isinstance(node, Sequence) and isinstance(step, int):
            node = node.items[step]
    return node.where
