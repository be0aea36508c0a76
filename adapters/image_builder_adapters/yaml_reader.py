"""YAML files, read into document nodes without constructing Python objects.

Stricter than YAML 1.2: one document, scalar keys that are unique, core tags only, no merge keys. Events are taken one
by one, so that neither nesting nor aliases can cost more than their limits.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn, TypeAlias, final

import yaml
from image_builder_domain.problem import Problem, Problems, refuse
from image_builder_domain.yaml_document import Mapping, Node, Scalar, Sequence
from returns.result import Failure, Result, Success

from image_builder_adapters.files import read_file

_CORE = "tag:yaml.org,2002:"
_TEXT = frozenset(("!", f"{_CORE}str"))
_TYPED = {
    f"{_CORE}bool": r"true|True|TRUE|false|False|FALSE",
    f"{_CORE}int": r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[1-9][0-9_]*|0)",
    f"{_CORE}null": r"(~|null|Null|NULL)?",
}
"""The texts that a tag that names a type allows, as in Go's yaml.v3."""


@final
class Extent(NamedTuple):
    """The number of nodes, including those below, and of levels of lists and mappings."""

    size: int
    height: int


def extent_of(node: Node) -> Extent:
    """Count a node; values that aliases repeat count each time."""
    if isinstance(node, Scalar):
        return Extent(1, 0)
    children = [part for pair in node.entries for part in pair] if isinstance(node, Mapping) else node.items
    extents = [extent_of(child) for child in children]
    return Extent(1 + sum(extent.size for extent in extents), 1 + max((extent.height for extent in extents), default=0))


def scalar(event: Any, where: str) -> Scalar | Problem:
    """The scalar of an event; a tag makes it text (``!!str``) or as typed as a plain one."""
    if event.tag is None:
        return Scalar(event.value, event.style in (None, ""), where)
    if event.tag in _TEXT:
        return Scalar(event.value, False, where)
    if event.tag in _TYPED:
        if re.fullmatch(_TYPED[event.tag], event.value):
            return Scalar(event.value, True, where)
        return Problem(where, f"this is not a {describe(event.tag)}", "remove the tag, or fix the value")
    return Problem(where, f"the tag {describe(event.tag)} is not supported here", "remove it")


def describe(tag: str) -> str:
    """A tag in its short form."""
    return f"!!{tag.removeprefix(_CORE)}" if tag.startswith(_CORE) else tag


DEEPEST = 64
"""Levels of nested lists and mappings, aliases followed."""

MOST_ALIASED = 10_000
"""The total number of values that aliases may repeat."""

MOST_VALUES = 100_000
"""The total number of keys, values, lists and mappings; 2,000 variants with 20 arguments each fit."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OTHER_FILE = "name another file with --config"


Flawed: TypeAlias = tuple[Node, Problems]
"""A document that can be read to its end, and its problems, such as repeated keys and unknown tags."""


def read_document(path: str, remedy: str = _OTHER_FILE) -> Result[Node, Problems]:
    """The document of a YAML file in UTF-8, at most 1 MiB; a repeated (aliased) value keeps the place of its anchor.

    ``remedy`` is what to do when the file cannot be read.
    """
    return read_flawed(path, remedy).bind(_flawless)


def read_flawed(path: str, remedy: str = _OTHER_FILE) -> Result[Flawed, Problems]:
    """The document and its flaws, for callers that report further problems too. The first of repeated keys counts."""
    return (
        read_file(path, remedy)
        .bind(lambda content: _decoded(content, path))
        .bind(lambda text: parse_flawed(text, path))
    )


def parse_document(text: str, file: str) -> Result[Node, Problems]:
    """The one document of a text; ``file`` is its name in problems."""
    return parse_flawed(text, file).bind(_flawless)


def parse_flawed(text: str, file: str) -> Result[Flawed, Problems]:
    """The one document of a text with its flaws; a failure when it cannot be read to its end."""
    composer = _Composer(file, yaml.parse(text, Loader=_LOADER))
    try:
        node = composer.document()
    except _Refused as refused:
        return Failure((*composer.problems, refused.problem))
    except yaml.YAMLError as error:
        return Failure((*composer.problems, _syntax_problem(error, text, file)))
    return Success((node, tuple(composer.problems)))


def _flawless(found: Flawed) -> Result[Node, Problems]:
    node, flaws = found
    return Failure(flaws) if flaws else Success(node)


def _decoded(content: bytes, path: str) -> Result[str, Problems]:
    try:
        return Success(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        return refuse(_place(before, path), "this is not UTF-8", "save the file as UTF-8")


def _place(before: str, file: str) -> str:
    """Where the text ``before`` ends."""
    return f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def _syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError):
        where = _where(file, error.problem_mark or error.context_mark)
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        return Problem(where, f"this is not valid YAML: {reason}", "fix the syntax")
    return Problem(_first_forbidden(text, file), "YAML does not allow this character", "remove it, or write an escape")


def _first_forbidden(text: str, file: str) -> str:
    match = yaml.reader.Reader.NON_PRINTABLE.search(text)
    return _place(text[: match.start()], file) if match else file


def _where(file: str, mark: Any) -> str:
    return f"{file}:{mark.line + 1}:{mark.column + 1}" if mark is not None else file


class _Refused(Exception):  # noqa: N818 (a way out of the recursion, seen in this module only)
    """Nothing after this place can be read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


@final
class _Composer:
    """Builds nodes from events; collects problems that leave the rest readable."""

    def __init__(self, file: str, events: Iterator[Any]) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._events = events
        self._anchors: dict[str, Node | None] = {}
        self._aliased = 0
        self._values = 0

    def document(self) -> Node:
        """The only document."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise _Refused(Problem(self._file, "the file is empty", "write 'key: value' lines"))
        node = self._node(next(self._events), 0)
        next(self._events)
        following = next(self._events)
        if isinstance(following, yaml.DocumentStartEvent):
            self._fatal(following, "a second document starts here", "leave one document in the file")
        return node

    def _node(self, event: Any, depth: int) -> Node:
        self._values += 1
        if self._values > MOST_VALUES:
            self._fatal(event, f"the file holds more than {MOST_VALUES} keys and values", "write fewer")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node = self._fresh(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _fresh(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        self._check_depth(event, depth + 1)
        if isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event, "seq")
            return Sequence(tuple(self._items(depth + 1)), _where(self._file, event.start_mark))
        self._check_tag(event, "map")
        return self._mapping(event, depth + 1)

    def _scalar(self, event: Any) -> Scalar:
        found = scalar(event, _where(self._file, event.start_mark))
        if isinstance(found, Scalar):
            return found
        self.problems.append(found)
        return Scalar(event.value, False, found.where)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth)

    def _mapping(self, start: Any, depth: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, value = self._node(event, depth), self._node(next(self._events), depth)
            if self._is_good_key(key, event, entries) and isinstance(key, Scalar):
                entries[key.text] = (key, value)
        return Mapping(tuple(entries.values()), _where(self._file, start.start_mark))

    def _is_good_key(self, key: Node, event: Any, entries: dict[str, tuple[Scalar, Node]]) -> bool:
        if not isinstance(key, Scalar):
            return self._note(event, "a key cannot be a list or a mapping", "write 'key: value'")
        if key.plain and key.text == "<<":
            return self._note(event, "merge keys ('<<') are not supported", "write the keys out")
        if key.text in entries:
            first = entries[key.text][0].where
            return self._note(event, f"the key {key.text!r} is already at {first}", "remove one of them")
        return True

    def _alias(self, event: Any, depth: int) -> Node:
        if event.anchor not in self._anchors:
            self._fatal(event, f"there is no anchor &{event.anchor} before this alias", "define it, or write it out")
        node = self._anchors[event.anchor]
        if node is None:
            self._fatal(event, f"the value of &{event.anchor} contains itself", "write the value out")
        extent = extent_of(node)  # counted here only: the limit below bounds all such counting
        self._check_depth(event, depth + extent.height)
        self._aliased += extent.size
        if self._aliased > MOST_ALIASED:
            self._fatal(event, f"aliases repeat more than {MOST_ALIASED} values", "write fewer aliases")
        return node

    def _check_depth(self, event: Any, depth: int) -> None:
        if depth > DEEPEST:
            self._fatal(event, f"this is nested deeper than {DEEPEST} levels", "write it flatter")

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", f"tag:yaml.org,2002:{kind}"):
            self._note(event, f"the tag {describe(event.tag)} is not supported here", "remove it")

    def _note(self, event: Any, what: str, remedy: str) -> bool:
        self.problems.append(Problem(_where(self._file, event.start_mark), what, remedy))
        return False

    def _fatal(self, event: Any, what: str, remedy: str) -> NoReturn:
        raise _Refused(Problem(_where(self._file, event.start_mark), what, remedy))
