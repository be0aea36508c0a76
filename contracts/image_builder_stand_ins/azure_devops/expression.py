"""Expressions of pipeline YAML, in conditions and in ``${{ }}``, and the expansion of a whole definition.

This is the subset that the definitions here use. A function or name outside it is refused, and the message names it.
Comparisons follow the service: the right side takes the type of the left one, and case is ignored. :func:`expand`
works out ``${{ … }}`` in texts, and ``if``, ``elseif``, ``else`` and ``each`` as keys; it does not touch the values
below ``parameters:``. Source: Microsoft's documentation, "Expressions" and "Template usage reference".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from image_builder_stand_ins.azure_devops.parameter import Value
from image_builder_stand_ins.azure_devops.yaml_node import RefusedError, items, pairs, refuse, text

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
    if isinstance(value, str):
        return value
    raise RefusedError("Unable to convert an object or a list to text")


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


_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_EACH = re.compile(r"each\s+([A-Za-z_][A-Za-z0-9_]*)\s+in\s+(.+)", re.DOTALL)


def expand(root: Node, parameters: dict[str, Value]) -> MappingNode:
    """The document without template expressions. Raises :class:`RefusedError` with the place."""
    scope = Scope({"parameters": dict(parameters)}, {})
    found: list[tuple[Node, Node]] = []
    for key, value in pairs(root, "the pipeline"):
        found += [(key, value)] if key.value == "parameters" else list(_pair(key, value, scope, _Chain()))
    return MappingNode("tag:yaml.org,2002:map", found, root.start_mark, root.end_mark)


class _Chain:
    """Remembers, from ``if`` to ``else``, whether a branch was taken."""

    def __init__(self) -> None:
        self.taken: bool | None = None

    def takes(self, key: Node, directive: str, scope: Scope) -> bool:
        """Whether this branch is the one."""
        word, _, condition = directive.partition(" ")
        if word != "if" and self.taken is None:
            refuse(key, f"'{word}' must follow 'if'")
        holds = word == "else" or is_true(_evaluated(key, condition, scope))
        chosen = holds and (word == "if" or not self.taken)
        self.taken = chosen or (word != "if" and bool(self.taken))
        return chosen


def _evaluated(node: Node, condition: str, scope: Scope) -> Value:
    try:
        return evaluate(condition, scope)
    except RefusedError as error:
        refuse(node, str(error))


def _directive(key: Node) -> str | None:
    """``if …``, ``each …`` and so on, when the key is one."""
    match = _EXPRESSION.fullmatch(key.value.strip()) if isinstance(key, ScalarNode) else None
    word = match[1].split()[0] if match is not None and match[1].split() else ""
    if match is None or word not in ("if", "elseif", "else", "each", "insert"):
        return None
    if word == "insert":
        refuse(key, "this stand-in does not know 'insert'")
    return match[1].strip()


def _node(node: Node, scope: Scope) -> Node:
    if isinstance(node, MappingNode):
        chain, found = _Chain(), []
        for key, value in pairs(node, "a mapping"):
            found += list(_pair(key, value, scope, chain))
        return MappingNode(node.tag, found, node.start_mark, node.end_mark)
    if isinstance(node, SequenceNode):
        chain = _Chain()
        return SequenceNode(
            node.tag,
            [each for item in node.value for each in _item(item, scope, chain)],
            node.start_mark,
            node.end_mark,
        )
    return _scalar(node, scope)


def _pair(key: Node, value: Node, scope: Scope, chain: _Chain) -> Iterator[tuple[Node, Node]]:
    directive = _directive(key)
    if directive is None:
        yield _scalar(key, scope), _node(value, scope)
    elif directive.startswith("each "):
        for inner in _each(key, directive, scope):
            yield from _inserted(value, inner)
    elif chain.takes(key, directive, scope):
        yield from _inserted(value, scope)


def _inserted(value: Node, scope: Scope) -> Iterator[tuple[Node, Node]]:
    chain = _Chain()
    for key, each in pairs(value, "what is inserted"):
        yield from _pair(key, each, scope, chain)


def _item(item: Node, scope: Scope, chain: _Chain) -> Iterator[Node]:
    directive = None
    if isinstance(item, MappingNode) and len(item.value) == 1:
        directive = _directive(item.value[0][0])
    if directive is None:
        yield _node(item, scope)
        return
    key, value = item.value[0]
    scopes = _each(key, directive, scope) if directive.startswith("each ") else iter((scope,))
    if directive.startswith("each ") or chain.takes(key, directive, scope):
        for inner in scopes:
            own = _Chain()
            for each in items(value, "what is inserted"):
                yield from _item(each, inner, own)


def _each(key: Node, directive: str, scope: Scope) -> Iterator[Scope]:
    match = _EACH.fullmatch(directive)
    if match is None:
        refuse(key, f"'{directive}' is not 'each name in list'")
    values = _evaluated(key, match[2], scope)
    if isinstance(values, dict):
        values = [{"key": name, "value": value} for name, value in values.items()]
    if not isinstance(values, list):
        refuse(key, f"'{match[2]}' is not a list")
    for value in values:
        yield scope.with_name(match[1], value)


def _scalar(node: Node, scope: Scope) -> Node:
    written = text(node, "a value")
    whole = _EXPRESSION.fullmatch(written.strip())
    if whole is not None and "${{" not in whole[1]:
        return _node_of(_evaluated(node, whole[1], scope), node)
    found = _EXPRESSION.sub(lambda match: _shown(_evaluated(node, match[1], scope), node), written)
    return node if found == written else _text_node(found, node)


def _shown(value: Value, place: Node) -> str:
    try:
        return shown(value)
    except RefusedError as error:
        refuse(place, str(error))


def _node_of(value: Value, place: Node) -> Node:
    if isinstance(value, list):
        found = [_node_of(each, place) for each in value]
        return SequenceNode("tag:yaml.org,2002:seq", found, place.start_mark, place.end_mark)
    if isinstance(value, dict):
        members = [(_text_node(name, place), _node_of(each, place)) for name, each in value.items()]
        return MappingNode("tag:yaml.org,2002:map", members, place.start_mark, place.end_mark)
    return _text_node(shown(value), place)


def _text_node(found: str, place: Node) -> ScalarNode:
    style = "|" if "\n" in found else None
    return ScalarNode("tag:yaml.org,2002:str", found, place.start_mark, place.end_mark, style)
