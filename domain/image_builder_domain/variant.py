"""Variants: several builds of one Dockerfile with different build arguments, told by ``variants.yaml`` beside it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from returns.result import Result, Success

from image_builder_domain.build_argument import BuildArgument, is_argument_name, is_predefined
from image_builder_domain.dockerfile import DeclaredArguments
from image_builder_domain.document import Mapping, Node, Scalar
from image_builder_domain.nearest import nearest
from image_builder_domain.problem import Problems, every, refuse, together

VARIANTS_FILE = "variants.yaml"
"""Lies beside the Dockerfile."""

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
    return every(_variant(name, content, declared) for name, content in document.entries)


def chosen_variants(found: tuple[Variant, ...], name: str | None) -> Result[tuple[Variant, ...], Problems]:
    """Those that are built: all, or the one that ``--variant`` names."""
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


def _variant(name: Scalar, content: Node, declared: DeclaredArguments) -> Result[Variant, Problems]:
    return together(_name(name), _arguments(name.text, content, declared)).map(
        lambda found: Variant(found[0], found[1], name.where)
    )


def _name(name: Scalar) -> Result[str, Problems]:
    if _NAME.fullmatch(name.text):
        return Success(name.text)
    what = f"{name.text!r} is no name of a variant: it becomes a part of tags and file names"
    return refuse(name.where, what, "use 1 to 64 letters, digits, '.', '_' or '-'")


def _arguments(variant: str, content: Node, declared: DeclaredArguments) -> Result[tuple[BuildArgument, ...], Problems]:
    if not isinstance(content, Mapping):
        what = f"the variant {variant!r} must map build arguments to values"
        return refuse(content.where, what, "write 'NAME: value' lines, or {} for none")
    return every(_argument(key, value, declared) for key, value in content.entries)


def _argument(key: Scalar, value: Node, declared: DeclaredArguments) -> Result[BuildArgument, Problems]:
    return together(_key(key, declared.names), _value(key.text, value)).map(lambda found: BuildArgument(*found))


def _key(key: Scalar, declared: Iterable[str]) -> Result[str, Problems]:
    if not is_argument_name(key.text):
        what = f"{key.text!r} is no name of a build argument"
        return refuse(key.where, what, "use letters, digits and '_', not beginning with a digit")
    if key.text in declared or is_predefined(key.text):
        return Success(key.text)
    what = f"the Dockerfile does not declare {key.text!r} with ARG"
    return refuse(key.where, what, nearest(key.text, declared) if declared else f"add 'ARG {key.text}' to it")


def _value(key: str, value: Node) -> Result[str, Problems]:
    if not isinstance(value, Scalar):
        return refuse(value.where, f"{key} must be one value, not a list or a mapping", _VALUES)
    if value.plain and value.text in _NULL:
        return refuse(value.where, f"{key} has no value", f'{_VALUES}, or "" for an empty one')
    if "\0" in value.text:
        return refuse(value.where, f"{key} holds a NUL character, which no argument can hold", "remove it")
    return Success(value.text)
