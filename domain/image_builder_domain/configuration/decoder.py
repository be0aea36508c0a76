"""Decoders: from document nodes to typed values, collecting every problem of a document.

A :class:`Decoder` reads one kind of value and has the JSON Schema of what it reads, so that one table of fields gives
both the loader and the schema. Scalars are read as Go's yaml.v3 reads them into typed fields: text stays as written,
even if it looks like another type. Signer types from other packages use the same decoders.
"""

import re
from collections.abc import Callable
from collections.abc import Mapping as Dictionary
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, final

from returns.result import Failure, Result, Success

from image_builder_domain.go import duration as go
from image_builder_domain.problem import Problem, Problems, nearest
from image_builder_domain.yaml_document import Mapping, Node, Scalar, Sequence

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)
_U = TypeVar("_U")

Schema: TypeAlias = dict[str, Any]

_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
# Text to YAML 1.2, quoted or not, but a boolean to a boolean field of yaml.v3.
_ALSO_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"))
_ALSO_FALSE = frozenset(("n", "N", "no", "No", "NO", "off", "Off", "OFF"))
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_MOST_SHOWN = 80


@final
class Decoder(Generic[_T_co]):
    """Reads one kind of value.

    ``read`` takes a node, the path of its key (``cache.enabled``) and the problems so far. It returns the value; where
    there is none, it returns None and adds a problem. A value with problems is for further checks only.
    ``schema`` makes the JSON Schema (2020-12) that accepts what ``read`` accepts, of a file read as YAML 1.2.
    """

    __slots__ = ("read", "schema")

    def __init__(self, read: Callable[[Node, str, list[Problem]], _T_co | None], schema: Callable[[], Schema]) -> None:
        self.read = read
        self.schema = schema

    def parsed(self, parse: Callable[[_T_co], Result[_U, Any]], remedy: str = "", **narrower: Any) -> "Decoder[_U]":
        """Parse the value further; a failure is reported with the path. ``narrower`` is added to the schema."""

        def read(node: Node, path: str, problems: list[Problem]) -> _U | None:
            value = self.read(node, path, problems)
            if value is None:
                return None
            found = parse(value)
            if isinstance(found, Failure):
                _refuse(problems, node, f"{path}: {found.failure()}", remedy)
                return None
            return found.unwrap()

        return Decoder(read, lambda: self.schema() | narrower)

    def into(self, build: Callable[[_T_co], _U]) -> "Decoder[_U]":
        """Convert a value that was read without problems."""

        def read(node: Node, path: str, problems: list[Problem]) -> _U | None:
            before = len(problems)
            value = self.read(node, path, problems)
            return None if value is None or len(problems) > before else build(value)

        return Decoder(read, self.schema)

    def about(self, description: str, **annotations: Any) -> "Decoder[_T_co]":
        """The same, with a description (and annotations such as ``default``) in the schema, for editors."""
        return Decoder(self.read, lambda: {"description": description, **self.schema(), **annotations})


def decode(decoder: Decoder[_T], node: Node) -> Result[_T, Problems]:
    """The value of a whole document, or every problem in it."""
    problems: list[Problem] = []
    value = decoder.read(node, "", problems)
    return Failure(tuple(problems)) if problems or value is None else Success(value)


def deferred(make: Callable[[], Decoder[_T]]) -> Decoder[_T]:
    """A decoder that is made when it is first needed, so that keys that a file does not use cost nothing."""
    return Decoder(lambda node, path, problems: make().read(node, path, problems), lambda: make().schema())


# --- scalars ------------------------------------------------------------------------------------------------------


def _text(node: Node, path: str, problems: list[Problem]) -> str | None:
    if not isinstance(node, Scalar):
        _refuse(problems, node, f"{path} must be text{_shown(node)}", "write one value")
        return None
    if not node.text or (node.plain and node.text in _NULL):
        _refuse(problems, node, f"{path} has no value", "give one, or remove the key")
        return None
    return node.text


text = Decoder(_text, lambda: {"type": ["string", "number", "boolean"], "minLength": 1})
"""A scalar as written, not empty: ``1.10``, ``010``, ``no`` and ``2026-01-02`` are text, too."""

plain_text = Decoder(_text, lambda: {"type": "string", "minLength": 1})
"""The same to the loader; its schema accepts only what YAML 1.2 reads as text. For values that are never numbers."""


def url(pattern: str, what: str) -> Decoder[str]:
    """A URL that matches ``pattern``. Messages call it ``what`` and do not quote it: it may hold a password."""

    def checked(written: str) -> Result[str, str]:
        return Success(written) if re.fullmatch(pattern, written) else Failure(f"not an {what}")

    return plain_text.parsed(checked, "write https://host/path", pattern=f"^{pattern}$")


def _boolean(node: Node, path: str, problems: list[Problem]) -> bool | None:
    if isinstance(node, Scalar):
        if (node.plain and node.text in _TRUE) or node.text in _ALSO_TRUE:
            return True
        if (node.plain and node.text in _FALSE) or node.text in _ALSO_FALSE:
            return False
    _refuse(problems, node, f"{path} must be true or false{_shown(node)}", "write true or false, without quotes")
    return None


boolean = Decoder(_boolean, lambda: {"anyOf": [{"type": "boolean"}, {"enum": sorted(_ALSO_TRUE | _ALSO_FALSE)}]})
"""A plain boolean, or one of the words of YAML 1.1 that yaml.v3 still accepts as booleans."""

TRUE_WORDS, FALSE_WORDS = sorted(_ALSO_TRUE), sorted(_ALSO_FALSE)
"""Words that are booleans here and text to YAML 1.2."""


def choice(*words: str) -> Decoder[str]:
    """One of the given words."""

    def read(node: Node, path: str, problems: list[Problem]) -> str | None:
        written = _text(node, path, problems)
        if written is None or written in words:
            return written
        _refuse(problems, node, f"{path} cannot be {_cut(written)!r}", nearest(written, words, len(problems)))
        return None

    return Decoder(read, lambda: {"enum": list(words)})


# --- numbers and durations -----------------------------------------------------------------------------------------

# Compiled when first used: most files have no numbers.
_DECIMAL_POINT = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?"
_BASES = (
    (r"([-+]?)0[xX]([0-9a-fA-F]+)", 16),
    (r"([-+]?)0[bB]([01]+)", 2),
    (r"([-+]?)0[oO]?([0-7]+)", 8),
    (r"([-+]?)([0-9]+)", 10),
)
_LONGEST_NUMBER = 64


def whole_number(least: int, most: int) -> Decoder[int]:
    """A plain whole number in these limits, as yaml.v3 reads it: ``0x1f`` and ``1_000`` are numbers, ``010`` is 8."""

    def read(node: Node, path: str, problems: list[Problem]) -> int | None:
        number = _whole(node.text) if isinstance(node, Scalar) and node.plain else None
        if number is not None and least <= number <= most:
            return number
        what = f"{path} must be a whole number from {least} to {most}{_shown(node)}"
        _refuse(problems, node, what, "write digits, without quotes")
        return None

    return Decoder(read, lambda: {"type": "integer", "minimum": least, "maximum": most})


def duration(*, zero: bool = False, most: float | None = None) -> Decoder[float]:
    """Seconds, from a Go duration: at most ``most``, more than 0 unless ``zero`` allows it."""

    def seconds(written: str) -> Result[float, str]:
        found = go.seconds(written)
        if isinstance(found, Failure):
            return Failure(str(found.failure()))
        value = found.unwrap()
        if value < 0 or (value == 0 and not zero):
            return Failure(f"{written!r} is too short; write {'0s or more' if zero else 'more than 0s'}")
        if most is not None and value > most:
            return Failure(f"{written!r} is too long; write {most:.0f}s or less")
        return Success(value)

    def schema() -> Schema:
        return {"type": "string", "pattern": go.PATTERN if zero else go.POSITIVE_PATTERN}

    return Decoder(text.parsed(seconds).read, schema)


def _whole(written: str) -> int | None:
    """The number of a plain scalar: Go's bases (``010`` is octal), ``_`` between digits, ``1e3``; else None."""
    digits = written.replace("_", "")
    if not digits or len(digits) > _LONGEST_NUMBER or written[0] == "_":
        return None
    for pattern, base in _BASES:
        match = re.fullmatch(pattern, digits)
        if match and not (base == 10 and len(match[2]) > 1 and match[2][0] == "0"):
            return int(match[1] + match[2], base)
    if not re.fullmatch(_DECIMAL_POINT, digits):
        return None
    number = float(digits)
    return int(number) if number.is_integer() else None


# --- lists and mappings -------------------------------------------------------------------------------------------


def list_of(item: Decoder[_T], most: int | None = None, *, can_be_empty: bool = False) -> Decoder[tuple[_T, ...]]:
    """A list of 1 to ``most`` items, or also of none. None replaces an item that cannot be read."""
    limit = ({} if most is None else {"maxItems": most}) | ({} if can_be_empty else {"minItems": 1})

    def read(node: Node, path: str, problems: list[Problem]) -> tuple[_T, ...] | None:
        if not isinstance(node, Sequence):
            _refuse(problems, node, f"{path} must be a list{_shown(node)}", "write one '- item' on each line")
            return None
        if not node.items and not can_be_empty:
            _refuse(problems, node, f"{path} must be a list of at least one, not an empty list", "add an item")
            return None
        if most is not None and len(node.items) > most:
            _refuse(problems, node, f"{path} lists {len(node.items)}, and at most {most} are possible", "list fewer")
            return None
        items: Any = tuple([item.read(child, f"{path}[{index}]", problems) for index, child in enumerate(node.items)])
        return items  # type: ignore[no-any-return]  # with None in it only beside problems

    return Decoder(read, lambda: {"type": "array", "items": item.schema()} | limit)


def one_or_list_of(
    item: Decoder[_T], most: int | None = None, *, can_be_empty: bool = False
) -> Decoder[tuple[_T, ...]]:
    """One value, or a list of 1 to ``most`` items, or also of none."""
    several = list_of(item, most, can_be_empty=can_be_empty)

    def read(node: Node, path: str, problems: list[Problem]) -> tuple[_T, ...] | None:
        if isinstance(node, Sequence):
            return several.read(node, path, problems)
        value = item.read(node, path, problems)
        return None if value is None else (value,)

    return Decoder(read, lambda: {"anyOf": [item.schema(), several.schema()]})


def text_or(name: Decoder[_T], otherwise: Decoder[_T]) -> Decoder[_T]:
    """One scalar read by ``name``, or a mapping read by ``otherwise``."""

    def read(node: Node, path: str, problems: list[Problem]) -> _T | None:
        return (otherwise if isinstance(node, Mapping) else name).read(node, path, problems)

    return Decoder(read, lambda: {"anyOf": [name.schema(), otherwise.schema()]})


def map_of(value: Decoder[_T], keys: str, what: str) -> Decoder[dict[str, _T]]:
    """A mapping with free keys that match the pattern ``keys``; ``what`` describes them in messages."""

    def read(node: Node, path: str, problems: list[Problem]) -> dict[str, _T] | None:
        if not isinstance(node, Mapping):
            _refuse(problems, node, f"{path} must be a mapping{_shown(node)}", "write 'key: value' lines")
            return None
        found = {}
        for key, child in node.entries:
            if not re.fullmatch(keys, key.text):
                _refuse(problems, key, f"{path}: {_cut(key.text)!r} is not {what}", f"write {what}")
            item = value.read(child, f"{path}.{key.text}", problems)
            if item is not None:
                found[key.text] = item
        return found

    return Decoder(
        read,
        lambda: {
            "type": "object",
            "propertyNames": {"pattern": f"^({keys})$"},
            "additionalProperties": value.schema(),
        },
    )


class FieldRule(Protocol):
    """A rule between the keys of one mapping; :mod:`image_builder_domain.configuration.rule` has them."""

    @property
    def schema(self) -> Schema:
        """What the rule adds to the schema of the mapping."""
        ...

    def check(self, node: Mapping, path: str, values: Dictionary[str, Any], problems: list[Problem]) -> None:
        """Add problems; ``values`` are those of the keys that could be read."""


def fields(
    known: Dictionary[str, Decoder[Any]], required: tuple[str, ...] = (), rules: tuple[FieldRule, ...] = ()
) -> Decoder[dict[str, Any]]:
    """A mapping of known keys, rejecting any other with the nearest known one. Returns the keys that can be read."""

    def read(node: Node, path: str, problems: list[Problem]) -> dict[str, Any] | None:
        if not isinstance(node, Mapping):
            what = f"{path or 'the file'} must be a mapping{_shown(node)}"
            _refuse(problems, node, what, "write 'key: value' lines")
            return None
        values: dict[str, Any] = {}
        for key, child in node.entries:
            name = key.text
            if name not in known:
                _refuse(problems, key, f"unknown key {_cut(join(path, name))!r}", nearest(name, known, len(problems)))
                continue
            value = known[name].read(child, join(path, name), problems)
            if value is not None:
                values[name] = value
        if required:
            _check_required(node, path, required, problems)
        for rule in rules:
            rule.check(node, path, values, problems)
        return values

    return Decoder(read, lambda: _fields_schema(known, required, rules))


def _check_required(node: Mapping, path: str, required: tuple[str, ...], problems: list[Problem]) -> None:
    written = {key.text for key, _ in node.entries}
    for name in required:
        if name not in written:
            _refuse(problems, node, f"{join(path, name)} is missing", "add it")


def _fields_schema(
    known: Dictionary[str, Decoder[Any]], required: tuple[str, ...], rules: tuple[FieldRule, ...]
) -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": {name: decoder.schema() for name, decoder in known.items()},
        "additionalProperties": False,
    }
    if required:
        schema["required"] = list(required)
    if any(rule.schema for rule in rules):
        schema["allOf"] = [rule.schema for rule in rules if rule.schema]
    return schema


def join(path: str, key: str) -> str:
    """The path of a key below another."""
    return f"{path}.{key}" if path else key


def _refuse(problems: list[Problem], node: Node, what: str, remedy: str) -> None:
    problems.append(Problem(node.where, what, remedy))


def _shown(node: Node) -> str:
    """The value found, as the tail of a message: ``, not 'x'``."""
    if isinstance(node, Scalar):
        return f", not {_cut(node.text)!r}" if node.text else ", but has no value"
    return f", not a {'mapping' if isinstance(node, Mapping) else 'list'}"


def _cut(written: str) -> str:
    return written if len(written) <= _MOST_SHOWN else f"{written[:_MOST_SHOWN]}…"
