"""Variants: several builds of one Dockerfile with different build arguments, from ``variants.yaml`` next to it."""

import re
from dataclasses import dataclass
from typing import Final, final

from returns.result import Result, Success

from image_builder_domain.problem import Problems, every, gather, nearest, refuse
from image_builder_domain.source.build_argument import BuildArgument, is_argument_name, is_predefined
from image_builder_domain.source.dockerfile import DeclaredArguments
from image_builder_domain.yaml_document import Mapping, Node, Scalar

VARIANTS_FILE = "variants.yaml"
"""Its folder is that of the Dockerfile."""

MOST_VARIANTS: Final = 2_500
"""The limit of one file. Each variant has a build, a log file, and every tag in every registry."""

# A name ends tags, cache tags and the names of log files.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_VALUES = "write text, a number or a boolean"


@final
@dataclass(frozen=True, slots=True)
class Variant:
    """One build: its name and its arguments, values as they were written. ``where`` is ``file:line:column``."""

    name: str
    arguments: tuple[BuildArgument, ...]
    where: str


def variants(document: Node, declared: DeclaredArguments) -> Result[tuple[Variant, ...], Problems]:
    """The variants of a document in its order, at least one, or every problem in it."""
    if not isinstance(document, Mapping) or not document.entries:
        return refuse(document.where, "this must map names of variants to build arguments", "write 'name:' lines")
    if len(document.entries) > MOST_VARIANTS:
        what = f"there are {len(document.entries)} variants, and at most {MOST_VARIANTS} are built"
        return refuse(document.where, what, "split them over several Dockerfiles")
    known = _Known(declared)
    return every(_variant(name, content, known) for name, content in document.entries)


def chosen_variants(found: tuple[Variant, ...], name: str | None) -> Result[tuple[Variant, ...], Problems]:
    """The variants to build: all, or the one that ``--variant`` names."""
    if name is None:
        return Success(found)
    if not found:
        return refuse(
            "--variant", f"there is no {VARIANTS_FILE} beside the Dockerfile", "add it, or leave the flag out"
        )
    chosen = tuple(variant for variant in found if variant.name == name)
    names = [variant.name for variant in found]
    what = f"there is no variant {name!r}; {VARIANTS_FILE} has {', '.join(names)}"
    return Success(chosen) if chosen else refuse("--variant", what, nearest(name, names))


@final
class _Known:
    """The valid names of keys, and how many keys so far had another name."""

    __slots__ = ("names", "unknown")

    def __init__(self, declared: DeclaredArguments) -> None:
        self.names = declared.names
        self.unknown = 0


def _variant(name: Scalar, content: Node, known: _Known) -> Result[Variant, Problems]:
    return gather(_name(name), _arguments(name.text, content, known)).map(
        lambda text, arguments: Variant(text, arguments, name.where)
    )


def _name(name: Scalar) -> Result[str, Problems]:
    if _NAME.fullmatch(name.text):
        return Success(name.text)
    what = f"{name.text!r} is not a valid variant name: it becomes a part of tags and file names"
    return refuse(name.where, what, "use 1 to 64 letters, digits, '.', '_' or '-'")


def _arguments(variant: str, content: Node, known: _Known) -> Result[tuple[BuildArgument, ...], Problems]:
    if not isinstance(content, Mapping):
        what = f"the variant {variant!r} must map build arguments to values"
        return refuse(content.where, what, "write 'NAME: value' lines, or {} for none")
    return every(_argument(key, value, known) for key, value in content.entries)


def _argument(key: Scalar, value: Node, known: _Known) -> Result[BuildArgument, Problems]:
    return gather(_key(key, known), _value(key.text, value)).map(BuildArgument)


def _key(key: Scalar, known: _Known) -> Result[str, Problems]:
    if not is_argument_name(key.text):
        what = f"{key.text!r} is not a valid build argument name"
        return refuse(key.where, what, "use letters, digits and '_', not beginning with a digit")
    if key.text in known.names or is_predefined(key.text):
        return Success(key.text)
    what = f"the Dockerfile does not declare {key.text!r} with ARG"
    hint = nearest(key.text, known.names, known.unknown) if known.names else f"add 'ARG {key.text}' to it"
    known.unknown += 1
    return refuse(key.where, what, hint)


def _value(key: str, value: Node) -> Result[str, Problems]:
    if not isinstance(value, Scalar):
        return refuse(value.where, f"{key} must be one value, not a list or a mapping", _VALUES)
    if value.plain and value.text in _NULL:
        return refuse(value.where, f"{key} has no value", f'{_VALUES}, or "" for an empty one')
    if "\0" in value.text:
        return refuse(value.where, f"{key} holds a NUL character, which no argument can hold", "remove it")
    return Success(value.text)
