"""Renders a template: carries out the statements of Go's ``text/template``."""

from typing import Final, NamedTuple, final

from returns.result import Failure, Result, Success

from image_builder_domain.go.template.data import TemplateData
from image_builder_domain.go.template.expression import Expressions
from image_builder_domain.go.template.parser import parse
from image_builder_domain.go.template.printing import plain
from image_builder_domain.go.template.refusal import Refused, TemplateError, shown
from image_builder_domain.go.template.syntax import MAIN, Action, Body, Branch, Call, Range, Templates, Text
from image_builder_domain.go.template.value import INTEGERS, ROOT, Value, canonical, encoded, is_true, type_name

LONGEST_OUTPUT: Final = 128
"""Characters: the longest tag."""


@final
class Evaluation:
    """One run of a template."""

    def __init__(self, templates: Templates, data: TemplateData) -> None:
        self._templates = templates
        self._values = Expressions(data)
        self._output: list[str] = []
        self._length = 0

    @property
    def position(self) -> int:
        """The place of the last evaluation."""
        return self._values.position

    @property
    def unset(self) -> tuple[str, ...]:
        """The environment variables that were looked up and are not set, in order."""
        return tuple(self._values.unset)

    def text(self) -> str:
        """The rendered text; raises :class:`Refused` where Go would stop, or at one of our limits."""
        self._walk(ROOT, self._templates[MAIN])
        text = canonical("".join(self._output))
        if len(text) > LONGEST_OUTPUT:
            raise _too_long()
        return text

    def _write(self, text: str) -> None:
        self._output.append(text)
        self._length += len(text)
        if self._length > 4 * LONGEST_OUTPUT:  # four bytes that came one by one may be one character in the end
            raise _too_long()

    # --- nodes ---

    def _walk(self, dot: Value, body: Body) -> str:
        """Render a body. Returns ``break`` or ``continue`` if it ends in one, else an empty text."""
        self._values.enter()
        for node in body:
            self._values.spend()
            match node:
                case Text():
                    self._write(node.text)
                    jump = ""
                case Action():
                    self._act(dot, node)
                    jump = ""
                case Branch():
                    jump = self._branch(dot, node)
                case Range():
                    jump = self._range(dot, node)
                case Call():
                    jump = self._call_template(dot, node)
                case _:
                    jump = node.word
            if jump:
                self._values.leave()
                return jump
        self._values.leave()
        return ""

    def _act(self, dot: Value, node: Action) -> None:
        value = self._values.pipeline(dot, node.pipeline)
        self._values.position = node.pipeline.position
        if not node.pipeline.names:
            self._write("<no value>" if value is None else plain(value))

    def _branch(self, dot: Value, node: Branch) -> str:
        known = len(self._values.variables)
        value = self._values.pipeline(dot, node.pipeline)
        if is_true(value):
            jump = self._walk(value if node.rebinds else dot, node.body)
        else:
            jump = self._walk(dot, node.otherwise)
        del self._values.variables[known:]
        return jump

    def _range(self, dot: Value, node: Range) -> str:
        known = len(self._values.variables)
        value = self._values.pipeline(dot, node.pipeline)
        self._values.position = node.pipeline.position
        if value is not None and type(value) not in INTEGERS:
            raise Refused(f"range counts up to a number; this is {type_name(value)}")
        if value is not None and len(node.pipeline.names) > 1:
            raise Refused("range over a number has one variable")
        jump = self._loop(value, node) if isinstance(value, int) and value > 0 else self._walk(dot, node.otherwise)
        del self._values.variables[known:]
        return "" if jump == "break" else jump  # as in Go, ``break`` in ``else`` ends this range, not the one around it

    def _loop(self, end: int, node: Range) -> str:
        made, known = type(end), len(self._values.variables)
        for number in range(end):
            self._values.spend()
            element = made(number)
            for name in node.pipeline.names:
                if node.pipeline.assigns:
                    self._values.assign(name, element)
                else:
                    self._values.variables[known - 1] = (name, element)
            jump = self._walk(element, node.body)
            del self._values.variables[known:]
            if jump == "break":
                break
        return ""

    def _call_template(self, dot: Value, node: Call) -> str:
        self._values.position = node.position
        body = self._templates.get(node.name)
        if body is None:
            names = ", ".join(sorted(map(repr, self._templates)))
            raise Refused(f"unknown template {shown(node.name)}", names=names)
        value = self._values.pipeline(dot, node.pipeline) if node.pipeline is not None else None
        outer, self._values.variables = self._values.variables, [("$", value)]
        self._walk(value, body)
        self._values.variables = outer
        return ""


def _too_long() -> Refused:
    return Refused(f"the text is longer than {LONGEST_OUTPUT} characters")


# --- the entrance ----------------------------------------------------------------------------------------------------

LONGEST_SOURCE: Final = 4096
"""Bytes."""


@final
class Rendered(NamedTuple):
    """The text, and the environment variables that the template looked up and that are not set."""

    text: str
    unset: tuple[str, ...]


def interpret(source: str, data: TemplateData) -> Result[Rendered, TemplateError]:
    """Render a template; the failure shows the position and the available names."""
    evaluation: Evaluation | None = None
    try:
        source = canonical(source)
        if len(source) > LONGEST_SOURCE or len(encoded(source)) > LONGEST_SOURCE:
            raise Refused(f"the template is longer than {LONGEST_SOURCE} bytes")
        templates = parse(source)
        if isinstance(templates, TemplateError):
            return Failure(templates)
        evaluation = Evaluation(templates, data)
        return Success(Rendered(evaluation.text(), evaluation.unset))
    except Refused as refused:
        return Failure(refused.error(source, evaluation.position if evaluation is not None else 0))
