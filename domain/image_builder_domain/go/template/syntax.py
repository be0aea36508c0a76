"""The parts of a parsed template. Every part has its position, counted in characters from 0."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias, final

from image_builder_domain.go.template.literal import Constant

# --- operands -----------------------------------------------------------------------------------------------------


@final
class Literal(NamedTuple):
    """A text, ``true`` or ``false``."""

    position: int
    value: str | bool


@final
class Number(NamedTuple):
    """A number or a character."""

    position: int
    text: str
    constant: Constant


@final
class Nil(NamedTuple):
    """``nil``."""

    position: int


@final
class Dot(NamedTuple):
    """``.``."""

    position: int


@final
class Field(NamedTuple):
    """``.A.B``."""

    position: int
    names: tuple[str, ...]


@final
class Variable(NamedTuple):
    """``$x.A.B``."""

    position: int
    name: str
    names: tuple[str, ...]


@final
class Function(NamedTuple):
    """The name of an existing function."""

    position: int
    name: str


@final
class Chain(NamedTuple):
    """``(pipeline).A.B``, also after the name of a function."""

    position: int
    operand: "Pipeline | Function"
    names: tuple[str, ...]


@final
class Pipeline(NamedTuple):
    """``$names := command | command``; ``assigns`` when ``=`` is written."""

    position: int
    names: tuple[str, ...]
    assigns: bool
    commands: tuple["Command", ...]


Operand: TypeAlias = Literal | Number | Nil | Dot | Field | Variable | Function | Chain | Pipeline


@final
class Command(NamedTuple):
    """Operands, separated by blanks; the first one is called with the others."""

    position: int
    first: Operand
    arguments: tuple[Operand, ...]


# --- nodes --------------------------------------------------------------------------------------------------------


@final
class Text(NamedTuple):
    """Text that stands for itself."""

    text: str


@final
class Action(NamedTuple):
    """A pipeline whose value is printed, unless it declares a variable."""

    pipeline: Pipeline


@final
class Branch(NamedTuple):
    """``if``, or ``with``, which ``rebinds`` the dot."""

    rebinds: bool
    pipeline: Pipeline
    body: "Body"
    otherwise: "Body"


@final
class Range(NamedTuple):
    """``range``."""

    pipeline: Pipeline
    body: "Body"
    otherwise: "Body"


@final
class Call(NamedTuple):
    """``template``."""

    position: int
    name: str
    pipeline: Pipeline | None


@final
class Jump(NamedTuple):
    """``break`` or ``continue``."""

    word: str


Node: TypeAlias = Text | Action | Branch | Range | Call | Jump
Body: TypeAlias = tuple[Node, ...]
Templates: TypeAlias = Mapping[str, Body]
"""The bodies by name; rendering starts with :data:`MAIN`."""

MAIN = "tag"
