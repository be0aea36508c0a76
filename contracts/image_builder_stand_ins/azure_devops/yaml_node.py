"""Pipeline YAML as nodes that know their place, and the error that a pipeline is refused with.

Messages have the service's form: ``/file.yml (Line: 3, Col: 5): what``.
"""

import io
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode


class RefusedError(ValueError):
    """A pipeline, or what was asked of it, that the service does not take. One line for each problem."""


class _Named(io.StringIO):
    """Text with a file's name, which the parser keeps in every mark."""

    name = ""


def load(text: str, name: str) -> Node:
    """The document's root node. Raises :class:`RefusedError`; anchors are refused as the service does."""
    try:
        for event in yaml.parse(_stream(text, name), Loader=yaml.SafeLoader):
            if getattr(event, "anchor", None) is not None:
                raise RefusedError(f"{_place(event.start_mark)}anchors are not supported")
        node: Node | None = yaml.compose(_stream(text, name), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise RefusedError(f"{_place(error.problem_mark)}{error.problem}") from error
    except yaml.YAMLError as error:
        raise RefusedError(f"/{name}: {' '.join(str(error).split())}") from error
    if node is None:
        raise RefusedError(f"/{name}: the file is empty")
    return node


def _stream(text: str, name: str) -> _Named:
    stream = _Named(text)
    stream.name = name
    return stream


def refuse(node: Node, what: str) -> NoReturn:
    """Refuse this place of the document."""
    raise RefusedError(f"{_place(node.start_mark)}{what}")


def _place(mark: Any) -> str:
    return "" if mark is None else f"/{mark.name} (Line: {mark.line + 1}, Col: {mark.column + 1}): "


def pairs(node: Node, what: str) -> Iterator[tuple[ScalarNode, Node]]:
    """Keys and values of a mapping; ``what`` names it when it is none. A key that appears twice is refused."""
    if not isinstance(node, MappingNode):
        refuse(node, f"expected a mapping for {what}")
    seen = set()
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            refuse(key, "a key must be text")
        if key.value in seen:
            refuse(key, f"'{key.value}' is already defined")
        seen.add(key.value)
        yield key, value


def items(node: Node, what: str) -> list[Node]:
    """The items of a sequence."""
    if not isinstance(node, SequenceNode):
        refuse(node, f"expected a sequence for {what}")
    found: list[Node] = node.value
    return found


def text(node: Node, what: str) -> str:
    """A scalar, as it is written."""
    if not isinstance(node, ScalarNode):
        refuse(node, f"expected text for {what}")
    found: str = node.value
    return found
