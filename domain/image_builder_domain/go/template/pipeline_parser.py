"""Makes pipelines of tokens: commands and their operands.

What Go checks before a template runs is checked here: that functions and variables exist, and what a pipe leads to.
"""

from typing import Final, final

from image_builder_domain.go.template import lexer
from image_builder_domain.go.template.lexer import CLOSE, FIELD, VARIABLE, Token
from image_builder_domain.go.template.literal import character_literal, number_literal, text_literal
from image_builder_domain.go.template.refusal import LONGEST_SHOWN, Refused, shown
from image_builder_domain.go.template.syntax import (
    Chain,
    Command,
    Dot,
    Field,
    Function,
    Literal,
    Nil,
    Number,
    Operand,
    Pipeline,
    Variable,
)

FUNCTIONS: Final = (
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf",
    "println", "slice", "urlquery",
)  # fmt: skip
DEEPEST: Final = 100
"""How deep parentheses and blocks may be nested, together."""

_OPERANDS: Final = frozenset(
    {
        lexer.BOOL, lexer.CHAR, lexer.DOT, FIELD, lexer.WORD, lexer.NUMBER, "nil", lexer.RAW, lexer.STRING, VARIABLE,
        "(",
    }
)  # fmt: skip


@final
class PipelineParser:
    """Reads along the tokens. ``variables`` are the names that are known at this place."""

    def __init__(self, source: str) -> None:
        self.variables = ["$"]
        self._tokens = lexer.tokens(source)
        self._place = 0
        self._depth = 0

    # --- tokens ---

    def peek(self, ahead: int = 0) -> Token:
        """The next token, or one after it; it stays the next one."""
        return self._tokens[self._place + ahead]

    def take(self) -> Token:
        """The next token, which is done with."""
        token = self._tokens[self._place]
        self._place += 1
        return token

    def expect(self, kind: str, where: str) -> Token:
        """The next token, which must be of this kind."""
        token = self.take()
        if token.kind != kind:
            raise unexpected(token, where)
        return token

    def enter(self, position: int) -> None:
        """Go one level deeper; :meth:`leave` comes back."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise Refused(f"more than {DEEPEST} levels of nesting are not supported", position)

    def leave(self) -> None:
        """Come back from one level."""
        self._depth -= 1

    # --- pipelines ---

    def pipeline(self, where: str, end: str) -> Pipeline:
        """Everything up to a token of the kind ``end``, which is done with too."""
        position = self.peek().position
        names, assigns = self._declarations(where)
        commands: list[Command] = []
        while (token := self.peek()).kind != end:
            if token.kind not in _OPERANDS:
                raise unexpected(token, where)
            commands.append(self._command())
        if not commands:
            raise Refused(f"there is no value in {where}", self.peek().position)
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
                raise unexpected(token, "a command")
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
            raise Refused(f"there is no function {shown(token.text)}", token.position, ", ".join(FUNCTIONS))
        if token.kind == VARIABLE and token.text not in self.variables:
            names = ", ".join(dict.fromkeys(self.variables))
            raise Refused(f"there is no variable {token.text[:LONGEST_SHOWN]}", token.position, names)
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
            raise unexpected(token, "an operand")


def unexpected(token: Token, where: str) -> Refused:
    """The failure at a token that cannot stand there."""
    return Refused(f"unexpected {shown(token.text or token.kind)} in {where}", token.position)
