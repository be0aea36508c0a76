"""Parses the tokens of a template into nodes: the grammar of Go's ``text/template``.

Errors that Go finds before a template runs are found here: unknown functions and variables, blocks that are not closed,
``break`` outside of a loop, templates that are defined twice. ``define`` and ``block`` have their own scope.
"""

from functools import lru_cache
from typing import Final, TypeAlias, final

from image_builder_domain.go.template import lexer
from image_builder_domain.go.template.lexer import CLOSE, FIELD, OPEN, VARIABLE, Token
from image_builder_domain.go.template.literal import character_literal, number_literal, text_literal
from image_builder_domain.go.template.refusal import LONGEST_SHOWN, Refused, TemplateError, shown
from image_builder_domain.go.template.syntax import (
    MAIN,
    Action,
    Body,
    Branch,
    Call,
    Chain,
    Command,
    Dot,
    Field,
    Function,
    Jump,
    Literal,
    Nil,
    Node,
    Number,
    Operand,
    Pipeline,
    Range,
    Templates,
    Text,
    Variable,
)

FUNCTIONS: Final = (
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf",
    "println", "slice", "urlquery",
)  # fmt: skip
_DEEPEST: Final = 100
"""The depth of nested parentheses and blocks, together."""

_OPERANDS: Final = frozenset(
    {
        lexer.BOOL, lexer.CHAR, lexer.DOT, FIELD, lexer.WORD, lexer.NUMBER, "nil", lexer.RAW, lexer.STRING, VARIABLE,
        "(",
    }
)  # fmt: skip


@final
class _PipelineParser:
    """Parses pipelines. ``variables`` are the names that are defined at this place."""

    def __init__(self, source: str) -> None:
        self.variables = ["$"]
        self._tokens = lexer.tokens(source)
        self._place = 0
        self._depth = 0

    # --- tokens ---

    def peek(self, ahead: int = 0) -> Token:
        """The next token, or one after it, without consuming it."""
        return self._tokens[self._place + ahead]

    def take(self) -> Token:
        """Consume the next token."""
        token = self._tokens[self._place]
        self._place += 1
        return token

    def expect(self, kind: str, where: str) -> Token:
        """Consume the next token, which must be of this kind."""
        token = self.take()
        if token.kind != kind:
            raise _unexpected(token, where)
        return token

    def enter(self, position: int) -> None:
        """Enter a level of nesting; :meth:`leave` ends it."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Refused(f"more than {_DEEPEST} levels of nesting are not supported", position)

    def leave(self) -> None:
        """Leave a level of nesting."""
        self._depth -= 1

    # --- pipelines ---

    def pipeline(self, where: str, end: str) -> Pipeline:
        """Everything up to a token of the kind ``end``, which is consumed too."""
        position = self.peek().position
        names, assigns = self._declarations(where)
        commands: list[Command] = []
        while (token := self.peek()).kind != end:
            if token.kind not in _OPERANDS:
                raise _unexpected(token, where)
            commands.append(self._command())
        if not commands:
            raise Refused(f"a value is missing in {where}", self.peek().position)
        self._place += 1
        for command in commands[1:]:
            if isinstance(command.first, Literal | Number | Dot | Nil):
                raise Refused("what a pipe leads to must be a function or a method", command.position)
        return Pipeline(position, names, assigns, tuple(commands))

    def _declarations(self, where: str) -> tuple[tuple[str, ...], bool]:
        names: list[str] = []
        while self.peek().kind == VARIABLE:
            following = self.peek(1).kind
            if following not in (":=", "=", ","):
                break
            names.append(self.peek().text)
            self.variables.append(self.peek().text)
            self._place += 2
            if following != ",":
                return tuple(names), following == "="
            if where != "range" or len(names) > 1 or self.peek().kind not in (VARIABLE, CLOSE, ")"):
                raise Refused(f"too many variables in {where}", self._tokens[self._place - 1].position)
        return tuple(names), False

    def _command(self) -> Command:
        position = self.peek().position
        operands = [self._operand()]
        while True:
            token = self.peek()
            if token.kind in (CLOSE, ")"):
                break
            if token.kind == "|":
                self._place += 1
                break
            if not token.spaced or token.kind not in _OPERANDS:
                raise _unexpected(token, "a command")
            operands.append(self._operand())
        return Command(position, operands[0], tuple(operands[1:]))

    def _operand(self) -> Operand:
        token = self.peek()
        term = self._term()
        names: list[str] = []
        while (following := self.peek()).kind == FIELD and not following.spaced:
            names.append(self.take().text[1:])
        if not names:
            return term
        match term:
            case Field():
                return Field(term.position, (*term.names, *names))
            case Variable():
                return Variable(term.position, term.name, tuple(names))
            case Function() | Pipeline():
                return Chain(term.position, term, tuple(names))
            case _:
                raise Refused(f"{shown(token.text)} has no fields", token.position)

    def _term(self) -> Operand:
        token = self.take()
        if token.kind == "(":
            self.enter(token.position)
            pipeline = self.pipeline("the parentheses", ")")
            self.leave()
            return pipeline._replace(position=token.position)
        if token.kind == lexer.WORD and token.text not in FUNCTIONS:
            raise Refused(f"unknown function {shown(token.text)}", token.position, ", ".join(FUNCTIONS))
        if token.kind == VARIABLE and token.text not in self.variables:
            names = ", ".join(dict.fromkeys(self.variables))
            raise Refused(f"unknown variable {token.text[:LONGEST_SHOWN]}", token.position, names)
        return _simple_operand(token)


def _simple_operand(token: Token) -> Operand:
    kind, text, position, _ = token
    match kind:
        case lexer.FIELD:
            return Field(position, (text[1:],))
        case lexer.VARIABLE:
            return Variable(position, text, ())
        case lexer.WORD:
            return Function(position, text)
        case lexer.STRING | lexer.RAW:
            return Literal(position, text_literal(text, position))
        case lexer.BOOL:
            return Literal(position, text == "true")
        case lexer.DOT:
            return Dot(position)
        case lexer.CHAR:
            return Number(position, text, character_literal(text, position))
        case lexer.NUMBER:
            return Number(position, text, number_literal(text, position))
        case "nil":
            return Nil(position)
        case _:
            raise _unexpected(token, "an operand")


def _unexpected(token: Token, where: str) -> Refused:
    """The failure at a token that is not allowed there."""
    return Refused(f"unexpected {shown(token.text or token.kind)} in {where}", token.position)


# --- bodies ----------------------------------------------------------------------------------------------------------

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
        self._in = _PipelineParser(source)
        self._templates: dict[str, Body] = {}
        self._loops = 0

    # --- bodies ---

    def templates(self) -> Templates:
        """The bodies of all templates, including that of the whole source."""
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
            raise _unexpected(token, "the template")
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
            raise _unexpected(closing, "a template")
        self._in.variables, self._loops = outer
        return body

    def _add(self, name: str, body: Body, position: int) -> None:
        if name not in self._templates or _is_blank(self._templates[name]):
            self._templates[name] = body
        elif not _is_blank(body):
            raise Refused(f"the template {shown(name)} is defined twice", position)

    def _template_name(self, token: Token) -> str:
        if token.kind not in (lexer.STRING, lexer.RAW):
            raise _unexpected(token, "the place of a template's name")
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
                raise _unexpected(following, f"the else of {word.kind}")
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
