"""What one YAML event says by itself: a scalar and its tag, and how much a finished node holds."""

import re
from typing import Any, NamedTuple, final

from image_builder_domain.problem import Problem
from image_builder_domain.yaml_document import Mapping, Node, Scalar

_CORE = "tag:yaml.org,2002:"
_TEXT = frozenset(("!", f"{_CORE}str"))
_TYPED = {
    f"{_CORE}bool": r"true|True|TRUE|false|False|FALSE",
    f"{_CORE}int": r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[1-9][0-9_]*|0)",
    f"{_CORE}null": r"(~|null|Null|NULL)?",
}
"""What may stand behind a tag that names a type, as in Go's yaml.v3."""


@final
class Extent(NamedTuple):
    """How many nodes there are with all below, and how many levels of lists and mappings."""

    size: int
    height: int


def extent_of(node: Node) -> Extent:
    """Count a node; what aliases repeat counts each time."""
    if isinstance(node, Scalar):
        return Extent(1, 0)
    children = [part for pair in node.entries for part in pair] if isinstance(node, Mapping) else node.items
    extents = [extent_of(child) for child in children]
    return Extent(1 + sum(extent.size for extent in extents), 1 + max((extent.height for extent in extents), default=0))


def scalar(event: Any, where: str) -> Scalar | Problem:
    """The scalar of an event; a tag decides whether its text is text only (``!!str``) or as good as plain."""
    if event.tag is None:
        return Scalar(event.value, event.style in (None, ""), where)
    if event.tag in _TEXT:
        return Scalar(event.value, False, where)
    if event.tag in _TYPED:
        if re.fullmatch(_TYPED[event.tag], event.value):
            return Scalar(event.value, True, where)
        return Problem(where, f"this is no {describe(event.tag)}", "remove the tag, or mend the value")
    return Problem(where, f"the tag {describe(event.tag)} is not supported here", "remove it")


def describe(tag: str) -> str:
    """A tag as people write it."""
    return f"!!{tag.removeprefix(_CORE)}" if tag.startswith(_CORE) else tag
