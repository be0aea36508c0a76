"""Carries a parsed template out: the evaluation rules of Go's ``text/template``.

The budget is there for templates that were written to hurt: steps, depth, and the sizes of texts are bounded, so that
every template ends soon.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, final

from image_builder_domain.secret_name import holds_secret
from image_builder_domain.templates.functions import BUILTINS
from image_builder_domain.templates.member import METHODS
from image_builder_domain.templates.printing import plain
from image_builder_domain.templates.refusal import FIELDS, Refused
from image_builder_domain.templates.syntax import (
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
    Literal,
    Nil,
    Number,
    Operand,
    Pipeline,
    Range,
    Templates,
    Text,
    Variable,
)
from image_builder_domain.templates.value import (
    INTEGERS,
    ROOT,
    TYPE_NAMES,
    Duration,
    Root,
    Time,
    Value,
    canonical,
    is_true,
    type_name,
)

MOST_STEPS: Final = 10_000
DEEPEST: Final = 100
LONGEST_OUTPUT: Final = 128
"""Characters; a tag has no more."""

_LONGEST_TEXT: Final = 16_384
_CHARACTERS_PER_STEP: Final = 16


@final
class Inputs(NamedTuple):
    """The fields of ``.`` and the environment that ``.Env`` asks."""

    fields: Mapping[str, str | Time]
    environment: Mapping[str, str]


@final
class _Absent:
    """The place before the first command of a pipeline, from which no value comes."""


_ABSENT: Final = _Absent()


@final
class Evaluation:
    """One run of a template. ``position`` is the place that is evaluated, ``unset`` what ``.Env`` did not find."""

    def __init__(self, templates: Templates, inputs: Inputs) -> None:
        self.position = 0
        self.unset: dict[str, None] = {}
        self._templates = templates
        self._inputs = inputs
        self._output: list[str] = []
        self._length = 0
        self._steps = 0
        self._depth = 0
        self._variables: list[tuple[str, Value]] = [("$", ROOT)]

    def text(self) -> str:
        """Carry the template out; :class:`Refused` where Go would stop, or where we do."""
        self._walk(ROOT, self._templates[MAIN])
        text = canonical("".join(self._output))
        if len(text) > LONGEST_OUTPUT:
            raise Refused(f"the text is longer than {LONGEST_OUTPUT} characters", self.position)
        return text

    # --- the budget ---

    def _spend(self, steps: int = 1) -> None:
        self._steps += steps
        if self._steps > MOST_STEPS:
            raise Refused(f"the template takes more than {MOST_STEPS} steps", self.position)

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Refused(f"more than {DEEPEST} levels of nesting are not supported", self.position)

    def _write(self, text: str) -> None:
        self._output.append(text)
        self._length += len(text)
        if self._length > 4 * LONGEST_OUTPUT:  # four bytes that came one by one may be one character in the end
            raise Refused(f"the text is longer than {LONGEST_OUTPUT} characters", self.position)

    # --- nodes ---

    def _walk(self, dot: Value, body: Body) -> str:
        """Carry out a body; ``break`` or ``continue`` when it ends in one, else nothing."""
        self._enter()
        for node in body:
            self._spend()
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
                self._depth -= 1
                return jump
        self._depth -= 1
        return ""

    def _act(self, dot: Value, node: Action) -> None:
        value = self._pipeline(dot, node.pipeline)
        self.position = node.pipeline.position
        if not node.pipeline.names:
            self._write("<no value>" if value is None else plain(value))

    def _branch(self, dot: Value, node: Branch) -> str:
        known = len(self._variables)
        value = self._pipeline(dot, node.pipeline)
        if is_true(value):
            jump = self._walk(value if node.rebinds else dot, node.body)
        else:
            jump = self._walk(dot, node.otherwise)
        del self._variables[known:]
        return jump

    def _range(self, dot: Value, node: Range) -> str:
        known = len(self._variables)
        value = self._pipeline(dot, node.pipeline)
        self.position = node.pipeline.position
        if value is not None and type(value) not in INTEGERS:
            raise Refused(f"range counts up to a number; this is {type_name(value)}")
        if value is not None and len(node.pipeline.names) > 1:
            raise Refused("range over a number has one variable")
        jump = self._loop(value, node) if isinstance(value, int) and value > 0 else self._walk(dot, node.otherwise)
        del self._variables[known:]
        return jump

    def _loop(self, end: int, node: Range) -> str:
        made, known = type(end), len(self._variables)
        for number in range(end):
            self._spend()
            element = made(number)
            for name in node.pipeline.names:
                if node.pipeline.assigns:
                    self._assign(name, element)
                else:
                    self._variables[known - 1] = (name, element)
            jump = self._walk(element, node.body)
            del self._variables[known:]
            if jump == "break":
                break
        return ""

    def _call_template(self, dot: Value, node: Call) -> str:
        self.position = node.position
        body = self._templates.get(node.name)
        if body is None:
            names = ", ".join(sorted(map(repr, self._templates)))
            raise Refused(f"there is no template {node.name!r}", names=names)
        value = self._pipeline(dot, node.pipeline) if node.pipeline is not None else None
        outer, self._variables = self._variables, [("$", value)]
        self._walk(value, body)
        self._variables = outer
        return ""

    # --- variables ---

    def _lookup(self, name: str) -> Value:
        for known, value in reversed(self._variables):
            if known == name:
                return value
        raise self._undefined(name)

    def _assign(self, name: str, value: Value) -> None:
        for place in range(len(self._variables) - 1, -1, -1):
            if self._variables[place][0] == name:
                self._variables[place] = (name, value)
                return
        raise self._undefined(name)

    def _undefined(self, name: str) -> Refused:
        names = ", ".join(dict.fromkeys(known for known, _ in self._variables))
        return Refused(f"there is no variable {name} here", names=names)

    # --- pipelines ---

    def _pipeline(self, dot: Value, pipeline: Pipeline) -> Value:
        value: Value | _Absent = _ABSENT
        for command in pipeline.commands:
            value = self._command(dot, command, value)
        assert not isinstance(value, _Absent)
        for name in pipeline.names:
            if pipeline.assigns:
                self.position = pipeline.position
                self._assign(name, value)
            else:
                self._variables.append((name, value))
        return value

    def _command(self, dot: Value, command: Command, piped: Value | _Absent) -> Value:
        self._spend()
        first, arguments = command.first, command.arguments
        self.position = first.position
        match first:
            case Field():
                return self._chain(dot, dot, first.names, arguments, piped, first.position)
            case Function():
                return self._function(dot, first, arguments, piped)
            case Chain():
                receiver = self._operand(dot, first.operand)
                return self._chain(dot, receiver, first.names, arguments, piped, first.position)
            case Variable() if first.names:
                return self._chain(dot, self._lookup(first.name), first.names, arguments, piped, first.position)
        if arguments or not isinstance(piped, _Absent):
            raise Refused("only functions and methods take arguments")
        if isinstance(first, Nil):
            raise Refused("nil is no value of its own")
        return self._operand(dot, first)

    def _operand(self, dot: Value, operand: Operand) -> Value:
        """The value of an operand where a value of any type will do."""
        self.position = operand.position
        match operand:
            case Literal():
                return operand.value
            case Number():
                if operand.constant.value is None:
                    raise Refused(f"{operand.text} does not fit into an int")
                return operand.constant.value
            case Nil():
                return None
            case Dot():
                return dot
            case Field():
                return self._chain(dot, dot, operand.names, (), _ABSENT, operand.position)
            case Variable():
                value = self._lookup(operand.name)
                return self._chain(dot, value, operand.names, (), _ABSENT, operand.position)
            case Function():
                return self._function(dot, operand, (), _ABSENT)
            case Chain():
                receiver = self._operand(dot, operand.operand)
                return self._chain(dot, receiver, operand.names, (), _ABSENT, operand.position)
            case Pipeline():
                self._enter()
                value = self._pipeline(dot, operand)
                self._depth -= 1
                return value

    # --- calls ---

    def _function(self, dot: Value, function: Function, arguments: Sequence[Operand], piped: Value | _Absent) -> Value:
        name = function.name
        if name in ("and", "or"):
            return self._first_decisive(dot, name == "or", function, arguments, piped)
        builtin = BUILTINS[name]
        count, least = len(arguments) + (not isinstance(piped, _Absent)), len(builtin.parameters)
        if count < least or (count > least and not builtin.more):
            raise _wrong_count(name, least, count, "at least " if builtin.more else "")
        values = self._arguments(dot, builtin.parameters, arguments, piped)
        self.position = function.position
        return self._bounded(builtin.call(*values))

    def _first_decisive(
        self, dot: Value, decisive: bool, function: Function, arguments: Sequence[Operand], piped: Value | _Absent
    ) -> Value:
        """``and`` and ``or``: the first value that decides, or the last one; what follows is not evaluated."""
        if not arguments and isinstance(piped, _Absent):
            raise _wrong_count(function.name, 1, 0, "at least ")
        value: Value = None
        for argument in arguments:
            value = self._operand(dot, argument)
            if is_true(value) == decisive:
                return value
        return value if isinstance(piped, _Absent) else piped

    def _chain(
        self,
        dot: Value,
        receiver: Value,
        names: Sequence[str],
        arguments: Sequence[Operand],
        piped: Value | _Absent,
        position: int,
    ) -> Value:
        """``.A.B.C arguments``: only the last one takes them."""
        last = len(names) - 1
        for place, name in enumerate(names):
            self.position = position
            if place == last:
                receiver = self._member(dot, receiver, name, arguments, piped)
            else:
                receiver = self._member(dot, receiver, name, (), _ABSENT)
        return receiver

    def _member(
        self, dot: Value, receiver: Value, name: str, arguments: Sequence[Operand], piped: Value | _Absent
    ) -> Value:
        self._spend()
        if receiver is None:
            return None
        if isinstance(receiver, Root):
            return self._root_member(dot, name, arguments, piped)
        methods = METHODS.get(type(receiver), {})
        method = methods.get(name)
        if method is None:
            names = ", ".join(f".{known}" for known in methods) or "no fields or methods here"
            raise Refused(f"{type_name(receiver)} has no .{name}", names=names)
        count = len(arguments) + (not isinstance(piped, _Absent))
        if count != len(method.parameters):
            raise _wrong_count(f".{name}", len(method.parameters), count, "")
        position = self.position
        values = self._arguments(dot, method.parameters, arguments, piped)
        self.position = position
        return self._bounded(method.call(receiver, *values))

    def _root_member(self, dot: Value, name: str, arguments: Sequence[Operand], piped: Value | _Absent) -> Value:
        count = len(arguments) + (not isinstance(piped, _Absent))
        if name == "Env":
            if count != 1:
                raise _wrong_count(".Env", 1, count, "")
            (variable,) = self._arguments(dot, (str,), arguments, piped)
            return self._environment(str(variable))
        if name not in FIELDS:
            raise Refused(f"there is no field .{name}")
        if count:
            raise Refused(f".{name} is a field, and takes no arguments")
        return self._inputs.fields[name]

    def _environment(self, name: str) -> str:
        if holds_secret(name):
            raise Refused(f"the variable {name!r} may hold a secret; a template cannot use it")
        value = self._inputs.environment.get(name)
        if value is None:
            self.unset[name] = None
        return self._bounded_text(value or "")

    def _arguments(
        self, dot: Value, parameters: Sequence[type[Any] | None], arguments: Sequence[Operand], piped: Value | _Absent
    ) -> list[Value]:
        values: list[Value] = []
        for place, argument in enumerate(arguments):
            values.append(self._argument(dot, parameters[place] if place < len(parameters) else None, argument))
        if not isinstance(piped, _Absent):
            expected = parameters[len(values)] if len(values) < len(parameters) else None
            values.append(_checked(expected, piped))
        return values

    def _argument(self, dot: Value, expected: type[Any] | None, operand: Operand) -> Value:
        if expected is None:
            return self._operand(dot, operand)
        self.position = operand.position
        if isinstance(operand, Number) and expected in (int, Duration):
            if operand.constant.integer is None:
                raise Refused(f"{operand.text} is no whole number")
            whole: int = expected(operand.constant.integer)
            return whole
        return _checked(expected, self._operand(dot, operand))

    def _bounded(self, value: Value) -> Value:
        return self._bounded_text(value) if isinstance(value, str) else value

    def _bounded_text(self, text: str) -> str:
        if len(text) > _LONGEST_TEXT:
            raise Refused(f"texts of more than {_LONGEST_TEXT} characters are not supported")
        self._spend(len(text) // _CHARACTERS_PER_STEP)
        return text


def _checked(expected: type[Any] | None, value: Value) -> Value:
    if expected is not None and type(value) is not expected:
        raise Refused(f"an argument of the type {_SPOKEN[expected]} is needed here, not {type_name(value)}")
    return value


_SPOKEN: Final[dict[type[Any], str]] = {**TYPE_NAMES, bytes: "[]byte"}


def _wrong_count(name: str, wanted: int, given: int, least: str) -> Refused:
    return Refused(f"{name} takes {least}{wanted} arguments, not {given}")
