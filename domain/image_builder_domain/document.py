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
