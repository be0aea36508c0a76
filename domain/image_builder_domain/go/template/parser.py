"""Makes nodes of tokens: the grammar of Go's ``text/template``.

What Go checks before a template runs is checked here: blocks that are closed, ``break`` outside of a loop, templates
that are defined twice. ``define`` and ``block`` have a scope of their own.
"""

from functools import lru_cache
from typing import Final, TypeAlias, final

from image_builder_domain.go.template import lexer
from image_builder_domain.go.template.lexer import CLOSE, OPEN, Token
from image_builder_domain.go.template.literal import text_literal
from image_builder_domain.go.template.pipeline_parser import PipelineParser, unexpected
from image_builder_domain.go.template.refusal import Refused, TemplateError, shown
from image_builder_domain.go.template.syntax import (
    MAIN,
    Action,
    Body,
    Branch,
    Call,
    Jump,
    Node,
    Pipeline,
    Range,
    Templates,
    Text,
)

# Unicode's White_Space, for which Go takes a body to be empty.
_WHITE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)

_Closing: TypeAlias = Token
"""The ``end`` or ``else`` that closes a body."""


@lru_cache(maxsize=256)
def parse(source: str) -> Templates | TemplateError:
    """All templates of a source, or why Go would not parse it. Results are kept."""
    try:
        return _Parser(source).templates()
    except Refused as refused:
        return refused.error(source, 0)


@final
class _Parser:
    def __init__(self, source: str) -> None:
        self._in = PipelineParser(source)
        self._templates: dict[str, Body] = {}
        self._loops = 0

    # --- bodies ---

    def templates(self) -> Templates:
        """The bodies of all templates, the whole source's among them."""
        nodes: list[Node] = []
        while self._in.peek().kind != lexer.END:
            if self._in.peek().kind == OPEN and self._in.peek(1).kind == "define":
                self._define()
                continue
            node = self._node()
            if isinstance(node, Token):
                raise Refused(f"{{{{{node.kind}}}}} closes nothing", node.position)
            nodes.append(node)
        self._add(MAIN, tuple(nodes), self._in.peek().position)
        return self._templates

    def _body(self) -> tuple[Body, _Closing]:
        opened = self._in.peek().position
        self._in.enter(opened)
        nodes: list[Node] = []
        while self._in.peek().kind != lexer.END:
            node = self._node()
            if isinstance(node, Token):
                self._in.leave()
                return tuple(nodes), node
            nodes.append(node)
        raise Refused("an {{end}} is missing", self._in.peek().position)

    def _node(self) -> Node | _Closing:
        token = self._in.take()
        if token.kind == lexer.TEXT:
            return Text(token.text)
        if token.kind != OPEN:
            raise unexpected(token, "the template")
        word = self._in.peek()
        action = _ACTIONS.get(word.kind)
        if action is None:
            return Action(self._in.pipeline("the action", CLOSE))
        self._in.take()
        return action(self, word)

    def _define(self) -> None:
        self._in.take()
        self._in.take()
        name = self._in.take()
        text = self._template_name(name)
        self._in.expect(CLOSE, "define")
        self._add(text, self._separate_body(), name.position)

    def _separate_body(self) -> Body:
        """A body that sees neither the variables nor the loops around it."""
        outer = self._in.variables, self._loops
        self._in.variables, self._loops = ["$"], 0
        body, closing = self._body()
        if closing.kind != "end":
            raise unexpected(closing, "a template")
        self._in.variables, self._loops = outer
        return body

    def _add(self, name: str, body: Body, position: int) -> None:
        if name not in self._templates or _is_blank(self._templates[name]):
            self._templates[name] = body
        elif not _is_blank(body):
            raise Refused(f"the template {shown(name)} is defined twice", position)

    def _template_name(self, token: Token) -> str:
        if token.kind not in (lexer.STRING, lexer.RAW):
            raise unexpected(token, "the place of a template's name")
        return text_literal(token.text, token.position)

    # --- actions with a keyword ---

    def _branch(self, word: Token) -> Node:
        pipeline, body, otherwise = self._control(word)
        return Branch(word.kind == "with", pipeline, body, otherwise)

    def _range(self, word: Token) -> Node:
        return Range(*self._control(word))

    def _control(self, word: Token) -> tuple[Pipeline, Body, Body]:
        known = len(self._in.variables)
        pipeline = self._in.pipeline(word.kind, CLOSE)
        self._loops += word.kind == "range"
        body, closing = self._body()
        self._loops -= word.kind == "range"
        otherwise = self._otherwise(word) if closing.kind == "else" else ()
        del self._in.variables[known:]
        return pipeline, body, otherwise

    def _otherwise(self, word: Token) -> Body:
        following = self._in.peek()
        if following.kind in ("if", "with"):  # the else is left open for it
            if following.kind != word.kind:
                raise unexpected(following, f"the else of {word.kind}")
            self._in.take()
            self._in.enter(following.position)
            nested = self._branch(following)
            self._in.leave()
            return (nested,)
        body, closing = self._body()
        if closing.kind != "end":
            raise Refused("a second {{else}}", closing.position)
        return body

    def _closing(self, word: Token) -> _Closing:
        if word.kind == "end" or self._in.peek().kind not in ("if", "with"):
            self._in.expect(CLOSE, word.kind)
        return word

    def _jump(self, word: Token) -> Node:
        self._in.expect(CLOSE, word.kind)
        if not self._loops:
            raise Refused(f"{{{{{word.kind}}}}} outside of a {{{{range}}}}", word.position)
        return Jump(word.kind)

    def _call(self, word: Token) -> Node:
        name = self._template_name(self._in.take())
        if self._in.peek().kind == CLOSE:
            self._in.take()
            return Call(word.position, name, None)
        return Call(word.position, name, self._in.pipeline("template", CLOSE))

    def _block(self, word: Token) -> Node:
        name = self._in.take()
        text = self._template_name(name)
        pipeline = self._in.pipeline("block", CLOSE)
        self._add(text, self._separate_body(), name.position)
        return Call(word.position, text, pipeline)


_ACTIONS: Final = {
    "block": _Parser._block,
    "break": _Parser._jump,
    "continue": _Parser._jump,
    "else": _Parser._closing,
    "end": _Parser._closing,
    "if": _Parser._branch,
    "range": _Parser._range,
    "template": _Parser._call,
    "with": _Parser._branch,
}


def _is_blank(body: Body) -> bool:
    return all(isinstance(node, Text) and not node.text.strip(_WHITE) for node in body)
