"""Expressions of pipeline YAML: what stands in ``${{ }}`` and in conditions.

The subset that the definitions here use; any other function or name is refused by its name. Comparisons follow the
service: the right side takes the type of the left one, and texts are compared without regard to case. Source:
Microsoft's documentation, "Expressions".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, final

from image_builder_stand_ins.azure_devops.parameter import Value
from image_builder_stand_ins.azure_devops.yaml_source import RefusedError

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?[0-9]+(?:\.[0-9]+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<mark>[(),.\[\]]))"
)
STATUS_FUNCTIONS = ("succeeded", "failed", "succeededorfailed", "canceled", "always")
"""What conditions can ask about the job, in lower case."""
Function: TypeAlias = Callable[[list[Value]], Value]


def shown(value: Value) -> str:
    """A value as text: ``True`` and ``False``, whole numbers without a point, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, list | dict):
        raise RefusedError("Unable to convert an object or a list to text")
    return value


def is_true(value: Value) -> bool:
    """Whether a condition with this value holds."""
    if isinstance(value, str):
        return value != ""
    return value is not None and value is not False and value != 0


def equal(left: Value, right: Value) -> bool:
    """``eq``: the right side in the type of the left one."""
    if isinstance(left, bool):
        return left is is_true(right)
    if isinstance(left, float):
        try:
            return left == float(shown(right))
        except ValueError:
            return False
    if isinstance(left, str) and not isinstance(right, list | dict):
        return left.lower() == shown(right).lower()
    return left == right


def _contains(values: list[Value]) -> Value:
    return shown(values[1]).lower() in shown(values[0]).lower()


_FUNCTIONS: Mapping[str, tuple[int, int, Function]] = {
    "eq": (2, 2, lambda values: equal(values[0], values[1])),
    "ne": (2, 2, lambda values: not equal(values[0], values[1])),
    "not": (1, 1, lambda values: not is_true(values[0])),
    "and": (2, 99, lambda values: all(is_true(value) for value in values)),
    "or": (2, 99, lambda values: any(is_true(value) for value in values)),
    "in": (2, 99, lambda values: any(equal(values[0], value) for value in values[1:])),
    "contains": (2, 2, _contains),
}


@final
@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression can name: objects such as ``parameters``, and functions beside the common ones."""

    names: Mapping[str, Value]
    functions: Mapping[str, Callable[[], Value]]

    def with_name(self, name: str, value: Value) -> "Scope":
        """The same with one more name, as ``each`` makes it."""
        return Scope({**self.names, name.lower(): value}, self.functions)


def evaluate(text: str, scope: Scope) -> Value:
    """The value of an expression. Raises :class:`RefusedError`."""
    parser = _Parser(_tokens(text), scope, text)
    value = parser.expression()
    if parser.rest():
        raise RefusedError(f"Unexpected symbol: '{parser.rest()[0][1]}'. Located within expression: {text}")
    return value


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise RefusedError(f"Unexpected symbol: '{text[place:].strip()}'. Located within expression: {text}")
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        place = match.end()
    return found


@final
class _Parser:
    """Reads and works out in one go; every branch of ``and`` and ``or`` is worked out."""

    def __init__(self, tokens: list[tuple[str, str]], scope: Scope, text: str) -> None:
        self._tokens = tokens
        self._scope = scope
        self._text = text
        self._at = 0

    def rest(self) -> list[tuple[str, str]]:
        return self._tokens[self._at :]

    def _take(self) -> tuple[str, str]:
        if not self.rest():
            raise RefusedError(f"Unexpected end of expression: {self._text}")
        self._at += 1
        return self._tokens[self._at - 1]

    def _is(self, mark: str) -> bool:
        return bool(self.rest()) and self.rest()[0] == ("mark", mark)

    def _expect(self, mark: str) -> None:
        if self._take() != ("mark", mark):
            raise RefusedError(f"Expected '{mark}'. Located within expression: {self._text}")

    def expression(self) -> Value:
        kind, word = self._take()
        if kind == "text":
            return word[1:-1].replace("''", "'")
        if kind == "number":
            return float(word)
        if kind != "name":
            raise RefusedError(f"Unexpected symbol: '{word}'. Located within expression: {self._text}")
        if word.lower() in ("true", "false"):
            return word.lower() == "true"
        return self._call(word) if self._is("(") else self._named(word)

    def _call(self, name: str) -> Value:
        values = self._arguments()
        own = self._scope.functions.get(name.lower())
        if own is not None and not values:
            return own()
        least, most, function = _FUNCTIONS.get(name.lower(), (0, -1, shown))
        if not least <= len(values) <= most:
            known = "takes other arguments" if most >= 0 else "is not known to this stand-in"
            raise RefusedError(f"the function '{name}' {known}. Located within expression: {self._text}")
        return function(values)

    def _arguments(self) -> list[Value]:
        self._expect("(")
        values: list[Value] = []
        while not self._is(")"):
            if values:
                self._expect(",")
            values.append(self.expression())
        self._expect(")")
        return values

    def _named(self, name: str) -> Value:
        if name.lower() not in self._scope.names:
            raise RefusedError(f"Unrecognized value: '{name}'. Located within expression: {self._text}")
        value = self._scope.names[name.lower()]
        while self._is(".") or self._is("["):
            value = self._member(value)
        return value

    def _member(self, value: Value) -> Value:
        if self._take()[1] == ".":
            kind, word = self._take()
            key: Value = word if kind == "name" else None
        else:
            key = self.expression()
            self._expect("]")
        if not isinstance(value, dict) or not isinstance(key, str):
            raise RefusedError(f"nothing has a member here. Located within expression: {self._text}")
        return next((each for name, each in value.items() if name.lower() == key.lower()), None)
