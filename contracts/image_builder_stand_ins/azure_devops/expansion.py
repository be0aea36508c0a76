"""Works out the template expressions of a definition: ``${{ … }}`` in texts, and ``if``, ``elseif``, ``else``, ``each``
as keys. What stands below ``parameters:`` is left alone. Source: Microsoft's documentation, "Template usage reference".
"""

import re
from collections.abc import Iterator

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from image_builder_stand_ins.azure_devops.expression import Scope, evaluate, is_true, shown
from image_builder_stand_ins.azure_devops.parameter import Value
from image_builder_stand_ins.azure_devops.yaml_source import RefusedError, items, pairs, refuse, text

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
        refuse(key, f"'{directive}' is no 'each name in list'")
    values = _evaluated(key, match[2], scope)
    if isinstance(values, dict):
        values = [{"key": name, "value": value} for name, value in values.items()]
    if not isinstance(values, list):
        refuse(key, f"'{match[2]}' is no list")
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
